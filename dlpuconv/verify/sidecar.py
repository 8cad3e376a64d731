"""The manifest beside a file: what dlpuconv wrote about it when it was made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ArtifactError
from dlpuconv.ir.binding import InputBinding
from dlpuconv.plugin import Part, Port
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COMPILED = "_edgetpu"
_MOST_BYTES = 64 << 20
_OURS = {"schema_version", "dlpuconv"}  # what other tools' JSON does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a manifest says that the network expects of an image; the attributes of `calibration.Preprocessing`.

    Attributes:
        resize: geometry, by the name of its option.
        color: channel order, likewise.
        mean: in 0-255 units; None where the user stated no normalization.
        std: likewise.
    """

    resize: str
    color: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What a manifest says that the file itself cannot.

    Attributes:
        path: the manifest.
        target: the chip that the file was made for.
        asked: granularities of the recipe.
        calibrated: False where the calibration samples were made up.
        inputs: ports with the source model's shapes and the order of axes.
        outputs: likewise.
        bindings: how source values become the file's, by input name.
        source_sha256: of the model that the file was made from.
        preprocessing: of images; None in a manifest that does not say.
        equalized: channels of activations were scaled.
        absorbed: channels of activations were moved.
        content: all that the manifest says, as it says it.
    """

    path: Path
    target: str
    asked: frozenset[Granularity] = frozenset()
    calibrated: bool = True
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    bindings: Mapping[str, InputBinding] = field(default_factory=dict)
    source_sha256: str = ""
    preprocessing: Recorded | None = None
    equalized: bool = False
    absorbed: bool = False
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)


def find_sidecar(path: Path) -> Sidecar | None:
    """The manifest of a file: `manifest.json` in a folder, else the same name with `.json`; None where there is none.

    A manifest that lists another hash for the file describes another file: it is not used. JSON of another tool, and
    what is no JSON at all, is none of our business.

    Raises:
        ArtifactError: there is one of ours, and it is damaged.
    """
    place = path / "manifest.json" if path.is_dir() else _beside(path)
    if not place.is_file() or place.stat().st_size > _MOST_BYTES:
        return None
    content = _read(place)
    if not content.keys() >= _OURS:
        return None
    try:
        if not path.is_dir() and not _describes(content, path):
            return None
        return sidecar_of(content, place)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError) as error:
        raise ArtifactError(f"the manifest {place.name} is damaged ({type(error).__name__}: {error})") from error


def _read(place: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where there is no such thing."""
    try:
        content = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _beside(path: Path) -> Path:
    plain = path.with_suffix(".json")
    if plain.is_file() or not path.stem.endswith(_COMPILED):
        return plain
    return path.with_name(path.stem.removesuffix(_COMPILED) + ".json")


def _describes(content: dict[str, Any], path: Path) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return any(entry["sha256"] == digest for entry in content["files"]) or path.stem.endswith(_COMPILED)


def sidecar_of(content: Mapping[str, Any], place: Path) -> Sidecar:
    """What a manifest says.

    Args:
        content: the manifest.
        place: where it is, or will be.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    recipe = content["recipe"]
    asked = {Granularity(recipe["granularity"])}
    asked |= {Granularity(override["granularity"]) for override in recipe.get("overrides", ())}
    bindings = [_binding(entry) for entry in content["inputs"] if "multiplier" in entry]
    return Sidecar(
        path=place,
        target=str(content["target"]),
        asked=frozenset(asked),
        calibrated=bool(content["calibration"]["calibrated"]) or not content["calibration"]["samples"],
        inputs=tuple(map(_port, content["inputs"])),
        outputs=tuple(map(_port, content["outputs"])),
        bindings={binding.name: binding for binding in bindings},
        source_sha256=str(content["source"]["sha256"]),
        preprocessing=_recorded(content["preprocessing"]) if "preprocessing" in content else None,
        equalized=bool(recipe.get("equalize")),
        absorbed=bool(recipe.get("absorb")),
        content=content,
    )


def _recorded(entry: dict[str, Any]) -> Recorded:
    plain = Recorded(resize=str(entry["resize"]), color=str(entry["color"]))
    if not entry["stated"]:
        return plain
    return replace(plain, mean=tuple(map(float, entry["mean"])), std=tuple(map(float, entry["std"])))


def _port(entry: dict[str, Any]) -> Port:
    return Port(
        name=str(entry["name"]),
        source_shape=tuple(map(int, entry["source_shape"])),
        shape=tuple(map(int, entry["shape"])),
        permutation=tuple(map(int, entry["permutation"])),
        dtype=str(entry["dtype"]),
        scale=None if entry["scale"] is None else float(entry["scale"]),
        zero_point=None if entry["zero_point"] is None else int(entry["zero_point"]),
        file_name=str(entry.get("file_name", "")),
        part=_part(entry["part"]) if entry.get("part") else None,
    )


def _part(entry: dict[str, Any]) -> Part:
    start, stop = int(entry["start"]), int(entry["stop"])
    return Part(output=str(entry["output"]), axis=int(entry["axis"]), start=start, stop=stop)


def _binding(entry: dict[str, Any]) -> InputBinding:
    return InputBinding(
        name=str(entry["name"]),
        channel_axis=int(entry["channel_axis"]),
        multiplier=tuple(map(float, entry["multiplier"])),
        offset=tuple(map(float, entry["offset"])),
        order=tuple(map(int, entry["channel_order"])),
        raw_pixels=bool(entry["raw_pixels"]),
    )
