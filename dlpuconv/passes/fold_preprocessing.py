"""normalize ∘ network -> network': the normalization goes into the file, so that it takes a camera's raw pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.preprocess import Color
from dlpuconv.errors import UsageError
from dlpuconv.ir import InputBinding, Layout, Model, Normalization
from dlpuconv.passes.editor import Editor
from dlpuconv.passes.float_inputs import make_inputs_float
from dlpuconv.passes.fold_camera import Camera
from dlpuconv.passes.fold_first_convolutions import (
    FirstConvolutions,
    best_zero_point,
    first_convolutions,
    fold,
    reorder,
)
from dlpuconv.passes.fold_in_front import insert_arithmetic, insert_convolution
from dlpuconv.passes.fold_loss import Bound, signal_to_noise, stand_in_samples
from dlpuconv.passes.kept_scales import with_kept_scales
from dlpuconv.passes.not_stated import not_stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.calibration import Preprocessing, Samples
    from dlpuconv.ir import Affine, ValueSpec
    from dlpuconv.jsonable import Json

LEAST_DB = 40.0
"""Below this, folding into a padded convolution gives way to operators in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """A model that takes what `bindings` say.

    Attributes:
        model: the given one where nothing had to change, else an edited copy.
        bindings: by input name, one for every input.
        notes: what the user should know.
        facts: by input name, for the manifest: `method`, `scale`, `zero_point`, `border_sqnr_db`, `reason`.
    """

    model: Model
    bindings: Mapping[str, InputBinding]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """One input's share of the result."""

    model: Model
    binding: InputBinding
    method: str
    reason: str = ""
    note: str = ""
    border: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One input of a model whose other inputs are bound, and what may be done about it."""

    model: Model
    bindings: Mapping[str, InputBinding]
    camera: Camera
    mode: Normalization
    exact_only: bool
    preprocessing: Preprocessing
    samples: Samples | None


def fold_preprocessing(
    model: Model,
    preprocessing: Preprocessing,
    mode: Normalization,
    *,
    exact_only: bool = False,
    samples: Samples | None = None,
    computed: frozenset[str] = frozenset(),
) -> FoldResult:
    """Move a stated normalization of image inputs into the graph, or into the scale and zero point of the input.

    * Mean and std equal over the channels, the mean an integer in 0..255: nothing is computed at all; the input's
      scale 1/std and zero point `mean` are the normalization (`quantization`).
    * Mode CONV: into the weights of the convolutions that read the input, exactly where they do not pad, else with
      the zero point that loses least at the borders (`conv`), unless that keeps less than 40 dB.
    * Else, and in mode OP: a per-channel affine in front (`op`). Exact.

    A camera delivers RGB: with `color` BGR the reordering is folded with the rest.

    An integer input that the graph casts to float becomes a float one (`float_inputs`); nothing is folded into it.

    Args:
        model: in normal form; it is not changed.
        preprocessing: nothing is folded unless it is `stated`.
        mode: OFF folds nothing.
        exact_only: for files with float inputs, which have no scale and zero point: into a convolution only where that
            is exact with a padding of 0, else operators in front, whatever the mode.
        samples: in the source domain, to measure what is lost; random pictures where there are none.
        computed: inputs that no camera feeds, since operators on the CPU compute them.

    Raises:
        UsageError: the preprocessing has another number of channels than the only image input, or that one takes
            integers, which cannot be normalized ones.
    """
    specs = model.signature.inputs
    bindings = {spec.name: _identity(spec) for spec in specs}
    model, fixed = make_inputs_float(model)
    bindings |= {s.name: _as_given(s, fixed[s.name], preprocessing) for s in specs if s.name in fixed}
    facts: dict[str, Json] = {}
    notes: list[str] = []
    for spec in specs:
        if spec.name in computed:
            continue
        camera, note = _camera(spec, preprocessing, mode, samples, alone=len(specs) == 1)
        if camera is None:
            notes += [note] if note else []
            continue
        question = _Question(
            model=model,
            bindings=dict(bindings),
            camera=camera,
            mode=mode,
            exact_only=exact_only,
            preprocessing=preprocessing,
            samples=samples,
        )
        folded = _fold(question)
        model, bindings[spec.name] = folded.model, folded.binding
        notes += [folded.note] if folded.note else []
        facts[spec.name] = _facts(folded)
    return FoldResult(model=model, bindings=bindings, notes=tuple(notes), facts=facts)


def _camera(
    spec: ValueSpec, preprocessing: Preprocessing, mode: Normalization, samples: Samples | None, *, alone: bool
) -> tuple[Camera | None, str]:
    """What a camera delivers for this input; or None and what the user should know."""
    if mode is Normalization.OFF or not spec.is_image:
        return None, ""
    floating = np.issubdtype(np.dtype(spec.dtype), np.floating)
    if not preprocessing.stated:
        return None, not_stated(spec, preprocessing, samples) if floating else ""
    if not floating:
        if alone and not preprocessing.keeps_pixels:
            raise UsageError(
                f"the input {spec.name!r} takes {spec.dtype} pixels as they are, which normalized samples do not fit: "
                "leave --mean, --std and --preset out, or give --preset 0-255",
                id="preprocessing-integer-input",
            )
        told = f"the normalization is not folded: the input {spec.name!r} is {spec.dtype}"
        return None, "" if preprocessing.keeps_pixels else told
    try:
        return Camera.of(spec, preprocessing), ""
    except UsageError as error:
        if alone:
            raise
        return None, f"the normalization is not folded into {spec.name!r}: {error}"


def _identity(spec: ValueSpec) -> InputBinding:
    return InputBinding(name=spec.name, channel_axis=3 if spec.layout is Layout.NHWC else 1)


def _as_given(spec: ValueSpec, fixed: Affine, preprocessing: Preprocessing) -> InputBinding:
    """An integer input: a camera's pixels are its values where they are uint8 and RGB."""
    raw = spec.is_image and spec.dtype == "uint8" and preprocessing.color is not Color.BGR
    return replace(_identity(spec), quantization=fixed, raw_pixels=raw)


def _fold(ask: _Question) -> _Folded:
    camera = ask.camera
    if camera.fits_quantization and not ask.exact_only and not camera.order:
        return _Folded(model=ask.model, binding=camera.by_quantization(), method="quantization")
    model = ask.model.copy()
    editor = Editor(model.graph)
    source = next(value for value in editor.graph.inputs if value.name == camera.spec.name)
    found = first_convolutions(editor, source, camera.spec.layout)
    if source.is_graph_output():
        note = f"the normalization is not folded: the input {source.name!r} is an output as well"
        return _Folded(model=ask.model, binding=_identity(camera.spec), method="none", note=note)
    if isinstance(found, FirstConvolutions) and camera.order and found.grouped:
        found = "a grouped convolution reads the input, whose channels have to be reordered"
    if isinstance(found, str):
        return _in_front(ask, editor, model, found)
    if camera.fits_quantization and not ask.exact_only:
        reorder(editor, found, camera)
        return _Folded(model=with_kept_scales(model, editor), binding=camera.by_quantization(), method="quantization")
    if ask.exact_only:
        if found.padded and any(camera.mean):
            return _in_front(ask, editor, model, "the first convolution pads")
        return _by_weights(camera, editor, model, found, 0)
    if ask.mode is Normalization.OP:
        return _in_front(ask, editor, model, "--fold-preprocess op")
    if not found.padded:
        return _by_weights(camera, editor, model, found, _nearest(camera))
    return _at_the_borders(ask, editor, model, found)


def _at_the_borders(ask: _Question, editor: Editor, model: Model, found: FirstConvolutions) -> _Folded:
    """Fold into padded convolutions if that keeps enough."""
    zero_point = best_zero_point(editor, found, ask.camera)
    folded = _by_weights(ask.camera, editor, model, found, zero_point)
    if all(mean == zero_point for mean in ask.camera.mean):
        return folded
    samples = ask.samples if ask.samples is not None and len(ask.samples) else None
    samples = samples or stand_in_samples(ask.model, ask.preprocessing)
    after = {**ask.bindings, ask.camera.spec.name: folded.binding}
    border = signal_to_noise(Bound(ask.model, ask.bindings), Bound(folded.model, after), samples)
    if border < LEAST_DB:
        again = ask.model.copy()
        lost = (
            f"folding it into the first convolution keeps only {border:.1f} dB at the borders (zero point {zero_point})"
        )
        return _in_front(ask, Editor(again.graph), again, lost, border)
    note = (
        f"the normalization is folded into the first convolution, whose padding becomes the raw value {zero_point}: "
        f"this keeps {border:.1f} dB at the borders; --fold-preprocess op is exact"
    )
    return _Folded(model=model, binding=folded.binding, method="conv", note=note, border=border)


def _by_weights(camera: Camera, editor: Editor, model: Model, found: FirstConvolutions, zero_point: int) -> _Folded:
    fold(editor, found, camera, zero_point)
    editor.renamed[camera.spec.name] = ""  # its values are pixels now
    return _Folded(model=with_kept_scales(model, editor), binding=camera.by_weights(zero_point), method="conv")


def _in_front(ask: _Question, editor: Editor, model: Model, reason: str, border: float = math.inf) -> _Folded:
    source = next(value for value in editor.graph.inputs if value.name == ask.camera.spec.name)
    if ask.camera.spec.layout is Layout.NHWC or (ask.exact_only and not ask.camera.order):
        insert_arithmetic(editor, source, ask.camera)
    else:
        insert_convolution(editor, source, ask.camera)
    told = ask.mode is Normalization.CONV and not ask.exact_only
    note = f"the normalization is an operator in front of the network: {reason}" if told else ""
    model = with_kept_scales(model, editor)
    return _Folded(model=model, binding=ask.camera.by_weights(0), method="op", reason=reason, note=note, border=border)


def _nearest(camera: Camera) -> int:
    """The zero point nearest the means: any is exact where nothing is padded."""
    return int(np.clip(round(float(np.mean(camera.mean))), 0, 255))


def _facts(folded: _Folded) -> dict[str, Json]:
    quantization = folded.binding.quantization
    return {
        "method": folded.method,
        "reason": folded.reason,
        "scale": quantization.scale if quantization else None,
        "zero_point": quantization.zero_point if quantization else None,
        "border_sqnr_db": round(folded.border, 1) if math.isfinite(folded.border) else None,
    }
