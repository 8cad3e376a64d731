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

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.testing.backends import BackendContract as BackendContract
    from dlpuconv.testing.targets import TargetContract as TargetContract
    from dlpuconv.testing.whole import hold_to_contract as hold_to_contract

_HOMES = {"BackendContract": "backends", "TargetContract": "targets", "hold_to_contract": "whole"}
__all__ = ["BackendContract", "TargetContract", "hold_to_contract"]


def __getattr__(name: str) -> object:
    """Every run of pytest loads this package, for its fixture: contracts are imported where they are used."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
