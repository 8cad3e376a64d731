"""Several problems become one error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.errors import DlpuconvError

SHOWN = 8


def raise_together(problems: Sequence[DlpuconvError]) -> None:
    """Raise one error that tells of all problems of the first one's class; nothing happens when there is none.

    Raises:
        DlpuconvError: of the class of the first problem.
    """
    if not problems:
        return
    kind = type(problems[0])
    texts = list(dict.fromkeys(str(problem) for problem in problems if type(problem) is kind))
    raise kind(joined(texts))


def joined(texts: Sequence[str]) -> str:
    """One sentence from several; after the eighth only the number of the others."""
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
