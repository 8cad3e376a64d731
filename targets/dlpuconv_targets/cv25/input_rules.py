"""What the inputs and outputs of a model must be for CVflow's compiler and camera."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.plugin.package import RAW_PIXELS
from dlpuconv.plugin.rules import Hit, Rule, Severity
from dlpuconv.plugin.views import IMAGE_CHANNELS, is_planar_image
from dlpuconv_targets.cv25.syntax import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView, TensorView

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-/]+")

_GUIDE = "Axis: ONNX to CV25 guide"
_PUBLIC = "public CVflow front ends and conversion scripts"


def batch_of_one(view: FileView, _: Context) -> Iterator[Hit]:
    """Inputs with a batch axis, such as images, must have a batch of 1."""
    for tensor in _inputs(view):
        if len(tensor.shape) > 3 and tensor.shape[0] > 1:
            yield Hit(f"the batch is {tensor.shape[0]}", tensor.name)


def takes_floats(view: FileView, _: Context) -> Iterator[Hit]:
    """Indices, such as tokens: the calibration files hold them as float32 numbers."""
    for tensor in _inputs(view):
        if tensor.dtype.startswith(("int", "uint", "bool")):
            yield Hit(f"it takes {tensor.dtype}; nothing public says how the compiler reads that", tensor.name)


def planar(view: FileView, _: Context) -> Iterator[Hit]:
    """The camera delivers one plane a channel."""
    for tensor in _inputs(view):
        if len(tensor.shape) == 4 and tensor.shape[3] in IMAGE_CHANNELS and not is_planar_image(tensor.shape):
            yield Hit(f"the shape {list(tensor.shape)} is interleaved", tensor.name)


def aligned_rows(view: FileView, _: Context) -> Iterator[Hit]:
    """Each row of bytes starts at a multiple of 32."""
    sizes = {entry.input: entry.encoding.itemsize for entry in view.package.lists} if view.package else {}
    for tensor in _images(view):
        row = tensor.shape[3] * sizes.get(tensor.name, 1)
        if row % ROW:
            yield Hit(f"a row has {row} bytes and takes {-(-row // ROW) * ROW}", tensor.name)


def raw_pixels(view: FileView, _: Context) -> Iterator[Hit]:
    """Only files of dlpuconv say what range their inputs have."""
    if RAW_PIXELS not in view.metadata:
        return
    raw = view.metadata[RAW_PIXELS].split(",")
    for tensor in _images(view):
        if tensor.name not in raw:
            yield Hit("it takes what the source model takes; nothing says that this is 0-255", tensor.name)


def plain_names(view: FileView, _: Context) -> Iterator[Hit]:
    """`-odst "o:NAME|odf:fp32"` and `i:NAME=LIST` have no quoting."""
    for index in (*view.inputs, *view.outputs):
        name = view.tensors[index].name
        if not _PLAIN_NAME.fullmatch(name):
            yield Hit(f"the name is {name!r}", name)


def _inputs(view: FileView) -> list[TensorView]:
    return [view.tensors[index] for index in view.inputs]


def _images(view: FileView) -> list[TensorView]:
    return [tensor for tensor in _inputs(view) if is_planar_image(tensor.shape)]


INPUT_RULES: tuple[Rule, ...] = (
    Rule(
        id="CV-BATCH",
        severity=Severity.FAIL,
        sentence="The batch is 1.",
        source=_GUIDE,
        check=batch_of_one,
        fix="--input-shape NAME=1,...",
    ),
    Rule(
        id="CV-PLANAR",
        severity=Severity.FAIL,
        sentence="Image inputs are planar, NCHW.",
        source="Axis: vdo-larod example, test your model",
        check=planar,
        fix="convert with --target cv25, which turns them",
    ),
    Rule(
        id="CV-INPUTS",
        severity=Severity.WARN,
        sentence="Inputs are float32.",
        source=_PUBLIC,
        check=takes_floats,
        fix="look the index up outside of the network, and let it take what comes of that",
    ),
    Rule(
        id="CV-WIDTH",
        severity=Severity.WARN,
        sentence="A row of an image input is a multiple of 32 bytes; else each row is padded to one.",
        source="Axis: object-detection-cv25 example, optimization tips",
        check=aligned_rows,
        fix="choose another input width, or pad the rows in the application",
    ),
    Rule(
        id="CV-RANGE",
        severity=Severity.WARN,
        sentence="Image inputs take raw pixels, 0-255, as the compiler's images and the camera have them.",
        source="Amazon SageMaker Neo: Ambarella devices; Axis: ONNX to CV25 guide",
        check=raw_pixels,
        fix="state the normalization: --mean and --std, or --preset",
    ),
    Rule(
        id="CV-NAMES",
        severity=Severity.WARN,
        sentence="Names of inputs and outputs can stand on the compiler's command line.",
        source=_PUBLIC,
        check=plain_names,
        fix="convert with --target cv25, which makes them plain",
    ),
)
"""For inputs and outputs; fatal ones first."""
