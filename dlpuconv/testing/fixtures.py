"""What dlpuconv brings to pytest. It is loaded at the start of every test run, so it imports nothing but pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def dlpuconv_contract() -> Callable[..., None]:
    """Holds a plugin to its contract: `dlpuconv_contract(target="mychip")`; see `dlpuconv.testing`."""
    from dlpuconv.testing import hold_to_contract

    return hold_to_contract
