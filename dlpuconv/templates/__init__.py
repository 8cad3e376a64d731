"""New packages for authors of plugins, from templates: installable, with tests of the contract that pass at once.

Each template lies at its place in the package, `NAME` standing for the plugin's.
"""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from dlpuconv.errors import OutputError, PluginError, UsageError, did_you_mean
from dlpuconv.plugin.version import API_VERSION
from dlpuconv.registry import backend_names, target_names
from dlpuconv.registry.entries import TARGETS, entries
from dlpuconv.registry.promises import BESIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ENDING = ".j2"
_LONGEST = 64  # characters of a name


def new_target(name: str, base: str, folder: Path) -> list[Path]:
    """Write a package with a target that differs from another one.

    Args:
        name: of the target.
        base: an installed target.
        folder: where the package's own folder is made.

    Returns:
        The files, the package's folder first.

    Raises:
        UsageError: the name cannot be one, or is taken.
        PluginError: there is no such base.
        OutputError: something is there already, or cannot be written.
    """
    _demand_name(name, target_names(), "target")
    known = entries(TARGETS)
    if base not in known:
        raise PluginError(
            f"no target named {base!r}{did_you_mean(base, known)}; installed: {', '.join(known)}", id="plugin-unknown"
        )
    entry = known[base][0]
    module, _, value = entry.point.value.partition(":")
    needed = sorted({"dlpuconv", entry.distribution})
    return _write("target", name, folder, base=base, base_module=module, base_value=value, needed=json.dumps(needed))


def new_backend(name: str, folder: Path) -> list[Path]:
    """Write a package with a backend, and a target that takes its files.

    Args:
        name: of both.
        folder: where the package's own folder is made.

    Returns:
        The files, the package's folder first.

    Raises:
        UsageError: the name cannot be one, or is taken.
        OutputError: something is there already, or cannot be written.
    """
    _demand_name(name, (*backend_names(), *target_names()), "backend")
    if f".{name}" in BESIDE:
        raise UsageError(
            f"{name!r} is not possible as the name of a backend: its files would end in .{name}, as other files"
            " beside each model do",
            id="plugin-name",
        )
    return _write("backend", name, folder)


def _demand_name(name: str, taken: tuple[str, ...], noun: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name for a {noun}: use lower-case letters, digits and '-', such as mychip-2",
            id="plugin-name",
        )
    if len(name) > _LONGEST:
        raise UsageError(
            f"a name for a {noun} has at most {_LONGEST} characters, and {name!r} has {len(name)}", id="plugin-name"
        )
    if name in taken:
        raise UsageError(f"{name!r} is installed already: take another name for the {noun}", id="plugin-name")
    if find_spec(_module(name)) is not None:
        raise UsageError(
            f"a package {_module(name)!r} is installed already: take another name for the {noun}", id="plugin-name"
        )


def _module(name: str) -> str:
    return f"dlpuconv_{name.replace('-', '_')}"


def _write(kind: Literal["target", "backend"], name: str, folder: Path, **facts: str) -> list[Path]:
    """Every file of a template, in a new folder: all of them, or none and no folder."""
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    words = name.split("-")
    facts |= {
        "name": name,
        "module": _module(name),
        "constant": "_".join(words).upper(),
        "type": "".join(map(str.capitalize, words)),
        "prefix": name.upper(),
        "api": API_VERSION,
    }
    place = folder / f"dlpuconv-{name}"
    texts = {
        template.replace("MODULE", facts["module"]).replace("NAME", "_".join(words)): environment.from_string(text)
        for template, text in _templates(kind)
    }
    if os.path.lexists(place):
        raise OutputError(
            f"{place} exists already and is not replaced: give another name, or another --output",
            id="output-not-replaced",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{place.name}-", dir=folder) as beside:
            for relative, template in texts.items():
                path = Path(beside, place.name, relative)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(template.render(facts), "utf-8")
            Path(beside, place.name).rename(place)
    except OSError as error:
        raise OutputError(f"{place} cannot be written: {error.strerror or error}", id="output-not-writable") from error
    return [place, *(place / relative for relative in texts)]


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    """Relative paths and texts."""
    root = Path(str(resources.files(__package__) / kind))
    for path in sorted(root.rglob(f"*{_ENDING}")):
        yield path.relative_to(root).as_posix().removesuffix(_ENDING), path.read_text("utf-8")
