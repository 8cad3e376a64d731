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

from dlpuconv.testing.backends import BackendContract
from dlpuconv.testing.targets import TargetContract
from dlpuconv.testing.whole import hold_to_contract

__all__ = ["BackendContract", "TargetContract", "hold_to_contract"]
