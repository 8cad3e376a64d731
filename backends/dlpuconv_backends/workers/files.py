"""A disk that is full is the user's to act on, not a defect."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Turn what the system says while a temporary file is written into one sentence.

    Args:
        what: is written.
        folder: where to.

    Raises:
        OutputError: in the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{what} cannot be written to {folder}: {error.strerror or error} (TMPDIR names another place)"
        ) from error
