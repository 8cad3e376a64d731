"""What ONNX Runtime must be able to compute in integers, judged on the graph that its own optimizer makes of a file."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from dlpuconv.plugin import ArtifactError
from dlpuconv.plugin.onnx import DEQUANTIZE, QUANTIZE
from dlpuconv.plugin.rules import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView, LayerView, TensorView

_GUIDE = "ONNX Runtime: Quantize ONNX models"
_FUSIONS = "onnxruntime, qdq_selector_action_transformer.cc, at ORT_ENABLE_EXTENDED"
_PRODUCTS = frozenset({
    "Conv", "ConvTranspose", "MatMul", "Gemm", "FusedConv", "FusedMatMul", "FusedGemm", "MatMulNBits", "Attention",
})  # fmt: skip
"""ONNX's operators that multiply by weights, and what ONNX Runtime makes of them in float."""
_OLDEST = 13


def loads(view: FileView, _: Context) -> Iterator[Hit]:
    """Whether ONNX Runtime opens it, and finds inputs and outputs."""
    if view.format != "onnx":
        yield Hit(f"the file is of the format {view.format}")
        return
    try:
        found = view.executed
    except ArtifactError as error:
        yield Hit(str(error))
        return
    if not found.inputs or not found.outputs:
        yield Hit(f"it has {len(found.inputs)} inputs and {len(found.outputs)} outputs")


def known_opset(view: FileView, _: Context) -> Iterator[Hit]:
    """From 13 on, DequantizeLinear has an axis."""
    found = re.search(r"ai\.onnx (\d+)", view.metadata.get("opset", ""))
    if found and int(found[1]) < _OLDEST:
        yield Hit(f"it is {found[1]}")


def integer_products(view: FileView, _: Context) -> Iterator[Hit]:
    """Convolutions and products of matrices: what quantization is for."""
    for layer in view.executed.layers:
        if layer.op in _PRODUCTS:
            yield Hit(f"ONNX Runtime computes {layer.op} in float", layer.name, index=_index(view, layer))


def nothing_around_nothing(view: FileView, _: Context) -> Iterator[Hit]:
    """A QuantizeLinear and DequantizeLinear pair with nothing between costs time and accuracy for no benefit."""
    run = view.executed
    for layer in run.layers:
        made_by = run.producer.get(layer.inputs[0]) if layer.inputs else None
        if made_by is None or layer.op not in (QUANTIZE, DEQUANTIZE):
            continue
        if layer.op == DEQUANTIZE and made_by.op == QUANTIZE:
            yield Hit(f"{made_by.name} is read by {layer.name}", layer.name, index=_index(view, layer))
        elif layer.op == QUANTIZE and made_by.op == DEQUANTIZE and layer.inputs[1:] == made_by.inputs[1:]:
            yield Hit(f"{made_by.name} is undone by {layer.name}", layer.name, index=_index(view, layer))


def other_floats(view: FileView, _: Context) -> Iterator[Hit]:
    """By operator, with its share of all values that layers make."""
    sizes: dict[str, list[int]] = defaultdict(list)
    total = 0
    for layer, read, made in _typed(view):
        size = sum(tensor.size for tensor in made)
        total += size
        # what gives floats out of codes is an integer kernel with the last DequantizeLinear inside
        if any(t.is_float for t in made) and any(t.is_float for t in read) and layer.op not in _PRODUCTS:
            sizes[layer.op].append(size)
    for op, found in sorted(sizes.items(), key=lambda entry: -sum(entry[1])):
        share = sum(found) / max(total, 1)
        yield Hit(f"{len(found)} {op} in float, {share:.1%} of all values that operators make")


def _typed(view: FileView) -> Iterator[tuple[LayerView, list[TensorView], list[TensorView]]]:
    """The layers that compute, with the activations that each reads and makes.

    Nobody but ONNX Runtime knows what its own operators make; under the same names, the file says it.
    """
    run, said = view.executed, {tensor.name: tensor for tensor in view.tensors}
    known = [said.get(tensor.name, tensor) for tensor in run.tensors]
    for layer in run.layers:
        if layer.op not in (QUANTIZE, DEQUANTIZE) and layer.outputs:
            read = [known[index] for index in layer.inputs if index >= 0 and not run.tensors[index].constant]
            yield layer, read, [known[index] for index in layer.outputs]


def _index(view: FileView, layer: LayerView) -> int | None:
    """Index that the layer had in the original file, if it kept its name."""
    return next((found.index for found in view.layers if found.name == layer.name), None)


ONNXRUNTIME_RULES: tuple[Rule, ...] = (
    Rule(
        id="ORT-LOADS",
        severity=Severity.FAIL,
        sentence="ONNX Runtime must be able to load the file.",
        source=_GUIDE,
        check=loads,
        fix="Convert the source model with --target onnxruntime.",
        decisive=True,
    ),
    Rule(
        id="ORT-OPSET",
        severity=Severity.FAIL,
        sentence=f"The opset must be {_OLDEST} or newer: scales per channel need it.",
        source="ONNX operators: DequantizeLinear",
        check=known_opset,
        fix="Convert the source model again; without --opset the default one is new enough.",
    ),
    Rule(
        id="ORT-FLOAT-LAYERS",
        severity=Severity.FAIL,
        sentence="Convolutions and matrix products must be computed in integers.",
        source=f"{_GUIDE}; {_FUSIONS}",
        check=integer_products,
        fix="Convert the float model with dlpuconv, which writes each layer with constant weights as ONNX Runtime fuses"
        " it; a convolution whose weights are computed stays float.",
    ),
    Rule(
        id="ORT-PAIRS",
        severity=Severity.FAIL,
        sentence="No pair of QuantizeLinear and DequantizeLinear may be left that only rounds values.",
        source=f"{_GUIDE}; {_FUSIONS}",
        check=nothing_around_nothing,
        fix="Convert the float model with dlpuconv, which quantizes no value between operators that are computed in"
        " float.",
    ),
    Rule(
        id="ORT-FLOAT-OPS",
        severity=Severity.WARN,
        sentence="The other operators should be computed in integers, too.",
        source=_FUSIONS,
        check=other_floats,
        fix="Nothing has to be done: the file is right, and these operators take more time. ONNX Runtime has integer"
        " kernels for ReLU, LeakyReLU and sigmoid, among others.",
    ),
)
"""The rules for files of ONNX Runtime; fatal ones first."""
