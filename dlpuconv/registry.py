"""Plugins by name: listed without importing any, imported one at a time.

Built-in targets and backends are found through the same entry points as anybody else's, so nothing in the core
knows them.
"""

from __future__ import annotations

import copyreg
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError, MissingDependencyError, PluginError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.plugin import Backend, Target

TARGETS = "dlpuconv.targets"
BACKENDS = "dlpuconv.backends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One installed target.

    Attributes:
        name: of the entry point.
        distribution: the package that brings it.
        target: None when it cannot be loaded.
        problem: why not, or empty.
    """

    name: str
    distribution: str
    target: Target | None = None
    problem: str = ""


def list_targets() -> tuple[Listed, ...]:
    """Every installed target by name; one that cannot be loaded is listed with its problem and hides no other."""
    return tuple(_listed(name, points) for name, points in sorted(_by_name(TARGETS).items()))


def load_target(name: str) -> Target:
    """The target of this name.

    Raises:
        PluginError: there is none, it cannot be imported, or its entry point is not a Target.
    """
    from dlpuconv.plugin import Target

    copyreg.pickle(Target, _by_name_again)
    target = _load(TARGETS, "target", name)
    if not isinstance(target, Target):
        raise PluginError(f"the target {name!r} is {_what(target)}, not a dlpuconv.plugin.Target")
    if target.name != name:
        raise PluginError(f"the target {name!r} calls itself {target.name!r}; the entry point must have the same name")
    return target


def _by_name_again(target: Target) -> tuple[Callable[[str], Target], tuple[str]]:
    """A target is pickled as its name: what its rules do is code, which another process has of its own."""
    return load_target, (target.name,)


def load_backend(name: str) -> type[Backend]:
    """The backend of this name.

    Raises:
        PluginError: there is none, it cannot be imported, or its entry point is not a Backend.
        MissingDependencyError: it is built in, and the libraries of its extra are not installed.
    """
    from dlpuconv.plugin import Backend

    backend = _load(BACKENDS, "backend", name)
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        raise PluginError(f"the backend {name!r} is {_what(backend)}, not a subclass of dlpuconv.plugin.Backend")
    return backend


def backend_names() -> tuple[str, ...]:
    """The names of the installed backends."""
    return tuple(sorted(_by_name(BACKENDS)))


def target_names() -> tuple[str, ...]:
    """The names of the installed targets, working or not."""
    return tuple(sorted(_by_name(TARGETS)))


def _listed(name: str, points: tuple[EntryPoint, ...]) -> Listed:
    origin = ", ".join(sorted({_distribution(point) for point in points}))
    try:
        return Listed(name=name, distribution=origin, target=load_target(name))
    except DlpuconvError as error:
        return Listed(name=name, distribution=origin, problem=str(error))


def _load(group: str, noun: str, name: str) -> object:
    known = _by_name(group)
    if name not in known:
        installed = ", ".join(sorted(known)) or "none"
        raise PluginError(f"no {noun} named {name!r}{did_you_mean(name, known)}; installed: {installed}")
    points = known[name]
    if len(points) > 1:
        claims = " and ".join(sorted(_distribution(point) for point in points))
        raise PluginError(f"the {noun} {name!r} is claimed by {claims}: uninstall one of them")
    try:
        return points[0].load()
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not missing.startswith("dlpuconv") and name in _own_extras(points[0]):
            raise MissingDependencyError(missing, name, f"the {noun} {name!r}") from error
        raise _broken(noun, name, points[0], error) from error
    except Exception as error:
        raise _broken(noun, name, points[0], error) from error


def _broken(noun: str, name: str, point: EntryPoint, error: Exception) -> PluginError:
    return PluginError(
        f"the {noun} {name!r} of {_distribution(point)} cannot be loaded from {point.value!r}:"
        f" {type(error).__name__}: {error}"
    )


def _own_extras(point: EntryPoint) -> list[str]:
    """The extras of dlpuconv itself: the optional libraries of a built-in plugin are in the extra of its own name."""
    if point.dist is None or point.dist.name != "dlpuconv":
        return []
    return point.dist.metadata.get_all("Provides-Extra") or []


@cache
def _by_name(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for point in entry_points(group=group):
        # An editable install beside a wheel lists the same entry point twice.
        found.setdefault(point.name, {})[(point.value, _distribution(point))] = point
    return {name: tuple(points.values()) for name, points in found.items()}


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def _what(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
