"""Recipes as TOML: what a manifest prints, one can save, edit and give back."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.quantization.recipe import (
    Balance,
    BiasCorrection,
    Observer,
    Override,
    Recipe,
    Rounding,
    ScaleOrigin,
    WeightScale,
)
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
from dlpuconv.scheme import Granularity
from dlpuconv.toml_table import quoted, read_small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CHOICES = {
    "granularity": Granularity,
    "scales": ScaleOrigin,
    "observer": Observer,
    "weight_scale": WeightScale,
    "balance": Balance,
    "bias_correction": BiasCorrection,
    "rounding": Rounding,
}
_SWITCHES = ("equalize", "absorb")
_SITES = {
    "detours": ("site", "readers", Detour),
    "gates": ("site", "steps", Gate),
    "groups": ("layer", "of", LayerGroups),
}
_TABLES = (*_SITES, "overrides")
_KEYS = (*_CHOICES, *_SWITCHES, *_TABLES)
VERSION = 1
"""Of the form of the file. What only adds a key keeps it; files without one are older than it, and of the same form."""
_MOST_BYTES = 64 << 20
"""Gates and groups of a large network have a number for each of its channels."""
_MOST_STEPS = 256
"""Magnitude of a whole number of a site: factors of 2 ** 32, far beyond any that helps."""


def to_toml(recipe: Recipe) -> str:
    """The recipe as a TOML document."""
    lines = ["# a dlpuconv recipe", f"version = {VERSION}"]
    for key, value in recipe.to_json().items():
        if key not in _TABLES:
            lines.append(f"{key} = {json.dumps(value)}")  # a JSON string or truth value is a TOML one
    if recipe.detours:
        lines += ["", "[detours]  # by activation: which of its readers, from 0, read it through a layer of their own"]
        lines += [f"{_quoted(detour.site)} = {list(detour.readers)}" for detour in recipe.detours]
    if recipe.gates:
        lines += ["", "[gates]  # by site: a step for each channel, of which eight are a factor of two"]
        lines += [f"{_quoted(gate.site)} = {list(gate.steps)}" for gate in recipe.gates]
    if recipe.groups:
        lines += ["", "[groups]  # by layer: the group of each output channel"]
        lines += [f"{_quoted(groups.layer)} = {list(groups.of)}" for groups in recipe.groups]
    lines += ["", "[overrides]  # by layer name; the last that matches decides"]
    lines += [f"{_quoted(o.pattern)} = {json.dumps(o.granularity)}" for o in recipe.overrides]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    """A JSON string is a TOML one, but for a control character that only TOML escapes."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def from_toml(text: str, name: str = "the recipe") -> Recipe:
    """Read a recipe.

    Args:
        text: a TOML document; keys that are missing keep their default, apart from `granularity`.
        name: of the file, for messages.

    Raises:
        UsageError: it is no TOML, is of a later version, or has an unknown key or value.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is not TOML: {error}", id="toml-syntax") from error
    except (ValueError, RecursionError) as error:  # of what Python's parser has no sentence for
        what = "is nested too deeply" if isinstance(error, RecursionError) else "holds a number of too many digits"
        raise UsageError(f"{name} {what} to be read", id="toml-syntax") from error
    _demand_version(found.pop("version", VERSION), name)
    return _recipe(found, name)


def _demand_version(version: object, name: str) -> None:
    """Refuse what another form may mean otherwise, before anything of it is read."""
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise UsageError(
            f"{name}: version is {quoted(version)}, not a whole number from 1; this dlpuconv reads {VERSION}",
            id="recipe-invalid",
        )
    if version > VERSION:
        raise UsageError(
            f"{name} is a recipe of version {quoted(version)}, and this dlpuconv reads version {VERSION}: a newer"
            " dlpuconv wrote it, so install that one, or convert without --recipe",
            id="recipe-too-new",
        )


def from_json(entry: Mapping[str, Any], name: str = "the manifest") -> Recipe:
    """Read a recipe as `Recipe.to_json` wrote it.

    Args:
        entry: from a manifest.
        name: of the file, for messages.

    Raises:
        UsageError: it has an unknown key or value.
    """
    try:
        overrides = {str(o["pattern"]): o["granularity"] for o in entry.get("overrides", ())}
        sites = {
            table: {str(each[name]): each[numbers] for each in entry.get(table, ())}
            for table, (name, numbers, _) in _SITES.items()
        }
    except (AttributeError, KeyError, TypeError):
        raise UsageError(f"the recipe in {name} is damaged", id="recipe-invalid") from None
    return _recipe({**entry, **sites, "overrides": overrides}, name)


def _recipe(found: Mapping[str, Any], name: str) -> Recipe:
    for key in found:
        if key not in _KEYS:
            raise UsageError(
                f"{name} has the key {quoted(key)}, which no recipe has{did_you_mean(key, list(_KEYS))}",
                id="recipe-invalid",
            )
    if "granularity" not in found:
        raise UsageError(f"{name} has no granularity: add one of {', '.join(Granularity)}", id="recipe-invalid")
    choices: dict[str, Any] = {
        key: _choice(kind, key, found[key], name) for key, kind in _CHOICES.items() if key in found
    }
    choices |= {key: _switch(key, found[key], name) for key in _SWITCHES if key in found}
    choices |= {table: _sites(table, found.get(table, {}), name) for table in _SITES}
    return Recipe(overrides=_overrides(found.get("overrides", {}), name), **choices)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe's file.

    Raises:
        UsageError: it cannot be read, is too large, or is no recipe.
    """
    return from_toml(read_small(path, "the recipe", _MOST_BYTES), path.name)


def _choice(kind: Any, key: str, value: object, name: str) -> Any:
    known = [member.value for member in kind]
    if value not in known:
        close = did_you_mean(value, known) if isinstance(value, str) else ""
        raise UsageError(f"{name}: {key} is {quoted(value)}, not one of {', '.join(known)}{close}", id="recipe-invalid")
    return kind(value)


def _switch(key: str, value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name}: {key} is {quoted(value)}, not true or false", id="recipe-invalid")
    return value


def _sites(key: str, table: object, name: str) -> tuple[Any, ...]:
    kind = _SITES[key][2]
    if not isinstance(table, dict):
        raise UsageError(f"{name}: {key} is {quoted(table)}, not a table of lists by name", id="recipe-invalid")
    for site, numbers in table.items():
        if not isinstance(numbers, list) or not all(map(_is_step, numbers)):
            limits = f"whole numbers from -{_MOST_STEPS} to {_MOST_STEPS}"
            raise UsageError(f"{name}: {quoted(site)} of {key} is not a list of {limits}", id="recipe-invalid")
    return tuple(kind(site, tuple(numbers)) for site, numbers in table.items())


def _is_step(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST_STEPS


def _overrides(table: object, name: str) -> tuple[Override, ...]:
    if not isinstance(table, dict):
        raise UsageError(f"{name}: overrides is not a table of granularities by layer name", id="recipe-invalid")
    return tuple(Override(pattern, _choice(Granularity, pattern, value, name)) for pattern, value in table.items())
