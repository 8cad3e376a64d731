"""Rules about what an application on the camera has to do around the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import POST_PROCESS, image_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context

_POST_PROCESSING = frozenset({POST_PROCESS, "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "TOPK_V2", "WHERE"})
_CHANNELS = (1, 3)


def no_post_processing(view: FileView, _: Context) -> Iterator[Hit]:
    """Ops that sort and choose: no DLPU has them, and most compute in float."""
    for layer in view.layers:
        if layer.op in _POST_PROCESSING:
            yield Hit(f"{layer.op} runs on the CPU", layer.name)


def one_image(view: FileView, _: Context) -> Iterator[Hit]:
    """What the code of the examples takes."""
    if len(view.inputs) != 1:
        yield Hit(f"there are {len(view.inputs)} inputs")
    for index in view.inputs:
        tensor = view.tensors[index]
        if len(tensor.shape) != 4:
            yield Hit(f"it has {len(tensor.shape)} axes: {list(tensor.shape)}", tensor.name)


def interleaved(view: FileView, _: Context) -> Iterator[Hit]:
    """Height, width, channels."""
    for tensor in image_inputs(view):
        if tensor.shape[3] not in _CHANNELS:
            yield Hit(f"the shape {list(tensor.shape)} is planar", tensor.name)


def even_sides(view: FileView, _: Context) -> Iterator[Hit]:
    """NV12 has one colour for two by two pixels."""
    for tensor in image_inputs(view):
        height, width = tensor.shape[1:3] if tensor.shape[3] in _CHANNELS else tensor.shape[2:]
        if height % 2 or width % 2:
            yield Hit(f"it is {width} x {height}", tensor.name)


APPLICATION_RULES: tuple[Rule, ...] = (
    Rule(
        id="TFL-POST-PROCESSING",
        severity=Severity.WARN,
        sentence="Post-processing (suppression, sorting) should be left to the application.",
        source="Axis: object detection examples",
        check=no_post_processing,
        fix="Cut the model in front of it (--cut-at) and do it in the application.",
    ),
    Rule(
        id="TFL-INPUTS",
        severity=Severity.WARN,
        sentence="Axis' example applications take exactly one input, of four axes.",
        source="Axis: vdo-larod example, model.c",
        check=one_image,
        fix="Write the application for these inputs.",
    ),
    Rule(
        id="TFL-LAYOUT",
        severity=Severity.WARN,
        sentence="Image inputs should be interleaved (NHWC), as the camera delivers pixels.",
        source="Axis: test your model",
        check=interleaved,
        fix="Convert with --input-layout nhwc, the default.",
    ),
    Rule(
        id="TFL-EVEN",
        severity=Severity.WARN,
        sentence="The camera's image scaler (cpu-proc) makes images of even width and height only.",
        source="Axis: larod preprocessing",
        check=even_sides,
        fix="Choose an even input size (--input-shape), or pad in the application.",
    ),
)
