"""Checks of the operators: known ones, of a known opset, that compute tensors of numbers in one straight run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from dlpuconv.errors import UnsupportedModelError, did_you_mean
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.tflite.names import DOMAIN, REASON
from dlpuconv.ir.nodes import label
from dlpuconv.ir.operators import CONTROL_FLOW, QUANTIZATION, RANDOM, SEQUENCES
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

OLDEST: Final = 7


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why an operator is refused.

    Attributes:
        text: the sentence, with `{nodes}` for the operators of which it holds.
        id: the error's, in the catalogue.
    """

    text: str
    id: str


_NESTED: Final = CONTROL_FLOW - {"If"}  # a branch may turn out to be constant
_QUANTIZED: Final = QUANTIZATION | {"MatMulNBits", "GatherBlockQuantized"}
_NOT_TENSORS: Final = SEQUENCES | {
    "Optional", "OptionalGetElement", "OptionalHasElement", "StringNormalizer", "StringConcat", "StringSplit",
    "RegexFullMatch", "TfIdfVectorizer",
}  # fmt: skip
_QUANTIZED_ALREADY: Final = _Reason(
    "{nodes}: the model is quantized in a form that cannot be read; QuantizeLinear, DequantizeLinear and QLinear"
    " operators with constant scales can: convert the model that it was made from",
    id="quantization-unreadable",
)
_NO_TENSORS: Final = _Reason(
    "{nodes}: sequences, optional values and text cannot be converted: give the model tensors of numbers",
    id="operator-not-on-tensors",
)
_NO_CONVERSION: Final = {"AffineGrid", "TensorScatter"}  # nor does their inference survive inputs of unknown type
_FOR_TRAINING: Final = _Reason(
    "{nodes}: operators for training cannot be converted: export the model for inference", id="model-in-training"
)
_LOOPS: Final = _Reason(
    "{nodes}: control flow cannot be converted: export the model with its loops unrolled", id="operator-control-flow"
)
_PICTURE_FILES: Final = _Reason(
    "{nodes}: the chip decodes no picture files: give the model pixels", id="operator-reads-picture-files"
)
_UNKNOWN_FORM: Final = _Reason(
    "{nodes}: there is no conversion for this operator: express it by others", id="operator-no-conversion"
)
_RANDOM_NUMBERS: Final = _Reason(
    "{nodes}: random numbers cannot be converted: make them an input", id="operator-random"
)
_NOT_AS_IT_IS: Final = {_QUANTIZED_ALREADY, _FOR_TRAINING}
"""Reasons why it is another form of the network that can be converted, and not a part of this one."""
_TRAINING_DOMAINS: Final = {"ai.onnx.training", "ai.onnx.preview.training"}


def screen_operators(model: onnx.ModelProto) -> None:
    """Check every operator of the main graph and its subgraphs.

    Args:
        model: with functions inlined and dead nodes removed.

    Raises:
        UnsupportedModelError: lists every operator that cannot be converted.
    """
    opset = screen_opset(model)
    reasons: dict[_Reason, list[onnx.NodeProto]] = {}
    refused: list[str] = []
    for node in model.graph.node:
        found = {id(inner): (inner, reason) for inner in walk_nodes([node]) if (reason := _reason(inner, opset))}
        for inner, reason in found.values():
            reasons.setdefault(reason, []).append(inner)
        refused += [name for name in node.output if found and name]
    if reasons:
        _refuse(reasons, refused)


def _refuse(reasons: dict[_Reason, list[onnx.NodeProto]], refused: list[str]) -> NoReturn:
    """Refuse operators.

    Args:
        reasons: operators by the reason; the first one gives the error's id.
        refused: what they make.
    """
    texts = [reason.text.format(nodes=listed(map(_full_label, nodes), 3)) for reason, nodes in reasons.items()]
    whole = [reason.text.format(nodes=_full_label(node)) for reason, nodes in reasons.items() for node in nodes]
    helps = not _NOT_AS_IT_IS & set(reasons)
    first = next(iter(reasons))
    raise UnsupportedModelError(listed(texts, separator="; "), whole, refused if helps else (), id=first.id)


def strangers(model: onnx.ModelProto) -> set[str]:
    """Operators of the default domain that ONNX does not have in the model's opset."""
    opset = screen_opset(model)
    return {node.op_type for node in walk_nodes(model.graph.node) if not node.domain and _unknown(node.op_type, opset)}


def screen_opset(model: onnx.ModelProto) -> int:
    """The version of the default operator set.

    Raises:
        UnsupportedModelError: it is missing, older than 7, or newer than the installed onnx knows.
    """
    import onnx

    versions = {imported.domain: imported.version for imported in model.opset_import}
    if "" not in versions:
        foreign = [node for node in walk_nodes(model.graph.node) if node.domain]
        if foreign:  # and nothing else, where the model is valid
            _refuse({_foreign(node): [node] for node in foreign}, [])
        raise UnsupportedModelError(
            "the model does not say which version of ONNX's operators it uses (opset_import)", id="opset-missing"
        )
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= versions[""] <= newest:
        raise UnsupportedModelError(
            f"the model uses opset {versions['']}; opset {OLDEST} to {newest} can be read (with onnx"
            f" {onnx.__version__}): export it again with one of these",
            id="opset-unreadable",
        )
    return int(versions[""])


def screen_training(graph: onnx.GraphProto, values: dict[str, bool | None]) -> None:
    """Check that nothing is left in training mode.

    Args:
        graph: the main graph.
        values: what is known of booleans, by name.

    Raises:
        UnsupportedModelError: lists the operators in training mode.
    """
    wrong = [label(node) for node in walk_nodes(graph.node) if _trains(node, values)]
    if wrong:
        raise UnsupportedModelError(
            f"{listed(wrong, separator='; ')}: in training mode; export the model for inference (in PyTorch, after"
            " `model.eval()`)",
            [f"{node}: in training mode" for node in wrong],
            id="model-in-training",
        )


def _trains(node: onnx.NodeProto, values: dict[str, bool | None]) -> bool:
    if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
        return values.get(node.input[2]) is not False
    if node.op_type == "BatchNormalization":
        return any(a.name == "training_mode" and a.i for a in node.attribute) or any(node.output[1:])
    return False


def _reason(node: onnx.NodeProto, opset: int) -> _Reason | None:
    if node.domain not in ("", "ai.onnx"):
        return _foreign(node)
    kinds: tuple[tuple[Callable[[str], bool], _Reason], ...] = (
        (_NESTED.__contains__, _LOOPS),
        (lambda op: op in _QUANTIZED or op.startswith("QLinear"), _QUANTIZED_ALREADY),
        (_NOT_TENSORS.__contains__, _NO_TENSORS),
        (lambda op: op == "ImageDecoder", _PICTURE_FILES),
        (_NO_CONVERSION.__contains__, _UNKNOWN_FORM),
        (RANDOM.__contains__, _RANDOM_NUMBERS),
    )
    for matches, reason in kinds:
        if matches(node.op_type):
            return reason
    return _unknown(node.op_type, opset)


def _foreign(node: onnx.NodeProto) -> _Reason:
    domain = node.domain
    if domain == DOMAIN:
        reason = next((attribute.s for attribute in node.attribute if attribute.name == REASON), b"")
        told = reason.decode("utf-8", "replace") or "there is no conversion for this operator"
        return _Reason(f"{{nodes}}: {_plain(told)}", id="operator-no-conversion")
    if domain in _TRAINING_DOMAINS:
        return _FOR_TRAINING
    if domain.startswith("com.microsoft"):
        if "QLinear" in node.op_type or "Quantize" in node.op_type or node.op_type in _QUANTIZED:
            return _QUANTIZED_ALREADY
        return _Reason(
            "{nodes}: operators that ONNX Runtime's optimizer makes; convert the model as it was before that",
            id="operator-of-optimizer",
        )
    known = f"operators of the domain {_plain(domain)!r}, for which there is no conversion"
    return _Reason(f"{{nodes}}: {known}: express them by ONNX's own", id="operator-custom")


def _unknown(op_type: str, opset: int) -> _Reason | None:
    import onnx

    try:
        schema = onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return _never_heard_of(op_type, opset)
    if not schema.deprecated:
        return None
    return _Reason(f"{{nodes}}: no longer exists in opset {opset}, which the model uses", id="operator-not-in-opset")


def _never_heard_of(op_type: str, opset: int) -> _Reason:
    import onnx

    if onnx.defs.has(op_type):
        since = onnx.defs.get_schema(op_type).since_version
        return _Reason(
            f"{{nodes}}: exists from opset {since} on, and the model uses opset {opset}", id="operator-not-in-opset"
        )
    known = [schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain]
    return _Reason(f"{{nodes}}: ONNX has no such operator{_plain(did_you_mean(op_type, known))}", id="operator-unknown")


def _full_label(node: onnx.NodeProto) -> str:
    return f"{node.domain}.{label(node)}" if node.domain else label(node)


def _plain(text: str) -> str:
    """Text that `str.format` leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")
