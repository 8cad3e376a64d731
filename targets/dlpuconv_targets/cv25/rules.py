"""What an ONNX file must be for CVflow's compiler, and what its users had better know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.verify.rule import Hit, Rule, Severity
from dlpuconv_targets.cv25.operators import CONTROL_FLOW, QUANTIZATION
from dlpuconv_targets.cv25.placement import CVFLOW_PLACEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, TensorView
    from dlpuconv.verify.rule import Context

_FORMATS = frozenset(("onnx", "cv25-package"))
_NUMBERS = frozenset(("float32", "int32", "int64", "bool", "unknown"))  # the integers are indices and shapes
_CHANNELS = (1, 3, 4)
_ROW = 32  # bytes
_OPSETS = range(11, 17)
_FEW_IMAGES = 100
_RAW_PIXELS = "dlpuconv.raw_pixels"
_IMAGES = "calibration_images"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-/]+")

_GUIDE = "Axis: ONNX to CV25 guide"
_PUBLIC = "public CVflow front ends and conversion scripts"


def is_onnx(view: FileView, _: Context) -> Iterator[Hit]:
    """A `.bin` or `.tflite` file is something else."""
    if view.format not in _FORMATS:
        yield Hit(f"it is {view.format}")


def holds_a_network(view: FileView, _: Context) -> Iterator[Hit]:
    """Inputs, layers and outputs."""
    if not view.layers or not view.inputs or not view.outputs:
        yield Hit(f"{len(view.inputs)} inputs, {len(view.layers)} layers, {len(view.outputs)} outputs")


def float32(view: FileView, _: Context) -> Iterator[Hit]:
    """The compiler quantizes; half precision and integers are not what it starts from."""
    for tensor in view.tensors:
        if tensor.dtype not in _NUMBERS:
            yield Hit(f"it is {tensor.dtype}", tensor.name)


def not_quantized(view: FileView, _: Context) -> Iterator[Hit]:
    """Q/DQ nodes state another quantization than the compiler's."""
    for layer in view.layers:
        if layer.op in QUANTIZATION:
            yield Hit(f"{layer.op}", layer.name)


def plain_graph(view: FileView, _: Context) -> Iterator[Hit]:
    """No branches, loops, or operators of other domains."""
    for layer in view.layers:
        if layer.op in CONTROL_FLOW:
            yield Hit(f"{layer.op} is control flow", layer.name)
        elif layer.custom:
            yield Hit(f"{layer.op} is no operator of ONNX itself", layer.name)


def static(view: FileView, _: Context) -> Iterator[Hit]:
    """The compiler works for one shape."""
    for index in (*view.inputs, *view.outputs):
        tensor = view.tensors[index]
        if any(extent < 1 for extent in tensor.shape):
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def batch_of_one(view: FileView, _: Context) -> Iterator[Hit]:
    """Of inputs that have a batch axis, as images do."""
    for tensor in _inputs(view):
        if len(tensor.shape) > 2 and tensor.shape[0] > 1:
            yield Hit(f"the batch is {tensor.shape[0]}", tensor.name)


def planar(view: FileView, _: Context) -> Iterator[Hit]:
    """The camera delivers one plane a channel."""
    for tensor in _inputs(view):
        if len(tensor.shape) == 4 and tensor.shape[3] in _CHANNELS and tensor.shape[1] not in _CHANNELS:
            yield Hit(f"the shape {list(tensor.shape)} is interleaved", tensor.name)


def aligned_rows(view: FileView, _: Context) -> Iterator[Hit]:
    """Each row of bytes starts at a multiple of 32."""
    for tensor in _images(view):
        width = tensor.shape[3]
        if width % _ROW:
            yield Hit(f"the width is {width}: each row takes {-(-width // _ROW) * _ROW} bytes", tensor.name)


def known_opset(view: FileView, _: Context) -> Iterator[Hit]:
    """11 to 16 are what models that are known to compile have."""
    found = re.search(r"ai\.onnx (\d+)", view.metadata.get("opset", ""))
    if found and int(found[1]) not in _OPSETS:
        yield Hit(f"it is {found[1]}")


def raw_pixels(view: FileView, _: Context) -> Iterator[Hit]:
    """Only files of dlpuconv say what range their inputs have."""
    if _RAW_PIXELS not in view.metadata:
        return
    raw = view.metadata[_RAW_PIXELS].split(",")
    for tensor in _images(view):
        if tensor.name not in raw:
            yield Hit("it takes what the source model takes; nothing says that this is 0-255", tensor.name)


def enough_images(view: FileView, _: Context) -> Iterator[Hit]:
    """Only package folders have images."""
    count = view.metadata.get(_IMAGES, "")
    if count.isdigit() and int(count) < _FEW_IMAGES:
        yield Hit(f"there are {count}")


def plain_names(view: FileView, _: Context) -> Iterator[Hit]:
    """`-odst "o:NAME|odf:fp32"` and `i:NAME=LIST` have no quoting."""
    for index in (*view.inputs, *view.outputs):
        name = view.tensors[index].name
        if not _PLAIN_NAME.fullmatch(name):
            yield Hit(f"the name is {name!r}", name)


def _inputs(view: FileView) -> list[TensorView]:
    return [view.tensors[index] for index in view.inputs]


def _images(view: FileView) -> list[TensorView]:
    return [t for t in _inputs(view) if len(t.shape) == 4 and t.shape[1] in _CHANNELS]


CVFLOW_RULES: tuple[Rule, ...] = (
    Rule(
        id="CV-ONNX",
        severity=Severity.FAIL,
        sentence="The compiler takes an ONNX file.",
        source=_GUIDE,
        check=is_onnx,
        fix="convert the source model with --target cv25",
    ),
    Rule(
        id="CV-EMPTY",
        severity=Severity.FAIL,
        sentence="The graph has inputs, layers and outputs.",
        source=_GUIDE,
        check=holds_a_network,
    ),
    Rule(
        id="CV-FLOAT32",
        severity=Severity.FAIL,
        sentence="Every value is float32: the compiler quantizes.",
        source=_GUIDE,
        check=float32,
        fix="give dlpuconv the float model",
    ),
    Rule(
        id="CV-QDQ",
        severity=Severity.FAIL,
        sentence="The graph holds no quantization nodes.",
        source=_PUBLIC,
        check=not_quantized,
        fix="export the model before it is quantized",
    ),
    Rule(
        id="CV-GRAPH",
        severity=Severity.FAIL,
        sentence="The graph is one sequence of ONNX's own operators.",
        source=_PUBLIC,
        check=plain_graph,
        fix="--cut-at NAME ends the network before them",
    ),
    Rule(
        id="CV-STATIC",
        severity=Severity.FAIL,
        sentence="Inputs and outputs have static shapes.",
        source=_PUBLIC,
        check=static,
        fix="--input-shape NAME=1,3,H,W",
    ),
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
        id="CV-WIDTH",
        severity=Severity.WARN,
        sentence="The width of an image input is a multiple of 32 bytes; else each row is padded to one.",
        source="Axis: object-detection-cv25 example, optimization tips",
        check=aligned_rows,
        fix="choose another input width, or pad the rows in the application",
    ),
    Rule(
        id="CV-OPSET",
        severity=Severity.WARN,
        sentence="The opset is 11 to 16.",
        source=_PUBLIC,
        check=known_opset,
        fix="--opset 13",
    ),
    *CVFLOW_PLACEMENT.doubts,
    Rule(
        id="CV-RANGE",
        severity=Severity.WARN,
        sentence="Image inputs take raw pixels, 0-255, as the compiler's images and the camera have them.",
        source="Amazon SageMaker Neo: Ambarella devices; Axis: ONNX to CV25 guide",
        check=raw_pixels,
        fix="state the normalization: --mean and --std, or --preset",
    ),
    Rule(
        id="CV-IMAGES",
        severity=Severity.WARN,
        sentence="The compiler has 100 to 200 images to take its ranges from.",
        source=_GUIDE,
        check=enough_images,
    ),
    Rule(
        id="CV-NAMES",
        severity=Severity.WARN,
        sentence="Names of inputs and outputs can stand on the compiler's command line.",
        source=_PUBLIC,
        check=plain_names,
    ),
)
"""For CV25; fatal ones first."""
