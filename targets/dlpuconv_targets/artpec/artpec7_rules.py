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
from dlpuconv.verify.rules import TFLITE_RULES, advice, at_layers
from dlpuconv.verify.rules.graph import EDGE_TPU as COMPILED_OP
from dlpuconv_targets.artpec.layers import constant_values, input_at, number, output_of
from dlpuconv_targets.artpec.operators import EDGE_TPU, EDGE_TPU_RUNTIME_14

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verify.rule import Context
    from dlpuconv.verify.rules.layerwise import LayerCheck

_OPS = "Axis: ARTPEC-7 supported operators; Coral: supported operations of the Edge TPU compiler"
_TIPS = "Axis: ARTPEC-7 optimization tips"
_MEMORY = 7.7 * 2**20
_SOFTMAX_VALUES = 16_000
_INNER_AXES = 3
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")
_NOT_ON_BATCH = ("MEAN", "PACK", "PAD", "REDUCE_MAX", "REDUCE_MIN", "SUM")


def _is_compiled(view: FileView) -> bool:
    return any(layer.op == COMPILED_OP for layer in view.layers)


def _mapped(layer: LayerView) -> bool:
    return layer.op in EDGE_TPU and not layer.custom


def small_inner_axes(view: FileView, _: Context) -> Iterator[Hit]:
    """Checked before the cut only; behind it the CPU takes any shape."""
    if _is_compiled(view):
        return
    for layer in takewhile(_mapped, view.layers):
        for index in layer.outputs:
            shape = view.tensors[index].shape
            if any(extent > 1 for extent in shape[:-_INNER_AXES]):
                yield Hit(f"{layer.op} makes {list(shape)}", layer.name)


def first_unmapped(view: FileView, _: Context) -> Iterator[Hit]:
    """The cut, and how much of the work lies behind it."""
    if _is_compiled(view):
        return
    cut = next((layer for layer in view.layers if not _mapped(layer)), None)
    if cut is not None:
        total = sum(macs(view, layer) for layer in view.layers)
        behind = sum(macs(view, layer) for layer in view.layers[cut.index :])
        share = f"{behind / total:.0%} of the multiplications" if total else "everything"
        yield Hit(f"{cut.op} is not mapped: {share} from there on runs on the CPU", cut.name)


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


def softmax_size(view: FileView, layer: LayerView) -> str:
    """One-dimensional, of some thousand values."""
    output = output_of(view, layer)
    if sum(extent > 1 for extent in output.shape) > 1:
        return f"it has the shape {list(output.shape)}"
    return f"it has {output.size} values" if output.size > _SOFTMAX_VALUES else ""


def fused_activation(_: FileView, layer: LayerView) -> str:
    """Pools and concatenations."""
    fused = layer.options.get("fused_activation_function", "NONE")
    return f"{layer.op} with {fused}" if fused != "NONE" else ""


def dilation(_: FileView, layer: LayerView) -> str:
    """Of convolutions."""
    h, w = number(layer, "dilation_h_factor", 1), number(layer, "dilation_w_factor", 1)
    return f"dilation {h}x{w}" if h != w else ""


def touches_batch(view: FileView, layer: LayerView) -> str:
    """Reductions, paddings and packing along axis 0."""
    if layer.op == "PACK":
        return "along axis 0" if number(layer, "axis") == 0 else ""
    values = constant_values(input_at(view, layer, 1))
    if layer.op == "PAD":
        return "the batch is padded" if any(values[:2]) else ""
    source = input_at(view, layer, 0)
    rank = len(source.shape) if source is not None else 0
    return "over axis 0" if rank and any(axis % rank == 0 for axis in values) else ""


def plain_slice(view: FileView, layer: LayerView) -> str:
    """Strides of 1, no ellipsis, no new axis."""
    steps = constant_values(input_at(view, layer, 3))
    if any(step != 1 for step in steps):
        return f"strides {steps}"
    return "an ellipsis or new axis" if number(layer, "ellipsis_mask") or number(layer, "new_axis_mask") else ""


def slope_of_channels(view: FileView, layer: LayerView) -> str:
    """PReLU's slopes."""
    slopes = input_at(view, layer, 1)
    return f"slopes of shape {list(slopes.shape)}" if slopes and any(n > 1 for n in slopes.shape[:-1]) else ""


def weights_format(_: FileView, layer: LayerView) -> str:
    """Shuffled weights are for ARM CPUs."""
    found = layer.options.get("weights_format", "DEFAULT")
    return f"weights are stored as {found}" if found != "DEFAULT" else ""


def newest_runtime(_: FileView, layer: LayerView) -> str:
    """Ops of Edge TPU runtime 14."""
    return layer.op if layer.op in EDGE_TPU_RUNTIME_14 else ""


def _limit(name: str, sentence: str, check: LayerCheck, *ops: str) -> Rule:
    return advice(f"A7-{name}", f"{sentence}, to run on the Edge TPU.", _OPS, at_layers(check, *ops))


ARTPEC7_RULES: tuple[Rule, ...] = (
    *TFLITE_RULES,
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
    ),
    advice(
        "A7-MEMORY",
        "Parameters beyond about 7.7 MiB are streamed to the Edge TPU for every frame.",
        "edgetpu_compiler's log for SSD MobileNet v2: 6.52 MiB used, 1.20 MiB left",
        fits_on_chip,
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
        _OPS,
        at_layers(newest_runtime),
    ),
    _limit("SOFTMAX", "SOFTMAX must be one-dimensional, of at most 16000 values", softmax_size, "SOFTMAX"),
    _limit("FUSED", "Pools and concatenations must have no fused activation", fused_activation, *_POOLS),
    _limit("DILATION", "Dilation must be equal in both directions", dilation, "CONV_2D", "DEPTHWISE_CONV_2D"),
    _limit("BATCH-AXIS", "No op may work along the batch", touches_batch, *_NOT_ON_BATCH),
    _limit("SLICE", "STRIDED_SLICE must have strides of 1 and plain masks", plain_slice, "STRIDED_SLICE"),
    _limit("PRELU", "PRELU must have one slope a channel", slope_of_channels, "PRELU"),
    _limit("WEIGHTS", "Weights must be stored plainly", weights_format, "FULLY_CONNECTED"),
)
