"""What tests hold of an error: its id, which stays, and the facts in its message, but no prose, which is improved."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dlpuconv.error_catalog import entry
from dlpuconv.errors import DlpuconvError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def raises_error(id: str, *facts: str) -> Iterator[pytest.ExceptionInfo[DlpuconvError]]:  # noqa: A002 - its name
    """The block raises the error of this id, of the class under which the catalogue has it.

    Args:
        id: of the error.
        facts: what its message must hold: names, numbers, options.
    """
    with pytest.raises(DlpuconvError) as caught:
        yield caught
    check_error(caught.value, id, *facts)


def check_error(error: DlpuconvError, id: str, *facts: str) -> None:  # noqa: A002 - its name
    """It has this id, the class under which the catalogue has that, and these facts in its message."""
    assert error.id == id, f"{error.kind} [{error.id}]: {error}"
    assert entry(id).kind in {kind.__name__ for kind in type(error).__mro__}
    for fact in facts:
        assert fact in str(error)


def refused_by(caught: pytest.ExceptionInfo[DlpuconvError]) -> tuple[str, ...]:
    """The values whose operators the error refuses."""
    assert isinstance(caught.value, UnsupportedModelError)
    return caught.value.refused
