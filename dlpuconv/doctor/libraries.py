"""What dlpuconv asks for, beside what is installed: from the metadata of distributions, without importing any."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import TYPE_CHECKING

from dlpuconv.doctor.findings import Extra, Library
from dlpuconv.frontends.extras import SOURCES
from dlpuconv.registry import backend_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.requirements import Requirement

OURS = "dlpuconv"
_EVERYTHING = "all"
_PURPOSES = {
    **{extra: f"reads {what}" for extra, what in SOURCES.items()},
    "batch": "batches of conversions in a shared store",
    "dask": "batches on a Dask cluster",
    "metrics": "metrics for convert --metric",
    "parquet": "results of batches as Parquet tables",
    "qat": "quantization-aware training",
}


def core_libraries() -> tuple[Library, ...]:
    """What dlpuconv needs in any case."""
    return tuple(_library(requirement) for requirement in _wanted(""))


def extras() -> tuple[Extra, ...]:
    """The optional parts, apart from the one that is all of them."""
    try:
        names = metadata(OURS).get_all("Provides-Extra") or []
    except PackageNotFoundError:  # a bare checkout
        names = []
    known = {name: _purpose(name) for name in names if name != _EVERYTHING}
    return tuple(
        Extra(name=name, purpose=purpose, libraries=tuple(_libraries(name))) for name, purpose in known.items()
    )


def _purpose(extra: str) -> str:
    """The libraries of a built-in backend are in the extra of its own name."""
    parts = [f"the backend {extra}"] if extra in backend_names() else []
    return "; ".join([*parts, *filter(None, [_PURPOSES.get(extra, "")])])


def _libraries(extra: str) -> Iterator[Library]:
    """What an extra needs, with what the extras that it names need; each once."""
    seen: dict[str, Requirement] = {}
    ahead, done = [extra], set()
    while ahead:
        done.add(name := ahead.pop(0))
        for requirement in _wanted(name):
            if requirement.name == OURS:
                ahead += sorted(requirement.extras - done)
            else:
                seen.setdefault(requirement.name, requirement)
    yield from map(_library, seen.values())


def _wanted(extra: str) -> Sequence[Requirement]:
    """The requirements that an extra adds; of none, those that always hold."""
    from packaging.requirements import Requirement

    try:
        found = [Requirement(line) for line in requires(OURS) or []]
    except PackageNotFoundError:
        return []
    if not extra:
        return [wanted for wanted in found if _holds(wanted, "")]
    return [wanted for wanted in found if _holds(wanted, extra) and not _holds(wanted, "")]


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _library(requirement: Requirement) -> Library:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        installed = ""
    fits = bool(installed) and requirement.specifier.contains(installed, prereleases=True)
    return Library(name=requirement.name, wanted=str(requirement.specifier), version=installed, fits=fits)
