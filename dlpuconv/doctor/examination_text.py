"""An examination for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from dlpuconv.doctor.findings import Examination, Extra, Folder, Library, TargetHealth

_GIBIBYTE = 1 << 30
_KIBIBYTE = 1 << 10
_READY, _MISSING, _PARTLY = "green", "red", "yellow"


def render_examination(found: Examination) -> Iterator[RenderableType]:
    """What works, what is missing, where things are, and what to do."""
    machine = found.machine
    yield Text(f"dlpuconv {found.version} on Python {machine.python} ({machine.interpreter}), {machine.system}", "bold")
    yield from _section("Targets: a network of one layer was converted, and its file run and verified", _targets(found))
    yield from _section("Installed", _libraries(found))
    yield from _section("Places", _places(found))
    if found.faults:
        yield from _section("Plugins that do not load", _faults(found))
    if remedies := found.remedies:
        yield from _section("What to do", Text("\n".join(remedies)))


def _section(title: str, content: RenderableType) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", "bold")
    yield Padding(content, (0, 0, 0, 2))


def _grid() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _targets(found: Examination) -> Table:
    table = _grid()
    for target in found.targets:
        state = Text("ready", _READY) if target.ready else Text("not ready", _MISSING)
        table.add_row(Text(target.name), state, Text("\n".join(_told(target))))
    return table


def _told(target: TargetHealth) -> Iterator[str]:
    """A sentence a line."""
    if target.problem:
        yield target.problem
    for attendant in target.attendants:
        versions = ", ".join(f"{name} {version}" for name, version in attendant.libraries.items())
        yield f"{attendant.title} runs under {attendant.interpreter}: {versions}"
    if target.compiler:
        yield f"{target.compiler.executable}: {target.compiler.path or 'not on PATH'}"


def _libraries(found: Examination) -> Table:
    table = _grid()
    wrong = [library for library in found.libraries if not library.fits]
    table.add_row(Text("dlpuconv"), _state(found.libraries, wrong), _versions(found.libraries))
    for extra in found.extras:
        table.add_row(Text(f"[{extra.name}]"), _state(extra.libraries, extra.missing), _of_extra(extra))
    return table


def _of_extra(extra: Extra) -> Text:
    """A complete one by its versions; any other by what it lacks, and the command that brings it."""
    purpose = Text(f"{extra.purpose}: " if extra.purpose else "")
    if not extra.missing:
        return purpose.append_text(_versions(extra.libraries))
    return purpose.append(extra.remedy).append("\n").append_text(_versions(extra.missing))


def _state(libraries: Iterable[Library], wrong: Iterable[Library]) -> Text:
    if not (lacking := list(wrong)):
        return Text("complete", _READY)
    return Text("missing", _MISSING) if lacking == list(libraries) else Text("incomplete", _PARTLY)


def _versions(libraries: Iterable[Library]) -> Text:
    """`onnx 1.20.1, torch missing`."""
    return Text(", ").join(_version(library) for library in libraries)


def _version(library: Library) -> Text:
    if library.fits:
        return Text(f"{library.name} {library.version}")
    wanted = f" (needs {library.wanted})" if library.version else ""
    return Text(f"{library.name} {library.version or 'missing'}{wanted}", _PARTLY)


def _places(found: Examination) -> Table:
    table = _grid()
    cache, machine = found.cache, found.machine
    files = f"{cache.files} files, {cache.size / _KIBIBYTE:.0f} KiB; " if cache.files else "empty; "
    table.add_row(Text("cache"), _writable(cache), Text(f"{cache.path}: {files}{_free(cache)}"))
    table.add_row(
        Text("temporary"), _writable(found.temporary), Text(f"{found.temporary.path}: {_free(found.temporary)}")
    )
    memory = f"{machine.memory / _GIBIBYTE:.1f} GiB of memory, {machine.free_memory / _GIBIBYTE:.1f} GiB unused"
    table.add_row(Text("machine"), Text(""), Text(f"{machine.processors} processors, {memory}"))
    return table


def _writable(folder: Folder) -> Text:
    return Text("ready", _READY) if folder.writable else Text("read-only", _MISSING)


def _free(folder: Folder) -> str:
    return f"{folder.free / _GIBIBYTE:.1f} GiB of disk free (set {folder.variable} to use another folder)"


def _faults(found: Examination) -> Text:
    return Text("\n".join(f"{fault.plugin}: {fault.problem}" for fault in found.faults))
