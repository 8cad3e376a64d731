"""What a file must be for ONNX Runtime to compute it in integers: judged on the graph that it makes of it itself."""

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
"""ONNX's operators that multiply by weights, and what ONNX Runtime makes of them in floats."""
_OLDEST = 13


def loads(view: FileView, _: Context) -> Iterator[Hit]:
    """The runtime's own word."""
    if view.format != "onnx":
        yield Hit(f"it is {view.format}")
        return
    try:
        found = view.executed
    except ArtifactError as error:
        yield Hit(str(error))
        return
    if not found.inputs or not found.outputs:
        yield Hit(f"it has {len(found.inputs)} inputs and {len(found.outputs)} outputs")


def known_opset(view: FileView, _: Context) -> Iterator[Hit]:
    """DequantizeLinear has an axis since then."""
    found = re.search(r"ai\.onnx (\d+)", view.metadata.get("opset", ""))
    if found and int(found[1]) < _OLDEST:
        yield Hit(f"it is {found[1]}")


def integer_products(view: FileView, _: Context) -> Iterator[Hit]:
    """Convolutions and products of matrices: what quantization is for."""
    for layer in view.executed.layers:
        if layer.op in _PRODUCTS:
            yield Hit(f"ONNX Runtime computes {layer.op} in floats", layer.name, index=_index(view, layer))


def nothing_around_nothing(view: FileView, _: Context) -> Iterator[Hit]:
    """What is only rounded costs time and exactness, and no integers come of it."""
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
        yield Hit(f"{len(found)} {op} {'makes' if len(found) == 1 else 'make'} {share:.1%} of all values")


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
    """Of the layer in the file that it was in the beginning, where it kept its name."""
    return next((found.index for found in view.layers if found.name == layer.name), None)


ONNXRUNTIME_RULES: tuple[Rule, ...] = (
    Rule(
        id="ORT-LOADS",
        severity=Severity.FAIL,
        sentence="ONNX Runtime takes the file.",
        source=_GUIDE,
        check=loads,
        fix="Convert the source model with --target onnxruntime.",
        decisive=True,
    ),
    Rule(
        id="ORT-OPSET",
        severity=Severity.FAIL,
        sentence=f"The opset is {_OLDEST} or newer: scales per channel need it.",
        source="ONNX operators: DequantizeLinear",
        check=known_opset,
        fix="Convert the source model again; without --opset the default one is new enough.",
    ),
    Rule(
        id="ORT-FLOAT-LAYERS",
        severity=Severity.FAIL,
        sentence="Convolutions and products of matrices are computed in integers.",
        source=f"{_GUIDE}; {_FUSIONS}",
        check=integer_products,
        fix="Convert the float model with dlpuconv, which writes each layer with constant weights as ONNX Runtime fuses"
        " it; a convolution whose weights are computed stays float.",
    ),
    Rule(
        id="ORT-PAIRS",
        severity=Severity.FAIL,
        sentence="No QuantizeLinear and DequantizeLinear stand around nothing.",
        source=f"{_GUIDE}; {_FUSIONS}",
        check=nothing_around_nothing,
        fix="Convert the float model with dlpuconv, which leaves values in float between operators that have no other"
        " form.",
    ),
    Rule(
        id="ORT-FLOAT-OPS",
        severity=Severity.WARN,
        sentence="Every other operator has an integer kernel in ONNX Runtime.",
        source=_FUSIONS,
        check=other_floats,
        fix="Nothing has to be done: these compute in floats between integers. Activations such as ReLU, LeakyReLU and"
        " sigmoid have integer kernels.",
    ),
)
"""Of files for ONNX Runtime; fatal ones first."""
