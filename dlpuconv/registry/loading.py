"""Plugins by name -> Targets and Backends that are what they must be."""

from __future__ import annotations

import copyreg
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError, MissingDependencyError, PluginError, did_you_mean, what_was_raised
from dlpuconv.registry.entries import API, BACKENDS, TARGETS, entries, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.plugin import Backend, Target
    from dlpuconv.registry.entries import Entry

_OURS = "dlpuconv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One installed target.

    Attributes:
        name: of the entry point; of the distribution where its entry points cannot be read.
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
    known = tuple(_listed(name, claims) for name, claims in sorted(entries(TARGETS).items()))
    return known + tuple(
        Listed(name=found.distribution, distribution=found.distribution, problem=found.problem)
        for found in unreadable()
    )


def load_target(name: str) -> Target:
    """The target of this name, or the one that a .toml file describes.

    Raises:
        PluginError: there is none, it cannot be imported, or it is no Target, or not one that can be used.
        UsageError: the file cannot be read, or describes none.
    """
    from dlpuconv.plugin import Target
    from dlpuconv.registry.guard import guarded_packager
    from dlpuconv.registry.promises import wrong_with_target

    copyreg.pickle(Target, _again)
    if name.endswith(".toml"):
        from dlpuconv.registry.target_file import read_target

        return read_target(name, load_target)
    entry, target = _load(TARGETS, "target", name)
    if not isinstance(target, Target):
        raise PluginError(
            f"{_called('target', name, entry)} is {_what(target)}, not a dlpuconv.plugin.Target", id="plugin-contract"
        )
    _demand((*wrong_with_target(target, name), *_without_backend(target)), "target", name, entry)
    target = replace(target, distribution=entry.distribution)
    if target.packager is None or entry.distribution == _OURS:
        return target
    return replace(target, packager=guarded_packager(target.packager, target.called))


def _without_backend(target: Target) -> tuple[str, ...]:
    known = entries(BACKENDS)
    if str(target.backend) in known:
        return ()
    return (f"its backend {target.backend!r} is not installed{did_you_mean(str(target.backend), known)}",)


def _again(target: Target) -> tuple[Callable[..., Target], tuple[str, ...]]:
    """A target is pickled as its name, or the text that describes it: another process has its rules' code itself."""
    return (_described, (target.described, target.name)) if target.described else (load_target, (target.name,))


def _described(text: str, name: str) -> Target:
    from dlpuconv.registry.target_file import parse_target

    return parse_target(text, name, load_target)


def load_backend(name: str) -> type[Backend]:
    """The backend of this name; what another distribution's raises is told under its name.

    Raises:
        PluginError: there is none, it cannot be imported, or it is no Backend, or not one that can be used.
        MissingDependencyError: it is built in, and the libraries of its extra are not installed.
    """
    from dlpuconv.plugin import Backend
    from dlpuconv.registry.guard import guarded
    from dlpuconv.registry.promises import wrong_with_backend

    entry, backend = _load(BACKENDS, "backend", name)
    called = _called("backend", name, entry)
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        raise PluginError(
            f"{called} is {_what(backend)}, not a subclass of dlpuconv.plugin.Backend", id="plugin-contract"
        )
    _demand(wrong_with_backend(backend, name), "backend", name, entry)
    # A fault of our own is no plugin's: it stays an internal error, with the request to report it.
    return backend if entry.distribution == _OURS else guarded(backend, called)


def _listed(name: str, claims: tuple[Entry, ...]) -> Listed:
    origin = ", ".join(sorted({entry.distribution for entry in claims}))
    try:
        return Listed(name=name, distribution=origin, target=load_target(name))
    except DlpuconvError as error:
        return Listed(name=name, distribution=origin, problem=str(error))


def _load(group: str, noun: str, name: str) -> tuple[Entry, object]:
    """What the one entry point of this name imports."""
    known = entries(group)
    if name not in known:
        raise PluginError(
            f"no {noun} named {name!r}{did_you_mean(name, known)}; installed: {', '.join(sorted(known)) or 'none'}"
            + "".join(f"; {found.distribution} may bring more, but {found.problem}" for found in unreadable()),
            id="plugin-unknown",
        )
    claims = known[name]
    if len(claims) > 1:
        who = " and ".join(sorted(entry.distribution for entry in claims))
        raise PluginError(f"the {noun} {name!r} is brought by both {who}: uninstall one of them", id="plugin-twice")
    _demand_api(noun, name, claims[0])
    try:
        with redirect_stdout(sys.stderr):  # results on stdout are to be read by programs
            return claims[0], claims[0].point.load()
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not missing.startswith("dlpuconv") and name in _own_extras(claims[0]):
            raise MissingDependencyError(missing, name, f"the {noun} {name!r}") from error
        raise _broken(noun, name, claims[0], error) from error
    except (Exception, SystemExit) as error:
        raise _broken(noun, name, claims[0], error) from error


def _demand_api(noun: str, name: str, entry: Entry) -> None:
    """Refuse, before any of its code runs, what was written for another plugin API."""
    from dlpuconv.plugin.version import API_VERSION, misfit

    if entry.distribution == _OURS:
        return
    if not entry.api:
        package = entry.point.value.partition(":")[0].partition(".")[0]
        raise PluginError(
            f"{_called(noun, name, entry)} does not say for which version of the plugin API it was written, and this"
            f" dlpuconv has version {API_VERSION}: its entry points of the group {API} lack"
            f' `"{API_VERSION}" = "{package}"`',
            id="plugin-api-version",
        )
    if problem := misfit(entry.api):
        raise PluginError(f"{_called(noun, name, entry)} {problem}", id="plugin-api-version")


def _broken(noun: str, name: str, entry: Entry, error: BaseException) -> PluginError:
    return PluginError(
        f"{_called(noun, name, entry)} cannot be loaded from {entry.point.value!r}: {what_was_raised(error)}",
        id="plugin-not-loaded",
    )


def _demand(problems: tuple[str, ...], noun: str, name: str, entry: Entry) -> None:
    if problems:
        raise PluginError(f"{_called(noun, name, entry)} cannot be used: {'; '.join(problems)}", id="plugin-contract")


def _called(noun: str, name: str, entry: Entry) -> str:
    """The plugin as messages name it; see `Target.called`."""
    return f"the {noun} {name!r} (distribution {entry.distribution})"


def _own_extras(entry: Entry) -> list[str]:
    """The extras of dlpuconv itself: the optional libraries of a built-in plugin are in the extra of its own name."""
    if entry.distribution != _OURS or entry.point.dist is None:
        return []
    return entry.point.dist.metadata.get_all("Provides-Extra") or []


def _what(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
