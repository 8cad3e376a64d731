"""What ARTPEC-7's Edge TPU demands of a file beyond full integers.

Its compiler cuts the graph once: from the first operator that it does not map on, everything runs on the CPU. So what
it does not map warns; it never makes a file unusable.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from dlpuconv.scheme import Granularity
from dlpuconv.verify.granularity import granularity
from dlpuconv.verify.macs import macs, parameter_bytes
from dlpuconv.verify.rule import Hit, Rule, Severity
from dlpuconv.verify.rules import TFLITE_RULES, advice, at_layers, custom_ops
from dlpuconv.verify.rules.graph import POST_PROCESS, image_inputs
from dlpuconv_targets.artpec.camera import largest_tried
from dlpuconv_targets.artpec.edge_tpu_limits import (
    constant_part,
    dilation,
    fused_activation,
    plain_slice,
    reduced_depth,
    resized,
    slope_of_channels,
    softmax_size,
    touches_batch,
    vector_output,
    weights_format,
)
from dlpuconv_targets.artpec.firmware import FIRMWARE
from dlpuconv_targets.artpec.operators import EDGE_TPU, EDGE_TPU_RUNTIME_14

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verify.rule import Context
    from dlpuconv.verify.rules.layerwise import LayerCheck

_OPS = "Axis: ARTPEC-7 supported operators; Coral: supported operations of the Edge TPU compiler"
_AWAY = "Change the layer, or cut the model in front of it (--cut-at): from there on, all runs on the CPU."
_TIPS = "Axis: ARTPEC-7 optimization tips"
_COMPILED_OP = "edgetpu-custom-op"
_COMPILED_NAME = "_edgetpu.tflite"
_MEMORY = 7.7 * 2**20
_INNER_AXES = 3
_RUNTIME_14 = (10, 8, 1)  # AXIS OS 10.8.1 has larod 3.0.33; 3.0.21 was the first with runtime 14
_CRASHES = frozenset({(480, 480), (270, 480), (225, 400), (340, 340)})  # height, width
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")
_NOT_ON_BATCH = ("MEAN", "PACK", "PAD", "REDUCE_MAX", "REDUCE_MIN", "SPLIT", "SUM")


def _is_compiled(view: FileView) -> bool:
    return any(layer.op == _COMPILED_OP for layer in view.layers)


def _mapped(layer: LayerView) -> bool:
    return layer.op in EDGE_TPU and not layer.custom


def holds_compiled_part(view: FileView, context: Context) -> Iterator[Hit]:
    """The compiler calls its results so; where nothing was mapped, it writes what it was given."""
    if context.file.endswith(_COMPILED_NAME) and not _is_compiled(view):
        yield Hit(f"{context.file} is called compiled, and holds no {_COMPILED_OP}")


def small_inner_axes(view: FileView, _: Context) -> Iterator[Hit]:
    """Checked before the cut only; behind it the CPU takes any shape."""
    if _is_compiled(view):
        return
    made = [index for layer in takewhile(_mapped, view.layers) for index in layer.outputs]
    for tensor in (view.tensors[index] for index in (*view.inputs, *made)):
        if any(extent > 1 for extent in tensor.shape[:-_INNER_AXES]):
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def first_unmapped(view: FileView, _: Context) -> Iterator[Hit]:
    """The cut, and how much of the work lies behind it."""
    if _is_compiled(view):
        left = [layer for layer in view.layers if layer.op != _COMPILED_OP]
        if left:
            yield Hit(f"the compiler left {len(left)} ops to the CPU, {left[0].op} first", left[0].name)
        return
    cut = next((layer for layer in view.layers if not _mapped(layer)), None)
    if cut is not None:
        total = sum(macs(view, layer) for layer in view.layers)
        behind = sum(macs(view, layer) for layer in view.layers[cut.index :])
        share = f"{behind / total:.0%} of the multiplications" if total else "everything"
        yield Hit(f"{cut.op} is not mapped: {share} from there on runs on the CPU", cut.name)


def sizes_that_compile(view: FileView, _: Context) -> Iterator[Hit]:
    """Reported of one detector; others may share its fate."""
    for tensor in image_inputs(view):
        if tensor.shape[1:3] in _CRASHES:
            yield Hit(f"it is {tensor.shape[2]} x {tensor.shape[1]}", tensor.name)


def newest_runtime(view: FileView, context: Context) -> Iterator[Hit]:
    """Unless the firmware that the user names is known to have it."""
    if context.firmware is not None and context.firmware >= _RUNTIME_14:
        return
    for layer in view.layers:
        if layer.op in EDGE_TPU_RUNTIME_14:
            yield Hit(layer.op, layer.name)


def fits_on_chip(view: FileView, _: Context) -> Iterator[Hit]:
    """More parameters are streamed for every frame."""
    size = parameter_bytes(view)
    if size > _MEMORY:
        yield Hit(f"there are {size / 2**20:.1f} MiB")


def per_channel_is_free(view: FileView, context: Context) -> Iterator[Hit]:
    """The Edge TPU runs both at about the same speed."""
    per_tensor = [layer for layer in granularity(view).layers if layer.granularity is Granularity.PER_TENSOR]
    # A layer with one output channel has one scale either way.
    per_tensor = [layer for layer in per_tensor if layer.op in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    if len(per_tensor) > 1 and Granularity.PER_TENSOR not in context.asked:
        for layer in per_tensor:
            yield Hit(f"{layer.op} has one weight scale", layer.name)


def _limit(name: str, sentence: str, check: LayerCheck, *ops: str) -> Rule:
    return advice(f"A7-{name}", f"{sentence}, to run on the Edge TPU.", _OPS, at_layers(check, *ops), _AWAY)


_CUSTOM = custom_ops(
    {
        POST_PROCESS: "runs on the CPU",
        _COMPILED_OP: "compiled for the Edge TPU: other chips do not run it",
    }
)
"""The rule for every chip, but for the op that a compiled file consists of."""

ARTPEC7_RULES: tuple[Rule, ...] = (
    *(_CUSTOM if rule.id == _CUSTOM.id else rule for rule in TFLITE_RULES),
    FIRMWARE,
    Rule(
        id="A7-COMPILED",
        severity=Severity.FAIL,
        sentence=f"A compiled file must hold {_COMPILED_OP}.",
        source="Coral: Edge TPU compiler",
        check=holds_compiled_part,
        fix="Look at the compiler's log (edgetpu_compiler -s): nothing was mapped.",
    ),
    Rule(
        id="A7-RANK",
        severity=Severity.FAIL,
        sentence="Only the innermost three axes of a tensor may be longer than 1.",
        source=_TIPS,
        check=small_inner_axes,
        fix="Cut the model in front of the reshape (--cut-at) and do the rest in the application.",
    ),
    advice(
        "A7-CUT",
        "The Edge TPU runs the graph up to the first op that it does not know; the rest runs on the CPU.",
        _OPS,
        first_unmapped,
        "Replace the op, or cut the model there (--cut-at).",
        listed=EDGE_TPU,
    ),
    advice(
        "A7-MEMORY",
        "Parameters beyond about 7.7 MiB are streamed to the Edge TPU for every frame.",
        "edgetpu_compiler's log for SSD MobileNet v2: 6.52 MiB used, 1.20 MiB left",
        fits_on_chip,
        "Choose a smaller network, or a narrower one.",
    ),
    largest_tried(
        "A7-RAM",
        6.9,
        "YOLOv5s (6.9 MiB) could not be loaded on a camera with 1 GB of memory.",
        "acap-native-sdk-examples issue 71: Could not allocate tensors",
    ),
    advice(
        "A7-PER-TENSOR",
        "Weights can be per channel at no cost, which is more accurate.",
        _TIPS,
        per_channel_is_free,
        "Convert with --granularity per-channel, the default for this chip.",
    ),
    advice(
        "A7-RUNTIME",
        "Some ops need Edge TPU runtime 14, that is larod 3.0.21 or newer on the camera.",
        "Coral: supported operations; acap3-examples issues 120 and 147 (AXIS OS 10.8.1 has it)",
        newest_runtime,
        "Compile with edgetpu_compiler --min_runtime_version 13 for older firmware; see --firmware.",
        listed=EDGE_TPU_RUNTIME_14,
    ),
    advice(
        "A7-INPUT-SIZE",
        "edgetpu_compiler has failed (Internal compiler error) at 480x480, 480x270, 400x225 and 340x340.",
        "acap3-examples issue 62 (SSD MobileDet)",
        sizes_that_compile,
        "Where it fails, choose another input size (--input-shape).",
    ),
    _limit("SOFTMAX", "SOFTMAX must be one-dimensional, of at most 16000 values", softmax_size, "SOFTMAX"),
    _limit("FUSED", "Pools and concatenations must have no fused activation", fused_activation, *_POOLS),
    _limit("DILATION", "Dilation must be equal in both directions", dilation, "CONV_2D", "DEPTHWISE_CONV_2D"),
    _limit("BATCH-AXIS", "No op may work along the batch", touches_batch, *_NOT_ON_BATCH),
    _limit("SLICE", "STRIDED_SLICE must have strides of 1 and plain masks", plain_slice, "STRIDED_SLICE"),
    _limit("PRELU", "PRELU must have one slope a channel", slope_of_channels, "PRELU"),
    _limit("WEIGHTS", "Weights must be stored plainly", weights_format, "FULLY_CONNECTED"),
    _limit("CONCAT", "Only zeros may be concatenated with, and with one tensor", constant_part, "CONCATENATION"),
    _limit("MEAN", "MEAN over the channels must be over a multiple of 4", reduced_depth, "MEAN"),
    _limit("FULLY-CONNECTED", "FULLY_CONNECTED must make a vector", vector_output, "FULLY_CONNECTED"),
    _limit(
        "RESIZE",
        "Resizes must be of version 1 or 2 (no half-pixel centres), and small enough",
        resized,
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
    ),
)
