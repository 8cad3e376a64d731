"""Workers for these tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv import isolation
from dlpuconv.isolation import Launch, Limits

if TYPE_CHECKING:
    import pytest

LAUNCH = Launch(title="the test worker", tasks=Path(__file__).with_name("tasks.py"))
WITH_FOLDER = Launch(title="the test worker", tasks=Path(__file__).with_name("tasks.py"), has_folder=True)
LIMITS = Limits(memory=1 << 28, seconds=60)


def count_starts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that gets the launch of each worker that is started from now on."""
    begun: list[Any] = []
    start = isolation.process._started

    def counted(*given: Any) -> Any:
        begun.append(given[0])
        return start(*given)

    monkeypatch.setattr(isolation.process, "_started", counted)
    return begun
