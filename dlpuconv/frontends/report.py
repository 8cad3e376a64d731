"""Several problems become one error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.errors import DlpuconvError


def raise_together(problems: Sequence[DlpuconvError]) -> None:
    """Raise one error that tells of all problems of the first one's class; nothing happens when there is none.

    Raises:
        DlpuconvError: of the class of the first problem, and with its id.
    """
    if not problems:
        return
    kind = type(problems[0])
    texts = list(dict.fromkeys(str(problem) for problem in problems if type(problem) is kind))
    raise kind(listed(texts, separator="; "), texts, id=problems[0].id)
