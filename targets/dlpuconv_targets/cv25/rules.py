"""What an ONNX file must be for CVflow's compiler, and what its users had better know."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import Hit, Rule, Severity
from dlpuconv.plugin.views import CONTROL_FLOW, ONNX, PACKAGE, QUANTIZATION
from dlpuconv_targets.cv25.input_rules import INPUT_RULES
from dlpuconv_targets.cv25.package_rules import PACKAGE_RULES
from dlpuconv_targets.cv25.placement import CVFLOW_PLACEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView

_FORMATS = frozenset((ONNX.name, PACKAGE.name))
_NUMBERS = frozenset(("float32", "int32", "int64", "bool", "unknown"))  # the integers are indices and shapes
_OPSETS = range(11, 17)

_GUIDE = "Axis: ONNX to CV25 guide"
_PUBLIC = "public CVflow front ends and conversion scripts"


def is_onnx(view: FileView, _: Context) -> Iterator[Hit]:
    """A `.bin` or `.tflite` file is something else."""
    if view.format not in _FORMATS:
        yield Hit(f"the file is of the format {view.format}")


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
            yield Hit(f"{layer.op} is not an operator of ONNX itself", layer.name)


def static(view: FileView, _: Context) -> Iterator[Hit]:
    """The compiler works for one shape."""
    for index in (*view.inputs, *view.outputs):
        tensor = view.tensors[index]
        if any(extent < 1 for extent in tensor.shape):
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def self_contained(view: FileView, _: Context) -> Iterator[Hit]:
    """Weights in other files do not reach the compiler, and those of a stranger's model are not opened."""
    for tensor in view.tensors:
        if tensor.constant and tensor.data is None:
            yield Hit("its values lie in another file, or are damaged", tensor.name)


def known_opset(view: FileView, _: Context) -> Iterator[Hit]:
    """11 to 16 are what models that are known to compile have."""
    found = re.search(r"ai\.onnx (\d+)", view.metadata.get("opset", ""))
    if found and int(found[1]) not in _OPSETS:
        yield Hit(f"it is {found[1]}")


_rule = partial(Rule, severity=Severity.FAIL, source=_PUBLIC)
_GRAPH_RULES: tuple[Rule, ...] = (
    _rule(
        id="CV-ONNX",
        sentence="The compiler takes an ONNX file.",
        source=_GUIDE,
        check=is_onnx,
        fix="convert the source model with --target cv25",
    ),
    _rule(
        id="CV-EMPTY",
        sentence="The graph has inputs, layers and outputs.",
        source=_GUIDE,
        check=holds_a_network,
        fix="export the model again: this file holds no network",
    ),
    _rule(
        id="CV-FLOAT32",
        sentence="Every value is float32: the compiler quantizes.",
        source=_GUIDE,
        check=float32,
        fix="give dlpuconv the float model",
    ),
    _rule(
        id="CV-QDQ",
        sentence="The graph holds no quantization nodes.",
        check=not_quantized,
        fix="export the model before it is quantized",
    ),
    _rule(
        id="CV-GRAPH",
        sentence="The graph is one sequence of ONNX's own operators.",
        check=plain_graph,
        fix="--cut-at NAME ends the network before them",
    ),
    _rule(
        id="CV-STATIC",
        sentence="Inputs and outputs have static shapes.",
        check=static,
        fix="--input-shape NAME=1,3,H,W",
    ),
    _rule(
        id="CV-WEIGHTS",
        sentence="The file holds its weights itself.",
        check=self_contained,
        fix="convert the source model with --target cv25",
    ),
    _rule(
        id="CV-OPSET", severity=Severity.WARN, sentence="The opset is 11 to 16.", check=known_opset, fix="--opset 13"
    ),
    *CVFLOW_PLACEMENT.doubts,
)

_ALL = (*_GRAPH_RULES, *INPUT_RULES, *PACKAGE_RULES)
CVFLOW_RULES = tuple(sorted(_ALL, key=lambda rule: rule.severity is not Severity.FAIL))
"""The rules for CVflow chips; fatal ones first."""
