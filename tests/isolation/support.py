"""Workers for these tests."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.isolation import Launch, Limits

LAUNCH = Launch(title="the test worker", tasks=Path(__file__).with_name("tasks.py"))
WITH_FOLDER = Launch(title="the test worker", tasks=Path(__file__).with_name("tasks.py"), has_folder=True)
LIMITS = Limits(memory=1 << 28, seconds=60)
