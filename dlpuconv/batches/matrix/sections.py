"""The parts of a matrix as they are written: tables with checked keys, paths made absolute, nothing multiplied yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.options import OPTIONS, check_options
from dlpuconv.batches.places import is_url, resolved
from dlpuconv.calibration.open import is_made_up
from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.toml_table import TomlTable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.jsonable import Json

DATA = ("calibration", "validation")
SETTINGS = frozenset((*OPTIONS, *DATA))
"""What a job may be given beside its model and its target."""

_WITH_MODELS = "[batch], [[models]] or [[include]]"
_PLACES = {
    **dict.fromkeys(("model", "models", "target", "targets"), _WITH_MODELS),
    **dict.fromkeys(("store", "executor", "memory_gib", "minutes"), "[batch]"),
    "when": "[[override]]",
}
"""Where a key belongs that is found elsewhere."""

_PATHS = frozenset((*DATA, "recipe"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """Models that have something in common.

    Attributes:
        models: paths, URLs, globs.
        targets: of these; empty: the batch's.
        settings: that count for these, whatever the matrix says.
        table: where it is written.
    """

    models: tuple[str, ...]
    targets: tuple[str, ...] = ()
    settings: Mapping[str, Json] = field(default_factory=dict)
    table: TomlTable


def keys_of(table: TomlTable, known: frozenset[str], what: str) -> None:
    """Refuse a key that a table has not; one of another table is told where it belongs."""
    for key in table.values:
        if not {key, f"{key}s", key.removesuffix("s")} & known and (place := _place_of(key)):
            table.refuse(key, f"{what} has no key {quoted(key)}, which belongs into {place}")
    table.only(sorted(known), f"{what} has no key")


def _place_of(key: str) -> str:
    if key in SETTINGS:
        return "[batch], [matrix] or a table of models"
    return _PLACES.get(key, "")


def row(table: TomlTable, folder: Path, what: str) -> ModelRow:
    """A table that names models."""
    key = "model" if "model" in table.values else "models"
    keys_of(table, SETTINGS | {"model", "models", "target", "targets"}, what)
    if {"model", "models"} <= table.values.keys() or {"target", "targets"} <= table.values.keys():
        table.refuse(key, "one of model and models is enough, and one of target and targets")
    named = texts(table, key) if key in table.values else ()
    targets = targets_of(table, folder)
    return ModelRow(
        models=tuple(resolved(text, folder) for text in named),
        targets=targets,
        settings=settings_of(table, folder),
        table=table,
    )


def targets_of(table: TomlTable, folder: Path) -> tuple[str, ...]:
    """Chips by name, by glob, or by the file that describes one."""
    from fnmatch import filter as fitting

    from dlpuconv.registry.entries import target_names

    key = "target" if "target" in table.values else "targets"
    found: list[str] = []
    for text in texts(table, key) if key in table.values else ():
        if text.endswith(".toml"):
            found.append(resolved(text, folder))
            demand_there(table, key, found[-1], "target")
            continue
        alike = fitting(target_names(), text)
        found += alike or [table.known(key, text, target_names())]
    return tuple(dict.fromkeys(found))


def settings_of(table: TomlTable, folder: Path) -> dict[str, Json]:
    """The options and data that a table states, each of a form that its option takes."""
    return {key: setting(table, key, value, folder) for key, value in table.values.items() if key in SETTINGS}


def setting(table: TomlTable, key: str, value: Any, folder: Path) -> Json:
    """One value of an option."""
    if key in DATA:
        if not isinstance(value, str):
            table.refuse(key, f"{key} is {quoted(value)}, not a path, a URL or a word for data")
    else:
        try:
            check_options({"metric": "of:one", key: value} if key == "max_drop" else {key: value})
        except UsageError as error:
            table.refuse(key, str(error), value if isinstance(value, str) else None)
    if key not in _PATHS:
        plain: Json = value
        return plain
    place = resolved(value, folder)
    demand_there(table, key, place)
    return place


def demand_there(table: TomlTable, key: str, place: str, what: str = "") -> None:
    """Refuse the path of a file or folder that is not there; a URL is found out later."""
    if place and not is_url(place) and not is_made_up(place) and not Path(place).exists():
        table.refuse(key, f"there is no {what or key} {place!r}{close_to(place)}")


def close_to(path: str) -> str:
    """What was perhaps meant by a path, in the innermost folder of it that is there."""
    folder = Path(path).parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    wrong = path[len(str(folder)) :].lstrip("/").partition("/")[0]
    return did_you_mean(wrong, [entry.name for entry in folder.iterdir()]) if folder.is_dir() else ""


def texts(table: TomlTable, key: str) -> tuple[str, ...]:
    """One text or a list of them."""
    value = table.values[key]
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) and text and text.isprintable() for text in listed):
        table.refuse(key, f"{key} is {quoted(value)}, not a text or a list of texts")
    return tuple(listed)


def tables(table: TomlTable, key: str) -> Iterator[TomlTable]:
    """The tables of `[[key]]`, each with those lines of the file that are its own."""
    found = table.values.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        table.refuse(key, f"{key} is {quoted(found)}, where each one is a table that begins with [[{key}]]")
    for number, values in enumerate(found):
        yield TomlTable(values, table.file, _lines_of(table.text, key, number))


def _lines_of(text: str, key: str, number: int) -> str:
    """The file with all lines empty but those of the n-th `[[key]]`, so that line numbers stay."""
    lines = text.splitlines()
    header = re.compile(rf"\s*\[\[\s*{re.escape(key)}\s*\]\]")
    starts = [n for n, line in enumerate(lines) if header.match(line)]
    if number >= len(starts):
        return ""  # written in another way
    begin = starts[number]
    end = next((n for n in range(begin + 1, len(lines)) if re.match(r"\s*\[\[?\s*[\w.]+\s*\]", lines[n])), len(lines))
    return "\n" * begin + "\n".join(lines[begin:end])
