"""TFLite's kernels that round once, beside the plain ones, which round twice: what a figure owes to the kernels."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def kernels_that_round_once() -> Iterator[None]:
    """Within this, `dlpuconv.load` runs `.tflite` files by XNNPACK, LiteRT's default delegate."""
    from dlpuconv.formats import litert_runner
    from dlpuconv.formats.litert_session import FAST

    with mock.patch.object(litert_runner, "PLAIN", FAST):
        yield
