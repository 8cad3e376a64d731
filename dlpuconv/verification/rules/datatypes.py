"""Rules about numbers: everything that is computed is an 8-bit integer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.verification.granularity import weighted_layers
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import (
    EIGHT_BIT,
    POST_PROCESS,
    activations,
    detection_tail,
    index_tensors,
    inputs_of,
    outputs_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, TensorView
    from dlpuconv.verification.rule import Context

_SOURCE = "Axis: quantization guide; optimization tips of each chip (full 8-bit integer only)"
_QUANTIZE_FULLY = "Quantize fully to 8 bits: weight-only, float16 and 16x8 models do not run on a DLPU."
_KNOWN = EIGHT_BIT | {"int16", "int32", "int64", "bool"}


def no_float(view: FileView, _: Context) -> Iterator[Hit]:
    """One hit a layer, with its first float tensor."""
    tail = detection_tail(view)
    for layer in view.layers:
        if layer.index in tail:
            continue
        tensors = (*inputs_of(view, layer), *outputs_of(view, layer))
        floating = next((tensor for tensor in tensors if tensor.is_float), None)
        if floating is not None:
            yield Hit(f"{layer.op} works on {floating.dtype} ({floating.name or floating.index})", layer.name)


def no_hybrid(view: FileView, _: Context) -> Iterator[Hit]:
    """Dynamic-range quantization: 8-bit weights, float activations."""
    for weighted in weighted_layers(view):
        if weighted.activation.is_float and weighted.weights.dtype in EIGHT_BIT:
            yield Hit(
                f"{weighted.layer.op} multiplies {weighted.activation.dtype} activations with"
                f" {weighted.weights.dtype} weights",
                weighted.layer.name,
            )


def no_int16(view: FileView, _: Context) -> Iterator[Hit]:
    """The 16x8 mode of TensorFlow Lite."""
    for tensor in activations(view):
        if tensor.dtype == "int16":
            yield Hit("it is int16", tensor.name)


def no_int64(view: FileView, _: Context) -> Iterator[Hit]:
    """64-bit biases belong to the 16x8 mode; of positions, `read_as_they_are` tells."""
    indices = index_tensors(view)
    for tensor in activations(view):
        if tensor.dtype == "int64" and tensor.index not in indices:
            yield Hit("it is int64", tensor.name)
    for weighted in weighted_layers(view):
        if weighted.bias is not None and weighted.bias.dtype == "int64":
            yield Hit("its bias is int64", weighted.layer.name)


def no_int32_data(view: FileView, _: Context) -> Iterator[Hit]:
    """32-bit integers are for biases, shapes and positions."""
    indices = index_tensors(view)
    for layer in view.layers:
        for tensor in outputs_of(view, layer):
            if tensor.dtype != "int32":
                continue
            if tensor.index not in indices:
                yield Hit(f"{layer.op} computes in int32", layer.name)
            elif indices[tensor.index] in ("SHAPE", "RANK"):
                yield Hit(f"{layer.op} computes a shape at run time, on the CPU", layer.name, Severity.WARN)


def known_types(view: FileView, _: Context) -> Iterator[Hit]:
    """Strings, resources, complex numbers, 4-bit weights ..."""
    tail = detection_tail(view)
    for layer in view.layers:
        if layer.index in tail:
            continue
        for tensor in (*inputs_of(view, layer), *outputs_of(view, layer)):
            if tensor.dtype not in _KNOWN and not tensor.is_float:
                yield Hit(f"{layer.op} works on {tensor.dtype} ({tensor.name or tensor.index})", layer.name)


def no_dequantize(view: FileView, _: Context) -> Iterator[Hit]:
    """Where numbers leave the integers."""
    tail = detection_tail(view)
    for layer in view.layers:
        if layer.op == "DEQUANTIZE":
            softened = Severity.WARN if layer.index in tail else None
            where = f"in front of {POST_PROCESS}, on the CPU" if softened else "the network leaves the integers here"
            yield Hit(where, layer.name, softened)


def quantize_only_integers(view: FileView, _: Context) -> Iterator[Hit]:
    """QUANTIZE between 8-bit types is requantization, and how uint8 enters an int8 network."""
    for layer in view.layers:
        if layer.op != "QUANTIZE":
            continue
        source = next(inputs_of(view, layer), None)
        if source is not None and source.dtype not in EIGHT_BIT:
            yield Hit(f"its input is {source.dtype}", layer.name)


def eight_bit_ends(view: FileView, context: Context) -> Iterator[Hit]:
    """What the application hands over and gets."""
    on_cpu = _ends_on_cpu(view)
    for index in (*view.inputs, *view.outputs):
        problem = _unlike_eight_bit(view.tensors[index], scaled=context.measured)
        if problem and index not in on_cpu:
            yield Hit(f"the {_noun(view, index)} {problem}", view.tensors[index].name)


def read_as_they_are(view: FileView, _: Context) -> Iterator[Hit]:
    """Labels, positions and detections: no option makes codes of them."""
    for index in _ends_on_cpu(view):
        yield Hit(f"the {_noun(view, index)} is {view.tensors[index].dtype}", view.tensors[index].name)


def _ends_on_cpu(view: FileView) -> list[int]:
    """Inputs and outputs of other than 8 bits by design: whole numbers that count, and what detectors end in."""
    tail, indices = detection_tail(view), index_tensors(view)
    made_by = {index: layer.index for index, layer in view.producer.items()}
    return [
        index
        for index in dict.fromkeys((*view.inputs, *view.outputs))
        if view.tensors[index].dtype not in EIGHT_BIT and (index in indices or made_by.get(index) in tail)
    ]


def _noun(view: FileView, index: int) -> str:
    return "output" if index in view.outputs else "input"


def _unlike_eight_bit(tensor: TensorView, *, scaled: bool) -> str:
    if tensor.dtype not in EIGHT_BIT:
        return f"is {tensor.dtype}"
    if tensor.quantization is None:
        return f"is {tensor.dtype} without scale and zero point" if scaled else ""
    return "has several scales" if tensor.quantization.per_channel else ""


_rule = partial(Rule, severity=Severity.FAIL, source=_SOURCE, fix=_QUANTIZE_FULLY)
TYPE_RULES: tuple[Rule, ...] = (
    _rule(id="TFL-FLOAT", sentence="No layer may work on floating-point numbers.", check=no_float),
    _rule(
        id="TFL-HYBRID",
        sentence="No layer may multiply float activations with 8-bit weights (dynamic-range quantization).",
        check=no_hybrid,
    ),
    _rule(id="TFL-INT16", sentence="No activation may be int16.", check=no_int16),
    _rule(id="TFL-INT64", sentence="No activation and no bias may be int64.", check=no_int64),
    _rule(
        id="TFL-INT32",
        sentence="Only biases, shapes and positions may be int32.",
        check=no_int32_data,
        fix="Cut the model in front of the integer arithmetic (--cut-at).",
    ),
    _rule(id="TFL-DTYPE", sentence="Every tensor must be of an integer type that the chips know.", check=known_types),
    _rule(id="TFL-DEQUANTIZE", sentence="There must be no DEQUANTIZE.", check=no_dequantize),
    _rule(
        id="TFL-QUANTIZE",
        sentence="QUANTIZE may only turn 8-bit integers into 8-bit integers.",
        check=quantize_only_integers,
        fix="Convert with integer inputs (--input-dtype uint8).",
    ),
    _rule(
        id="TFL-IO",
        sentence="Inputs and outputs must be int8 or uint8 with one scale and zero point.",
        check=eight_bit_ends,
        fix="Convert with --input-dtype uint8 --output-dtype uint8.",
    ),
    _rule(
        id="TFL-WHOLE",
        severity=Severity.WARN,
        sentence="Labels, positions and detections are computed on the CPU, and are not quantized.",
        source="TensorFlow Lite: positions are int32 or int64, and TFLite_Detection_PostProcess gives floats",
        check=read_as_they_are,
        fix="You need not do anything: the application reads and writes such numbers as they are.",
    ),
)
