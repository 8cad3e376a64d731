"""The contract of plugins, as tests: subclass it, name your target or backend, and let pytest run it.

    from dlpuconv.testing import TargetContract

    class TestMyChip(TargetContract):
        target = "mychip"

Or check all clauses in one test, with the fixture that dlpuconv brings to pytest:

    def test_contract(dlpuconv_contract):
        dlpuconv_contract(target="mychip")

A target is named as on the command line: one that is installed, or a .toml file. The clauses convert a small network
with it, and look at the result and at the rules; a broken clause is reported in one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.testing.backends import BackendContract as BackendContract
    from dlpuconv.testing.targets import TargetContract as TargetContract
    from dlpuconv.testing.whole import hold_to_contract as hold_to_contract

__all__ = ["BackendContract", "TargetContract", "hold_to_contract"]

# Every run of pytest loads this package, for its fixture: contracts are imported where they are used.
__getattr__ = later(
    __name__,
    {
        "dlpuconv.testing.backends": ("BackendContract",),
        "dlpuconv.testing.targets": ("TargetContract",),
        "dlpuconv.testing.whole": ("hold_to_contract",),
    },
)
