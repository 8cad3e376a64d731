"""Rules about functions that a model spells with many ops, each of which rounds to 8 bits once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verification.rule import Context

_ON_THE_WAY = frozenset({"NEG", "MUL", "SQUARE", "POW", "DIV", "SUB", "QUANTIZE", "ABS", "DEQUANTIZE"})
_SIGNS = frozenset({"ABS", "SIGN"})
_STEPS = 4
_MOST = 32  # tensors to follow: an honest op of these kinds has two inputs


def spelled_gelu(view: FileView, _: Context) -> Iterator[Hit]:
    """`x (1 + tanh(...)) / 2`, and the error function as `sign(x) (1 - p(|x|) exp(-x x))`."""
    signed = {index for layer in view.layers if layer.op in _SIGNS for index in layer.inputs}
    for layer in view.layers:
        if layer.op == "TANH" and _plus_one_times(view, layer):
            yield Hit("TANH, ADD and MUL spell a GELU", layer.name)
        elif layer.op == "EXP" and signed & _origins(view, layer):
            yield Hit("EXP of a square beside ABS or SIGN spells an error function", layer.name)


def attention(view: FileView, _: Context) -> Iterator[Hit]:
    """A product of two computed matrices."""
    for layer in view.layers:
        if layer.op == "BATCH_MATMUL" and len(_computed(view, layer)) > 1:
            yield Hit("BATCH_MATMUL of two computed tensors", layer.name)


def _computed(view: FileView, layer: LayerView) -> list[int]:
    return [index for index in layer.inputs[:_MOST] if index >= 0 and not view.tensors[index].constant]


def _readers(view: FileView, layer: LayerView, op: str) -> Iterator[LayerView]:
    """The layers of this kind that read the layer's output, behind a QUANTIZE or not."""
    for index in layer.outputs:
        for reader in view.consumers.get(index, ()):
            if reader.op == op:
                yield reader
            elif reader.op == "QUANTIZE" and layer.op != "QUANTIZE":
                yield from _readers(view, reader, op)


def _plus_one_times(view: FileView, layer: LayerView) -> bool:
    sums = [total for total in _readers(view, layer, "ADD") if len(_computed(view, total)) == 1]
    return any(len(_computed(view, product)) > 1 for total in sums for product in _readers(view, total, "MUL"))


def _origins(view: FileView, layer: LayerView) -> set[int]:
    """What the layer computes from, a few steps of elementwise arithmetic back."""
    found = dict.fromkeys(_computed(view, layer))
    for _ in range(_STEPS):
        made_by = [view.producer[index] for index in found if index in view.producer]
        found |= dict.fromkeys(i for before in made_by if before.op in _ON_THE_WAY for i in _computed(view, before))
        found = dict.fromkeys(list(found)[:_MOST])
    return set(found)


WRITTEN_OUT_RULES: tuple[Rule, ...] = (
    Rule(
        id="TFL-GELU",
        severity=Severity.WARN,
        sentence="GELU and the error function should be one op, not many.",
        source="Axis: supported operators (GELU is one); each further op rounds to 8 bits",
        check=spelled_gelu,
        fix="Export GELU as one op (ONNX opset 20, or leave the recognition to convert), or train with ReLU.",
    ),
    Rule(
        id="TFL-ATTENTION",
        severity=Severity.WARN,
        sentence="Transformers are discouraged: products of computed tensors suit no DLPU.",
        source="Axis: general suggestions; recommended model architecture",
        check=attention,
        fix="Prefer a convolutional network: ResNet, MobileNet, EfficientNet, YOLO.",
    ),
)
