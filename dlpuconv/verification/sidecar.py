"""The manifest beside a file: what dlpuconv wrote about it when it was made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ArtifactError
from dlpuconv.files.regular import read_regular
from dlpuconv.formats.files import is_folder
from dlpuconv.formats.safe_folder import SafeFolder, UnusableFileError
from dlpuconv.ir import Part, Port
from dlpuconv.ir.binding import InputBinding
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.package import MANIFEST
from dlpuconv.scheme import Granularity
from dlpuconv.verification.advice import FAST, OFF, Settings
from dlpuconv.verification.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.formats import FileView

_COMPILED = "_edgetpu"
_MOST_BYTES = 64 << 20
_MOST_SAMPLES = 1 << 40
_CODES = (-(1 << 31), (1 << 31) - 1)  # what a zero point may be, and an index at most
OURS = {"schema_version", "dlpuconv"}
"""Keys of every manifest, which other tools' JSON does not have."""


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
        of_images: the user gave images, which came to the input's size as `preprocessing` says.
        equalized: channels of activations were scaled.
        absorbed: channels of activations were moved.
        layers: names of the file's layers, in its order; empty in a manifest that does not tell.
        settings: the options that it was converted with; None in a manifest that does not say.
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
    of_images: bool = False
    equalized: bool = False
    absorbed: bool = False
    layers: tuple[LayerNames, ...] = ()
    settings: Settings | None = None
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)


def find_sidecar(path: Path, view: FileView | None = None) -> Sidecar | None:
    """The manifest of a file: `manifest.json` in a folder, else the same name with `.json`; None where there is none.

    A manifest that lists another hash for the file describes another file: it is not used. JSON of another tool, and
    what is no JSON at all, is none of our business here; in a package folder, a rule minds it.

    Args:
        path: the file or package folder.
        view: what it holds, where it has been read already.

    Raises:
        ArtifactError: there is one of ours, and it is damaged.
    """
    place = path / MANIFEST if is_folder(path) else _beside(path)
    content = view.package.manifest if view is not None and view.package is not None else _read(place)
    if not content.keys() >= OURS:
        return None
    try:
        if not is_folder(path) and not _describes(content, path):
            return None
        return sidecar_of(content, place)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"the manifest {place.name} is damaged: {error}") from error


def _read(place: Path) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where there is no such thing.

    In a package folder a link may not lead out; beside a file of the user's own it may be any.
    """
    try:
        real = place if place.name == MANIFEST else place.resolve()
        return SafeFolder(real.parent).read_json(real.name, _MOST_BYTES)
    except (UnusableFileError, OSError, RuntimeError):  # RuntimeError: links in a circle
        return {}


def _beside(path: Path) -> Path:
    plain = path.with_suffix(".json")
    if not path.stem.endswith(_COMPILED) or plain.is_file():
        return plain
    return path.with_name(path.stem.removesuffix(_COMPILED) + ".json")


def _describes(content: Mapping[str, Any], path: Path) -> bool:
    digest = hashlib.sha256(read_regular(path)).hexdigest()
    hashes = [entry.text("sha256") for entry in Fields(content).each("files")]
    return digest in hashes or path.stem.endswith(_COMPILED)


def sidecar_of(content: Mapping[str, Any], place: Path) -> Sidecar:
    """What a manifest says.

    Args:
        content: the manifest.
        place: where it is, or will be.

    Raises:
        ValueError: it is damaged; which field, and why.
    """
    whole = Fields(content)
    recipe, calibration = whole.inside("recipe"), whole.inside("calibration")
    overrides = recipe.each("overrides") if recipe.has("overrides") else ()
    inputs = whole.each("inputs")
    bindings = [_binding(entry) for entry in inputs if entry.has("multiplier")]
    return Sidecar(
        path=place,
        target=whole.text("target"),
        asked=frozenset(_granularity(entry) for entry in (recipe, *overrides)),
        calibrated=calibration.flag("calibrated") or calibration.integer("samples", 0, _MOST_SAMPLES) == 0,
        inputs=tuple(map(_port, inputs)),
        outputs=tuple(map(_port, whole.each("outputs"))),
        bindings={binding.name: binding for binding in bindings},
        source_sha256=whole.inside("source").text("sha256"),
        preprocessing=_recorded(whole.inside("preprocessing")) if whole.has("preprocessing") else None,
        of_images=calibration.has("of_images") and calibration.flag("of_images"),
        equalized=recipe.has("equalize") and recipe.flag("equalize"),
        absorbed=recipe.has("absorb") and recipe.flag("absorb"),
        layers=tuple(map(_layer, whole.each("layers"))) if whole.has("layers") else (),
        settings=_settings(whole) if whole.has("request") else None,
        content=content,
    )


def _settings(whole: Fields) -> Settings:
    """An effort without trials had no say: a recipe was given, or there was nothing to judge any by."""
    request, recipe = whole.inside("request"), whole.inside("recipe")
    calibrated = whole.inside("calibration").flag("calibrated")
    effort = request.text("effort")
    given = request.has("recipe_given") and request.flag("recipe_given")
    searched = not given and calibrated and (effort == FAST or (whole.has("trials") and bool(whole.each("trials"))))
    return Settings(
        calibrated=calibrated,
        effort=effort if searched else None,
        recipe_given=given,
        granularity=request.text("granularity") if request.has("granularity") else recipe.text("granularity"),
        split_outputs=request.text("split_outputs") if request.has("split_outputs") else OFF,
    )


def _granularity(entry: Fields) -> Granularity:
    return Granularity(entry.text("granularity"))


def _recorded(entry: Fields) -> Recorded:
    plain = Recorded(resize=entry.text("resize"), color=entry.text("color"))
    if not entry.flag("stated"):
        return plain
    return replace(plain, mean=entry.numbers("mean"), std=entry.numbers("std", divisor=True))


def _layer(entry: Fields) -> LayerNames:
    return LayerNames(
        title=entry.text("name"),
        tensor=entry.text("tensor"),
        nodes=entry.texts("nodes"),
        modules=entry.texts("modules"),
        values=entry.texts("values"),
    )


def _port(entry: Fields) -> Port:
    source_shape = entry.shape("source_shape")
    return Port(
        name=entry.text("name"),
        source_shape=source_shape,
        shape=entry.shape("shape"),
        permutation=entry.order("permutation"),
        dtype=entry.dtype("dtype"),
        scale=entry.number("scale", positive=True) if entry.has("scale") else None,
        zero_point=entry.integer("zero_point", *_CODES) if entry.has("zero_point") else None,
        file_name=entry.text("file_name") if entry.has("file_name") else "",
        part=_part(entry.inside("part"), len(source_shape)) if entry.has("part") else None,
    )


def _part(entry: Fields, rank: int) -> Part:
    start = entry.integer("start", 0, _CODES[1])
    return Part(
        output=entry.text("output"),
        axis=entry.integer("axis", 0, max(rank - 1, 0)),
        start=start,
        stop=entry.integer("stop", start + 1, _CODES[1]),
    )


def _binding(entry: Fields) -> InputBinding:
    shape, order = entry.shape("source_shape"), entry.order("channel_order")
    multiplier, offset = entry.numbers("multiplier", divisor=True), entry.numbers("offset")
    nothing = not order and multiplier == (1.0,) and offset == (0.0,)  # then there need be no channels either
    return InputBinding(
        name=entry.text("name"),
        channel_axis=entry.integer("channel_axis", 0, _CODES[1] if nothing else max(len(shape) - 1, 0)),
        multiplier=multiplier,
        offset=offset,
        order=order,
        raw_pixels=entry.flag("raw_pixels"),
    )
