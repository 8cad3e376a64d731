"""The entry points of plugins, read without importing anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from itertools import chain

from dlpuconv.errors import did_you_mean

TARGETS = "dlpuconv.targets"
BACKENDS = "dlpuconv.backends"
API = "dlpuconv.api"
_GROUPS = (TARGETS, BACKENDS, API)
_NAMELESS = "an unknown distribution"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry point.

    Attributes:
        point: what to import.
        distribution: the package that brings it.
        api: version of the plugin API that the package says it was written for; empty where it says none.
    """

    point: EntryPoint
    distribution: str
    api: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A distribution that seems to bring plugins, but whose entry points cannot be read.

    Attributes:
        distribution: its name.
        problem: why not.
    """

    distribution: str
    problem: str


def backend_names() -> tuple[str, ...]:
    """The names of the installed backends."""
    return tuple(sorted(entries(BACKENDS)))


def backend_distribution(name: str) -> str:
    """The distribution that brings a backend; empty where none does."""
    return next((entry.distribution for entry in entries(BACKENDS).get(name, ())), "")


def target_names() -> tuple[str, ...]:
    """The names of the installed targets, working or not."""
    return tuple(sorted(entries(TARGETS)))


def entries(group: str) -> dict[str, tuple[Entry, ...]]:
    """The entry points of a group by name; several where distributions claim one name."""
    found: dict[str, dict[tuple[str, str], Entry]] = {}
    for entry in _installed()[0]:
        if entry.point.group == group:
            # An editable install beside a wheel lists the same entry point twice.
            found.setdefault(entry.point.name, {})[(entry.point.value, entry.distribution)] = entry
    return {name: tuple(claims.values()) for name, claims in found.items()}


def unreadable() -> tuple[Unreadable, ...]:
    """Distributions whose plugins cannot be known."""
    return _installed()[1]


@cache
def _installed() -> tuple[tuple[Entry, ...], tuple[Unreadable, ...]]:
    """What all distributions say; one whose metadata are damaged hides no other."""
    found: dict[str, tuple[Entry, ...]] = {}  # the first on the path of those that have one name, as importlib does
    broken: dict[str, Unreadable] = {}
    for distribution in distributions():
        try:
            points = [point for point in distribution.entry_points if point.group.startswith("dlpuconv.")]
        except Exception as error:  # noqa: BLE001 - importlib.metadata parses without checking
            if _mentions_us(distribution):
                name = _name(distribution)
                problem = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
                broken.setdefault(name, Unreadable(name, problem))
            continue
        if points:  # the name costs a file more
            name = _name(distribution)
            if strange := sorted({point.group for point in points}.difference(_GROUPS)):
                close = did_you_mean(strange[0], _GROUPS)
                problem = f"nothing reads its entry points of the group {strange[0]!r}{close}"
                broken.setdefault(name, Unreadable(name, problem))
            api = " and ".join(point.name for point in points if point.group == API)
            found.setdefault(name, tuple(Entry(point, name, api) for point in points))
    return tuple(chain.from_iterable(found.values())), tuple(broken.values())


def _name(distribution: Distribution) -> str:
    try:
        return distribution.metadata.get("Name") or _NAMELESS
    except Exception:  # noqa: BLE001 - likewise
        return _NAMELESS


def _mentions_us(distribution: Distribution) -> bool:
    try:
        return "dlpuconv." in (distribution.read_text("entry_points.txt") or "")
    except UnicodeDecodeError:
        return False
