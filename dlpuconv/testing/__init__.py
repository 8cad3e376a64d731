"""What every plugin must keep to, as tests: subclass a contract, name what it is of, and let pytest run it.

    from dlpuconv.testing import TargetContract

    class TestMyChip(TargetContract):
        target = "mychip"

Or ask for all clauses at once, with the fixture that dlpuconv brings to pytest:

    def test_contract(dlpuconv_contract):
        dlpuconv_contract(target="mychip")

A target is named as on the command line: one that is installed, or a .toml file. The clauses convert a small network
with it, look at what came of that, and at the rules; each is told in one sentence where it is broken.
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
