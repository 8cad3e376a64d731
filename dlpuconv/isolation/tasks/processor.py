"""What this machine's processor makes of sums of 8-bit products."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_X86 = ("x86_64", "AMD64", "i686")
_EXACT = {"avx512_vnni", "avx_vnni"}


@cache
def sums_saturate() -> bool:
    """Whether ONNX Runtime's kernels for uint8 activations and int8 weights add two products in 16 bits here.

    They do on x86 without VNNI, where such sums saturate: its documentation on quantization, "Data type selection".
    """
    if platform.machine() not in _X86:
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace").split()
    except OSError:
        return True
    return _EXACT.isdisjoint(flags)
