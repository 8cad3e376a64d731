"""What ARTPEC-7's Edge TPU demands of a file beyond full integers.

Its compiler cuts the graph once: from the first operator that it does not map on, everything runs on the CPU. So what
it does not map warns; it never makes a file unusable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import Granularity
from dlpuconv.plugin.placement import Processor, forecast
from dlpuconv.plugin.rules import POST_PROCESS, TFLITE_RULES, Hit, Rule, Severity, advice, custom_ops, image_inputs
from dlpuconv.plugin.views import granularity
from dlpuconv_targets.artpec.artpec7_placement import ARTPEC7_PLACEMENT, COMPILED_OP, OPS, is_compiled
from dlpuconv_targets.artpec.camera import largest_tried
from dlpuconv_targets.artpec.firmware import FIRMWARE
from dlpuconv_targets.artpec.operators import EDGE_TPU_RUNTIME_14

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView

_TIPS = "Axis: ARTPEC-7 optimization tips"
_COMPILED_NAME = "_edgetpu.tflite"
_INNER_AXES = 3
_RUNTIME_14 = (10, 8, 1)  # AXIS OS 10.8.1 has larod 3.0.33; 3.0.21 was the first with runtime 14
_CRASHES = frozenset({(480, 480), (270, 480), (225, 400), (340, 340)})  # height, width


def holds_compiled_part(view: FileView, context: Context) -> Iterator[Hit]:
    """The compiler calls its results so; where nothing was mapped, it writes what it was given."""
    if context.file.endswith(_COMPILED_NAME) and not is_compiled(view):
        yield Hit(f"{context.file} is called compiled, and holds no {COMPILED_OP}")


def small_inner_axes(view: FileView, context: Context) -> Iterator[Hit]:
    """Checked before the cut only; behind it the CPU takes any shape.

    So it does of what leads straight to the cut: the compiler may as well cut in front of moves that no work follows.
    """
    if is_compiled(view):
        return
    found = forecast(view, ARTPEC7_PLACEMENT, context)
    mapped = found.on(Processor.DLPU)
    if found.on(Processor.CPU):
        last = max((number for number, layer in enumerate(mapped, 1) if layer.macs), default=0)
        mapped = mapped[:last]
    touched = [view.layers[layer.index] for layer in mapped]
    indices = dict.fromkeys(index for layer in touched for index in (*layer.inputs, *layer.outputs))
    for tensor in (tensor for index in indices if (tensor := view.tensor(index)) is not None and not tensor.constant):
        if any(extent > 1 for extent in tensor.shape[:-_INNER_AXES]):
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def first_unmapped(view: FileView, context: Context) -> Iterator[Hit]:
    """The cut, and how much of the work lies behind it."""
    found = forecast(view, ARTPEC7_PLACEMENT, context)
    left = found.on(Processor.CPU)
    if not left:
        return
    if is_compiled(view):
        yield Hit(f"the compiler left {len(left)} ops to the CPU, {left[0].op} first", left[0].name)
        return
    share = found.accelerated_share
    behind = "everything" if share is None else f"{1 - share:.0%} of the multiplications"
    yield Hit(f"{left[0].op} is not mapped: {behind} from there on runs on the CPU", left[0].name, index=left[0].index)


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
            yield Hit(layer.op, layer.name, index=layer.index)


def fits_on_chip(view: FileView, context: Context) -> Iterator[Hit]:
    """More parameters are streamed for every frame."""
    memory = forecast(view, ARTPEC7_PLACEMENT, context).memory
    if memory is not None and not memory.fits:
        yield Hit(f"there are {memory.used / 2**20:.1f} MiB")


def per_channel_is_free(view: FileView, context: Context) -> Iterator[Hit]:
    """The Edge TPU runs both at about the same speed."""
    per_tensor = [layer for layer in granularity(view).layers if layer.granularity is Granularity.PER_TENSOR]
    # A layer with one output channel has one scale either way.
    per_tensor = [layer for layer in per_tensor if layer.op in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    if len(per_tensor) > 1 and Granularity.PER_TENSOR not in context.asked:
        for layer in per_tensor:
            yield Hit(f"{layer.op} has one weight scale", layer.name)


_CUSTOM = custom_ops(
    {
        POST_PROCESS: "runs on the CPU",
        COMPILED_OP: "compiled for the Edge TPU: other chips do not run it",
    }
)
"""The rule for every chip, but for the op that a compiled file consists of."""

ARTPEC7_RULES: tuple[Rule, ...] = (
    *(_CUSTOM if rule.id == _CUSTOM.id else rule for rule in TFLITE_RULES),
    FIRMWARE,
    Rule(
        id="A7-COMPILED",
        severity=Severity.FAIL,
        sentence=f"A compiled file must hold {COMPILED_OP}.",
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
        OPS,
        first_unmapped,
        "Replace the op, or cut the model there (--cut-at).",
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
        "The compiler of the Edge TPU has failed (Internal compiler error) at 480x480, 480x270, 400x225 and 340x340.",
        "acap3-examples issue 62 (SSD MobileDet)",
        sizes_that_compile,
        "Where it fails, choose another input size (--input-shape).",
    ),
    *ARTPEC7_PLACEMENT.limits,
)
