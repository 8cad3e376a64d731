"""Errors on their way out of a worker: what its task refuses is an answer, and an error again where it was asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError, ModelError, ShapeError, UnsupportedModelError, UsageError

if TYPE_CHECKING:
    from dlpuconv.isolation.serve import Facts

_CLASSES: tuple[type[DlpuconvError], ...] = (ModelError, ShapeError, UnsupportedModelError, UsageError)
_ID = re.compile(r"[a-z]+(?:-[a-z0-9]+){1,8}")


def refused(error: DlpuconvError) -> Facts:
    """The answer of a task that refuses what it was given."""
    return {"refused": str(error), "status": error.status, "id": error.id}


def raise_refused(facts: Facts, what: str) -> None:
    """Raise what the task refused; nothing happens where it did not.

    Args:
        facts: of the answer. The worker read a stranger's file, so whatever is in them may be the stranger's.
        what: was asked about, for the message.

    Raises:
        ModelError, ShapeError, UnsupportedModelError, UsageError: the task raised it.
    """
    if "refused" in facts:
        told, status = str(facts.get("id", "")), facts.get("status")
        kinds = [kind for kind in _CLASSES if kind.status == status]
        raise (kinds[0] if kinds else ModelError)(f"{what}: {facts['refused']}", id=told if _ID.fullmatch(told) else "")
