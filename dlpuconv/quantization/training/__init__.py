"""Trained blocks: codes and biases of some layers together, by gradient, against the float network; needs torch."""

from __future__ import annotations

from importlib.util import find_spec


def is_possible() -> bool:
    """Whether torch is installed; it is not imported."""
    try:
        return find_spec("torch") is not None
    except ModuleNotFoundError:
        return False
