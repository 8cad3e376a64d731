"""A whole contract at once: every clause is tried, and all that is broken is told together."""

from __future__ import annotations

from dlpuconv.testing.backends import BackendContract
from dlpuconv.testing.targets import TargetContract


def hold_to_contract(*, target: str, backend: str | None = None) -> None:
    """Hold a target, or with it a backend, to every clause of its contract.

    Args:
        target: name of an installed target, or path of a .toml file.
        backend: name of an installed backend whose contract is meant; None for the target's contract.

    Raises:
        AssertionError: clauses are broken; one line for each.
    """
    broken = broken_clauses(target, backend)
    told = [f"{name.removeprefix('test_').replace('_', ' ')}: {why}" for name, why in broken.items()]
    assert not broken, "\n".join([f"{len(broken)} clauses of the contract are broken", *told])


def broken_clauses(target: str, backend: str | None) -> dict[str, str]:
    """Why clauses are broken, by name."""
    base = BackendContract if backend else TargetContract
    clauses = type("Whole", (base,), {"target": target, "backend": backend})()
    broken: dict[str, str] = {}
    for name in (name for name in dir(clauses) if name.startswith("test_")):
        try:
            getattr(clauses, name)()
        except Exception as error:  # noqa: BLE001 - whatever keeps a clause from being shown breaks it
            broken[name] = str(error) or type(error).__name__
    return broken
