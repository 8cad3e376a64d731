"""Inputs and outputs as the chip's compiler takes them: planar images, and names that fit its command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin import Port
from dlpuconv.plugin.onnx import Editor, Layout, static_shape

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.plugin.onnx import Signature, ValueSpec

_TO_PLANAR = (0, 3, 1, 2)
_TO_INTERLEAVED = [0, 2, 3, 1]
_ELEMENTWISE = frozenset(("Add", "Sub", "Mul", "Div"))
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")  # `o:NAME|odf:fp32` and `i:NAME=LIST` leave no room for : | = , or spaces


_LONGEST = 32
"""Characters of a name: exporters write whole paths of modules, of which the end tells most."""


def plain(name: str) -> str:
    """A name that is safe on command lines and in file names: itself when it is one of letters, digits and `_`."""
    return _UNSAFE.sub("_", name).strip("_") if _UNSAFE.search(name) else name


def plain_name(name: str) -> str:
    """A plain name for a value: short, and never empty."""
    return plain(name)[-_LONGEST:].lstrip("_") or "value"


def shape_interface(editor: Editor, signature: Signature) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Make NHWC image inputs planar and every name plain, in place.

    Args:
        editor: of the graph.
        signature: of the same graph before.

    Returns:
        Ports of inputs and outputs, in the signature's order.
    """
    graph = editor.graph
    planar = {spec.name for spec in signature.inputs if spec.layout is Layout.NHWC and spec.is_image}
    for value in [value for value in graph.inputs if value.name in planar]:
        _make_planar(editor, value)
    inputs = [
        _port(spec, _rename(editor, value), _TO_PLANAR if spec.name in planar else tuple(range(len(spec.shape))))
        for spec, value in zip(signature.inputs, graph.inputs, strict=True)
    ]
    outputs = [
        _port(spec, _rename(editor, value), tuple(range(len(spec.shape))))
        for spec, value in zip(signature.outputs, graph.outputs, strict=True)
    ]
    return tuple(inputs), tuple(outputs)


def _rename(editor: Editor, value: onnx_ir.Value) -> str:
    name = plain_name(value.name or "")
    if name != value.name:
        name = editor.unique(name)
        value.name = name
    return name


def _port(spec: ValueSpec, name: str, permutation: tuple[int, ...]) -> Port:
    return Port(
        name=spec.name,
        file_name="" if name == spec.name else name,
        source_shape=spec.shape,
        shape=tuple(spec.shape[axis] for axis in permutation),
        permutation=permutation,
        dtype=spec.dtype,
    )


def _make_planar(editor: Editor, value: onnx_ir.Value) -> None:
    """x[N,H,W,C] -> Transpose(x[N,C,H,W]); the transposition then sinks until it meets its inverse."""
    shape = static_shape(value)
    if shape is None:
        return
    readers = list(value.uses())
    value.shape = type(value.shape)([shape[axis] for axis in _TO_PLANAR])  # type: ignore[misc] # not None
    if not readers:
        return
    order = {node: position for position, node in enumerate(editor.graph)}
    earliest = min((use.node for use in readers), key=order.__getitem__)
    interleaved = editor.add(earliest, "Transpose", [value], {"perm": _TO_INTERLEAVED})
    for use in readers:
        use.node.replace_input_with(use.idx, interleaved)
    _sink(editor, interleaved, value)


def _sink(editor: Editor, interleaved: onnx_ir.Value, planar: onnx_ir.Value) -> None:
    """Op(Transpose(x), constant) -> Transpose(Op(x, constant')), and Transpose of its inverse -> nothing."""
    node = editor.only_reader(interleaved)
    while node is not None:
        if node.op_type == "Transpose":
            if tuple(node.attributes.get_ints("perm") or ()) == _TO_PLANAR:
                editor.replace(node.outputs[0], planar)
            return
        moved = _on_planar(editor, node, interleaved, planar)
        if moved is None:
            return
        planar = moved
        again = editor.add(node, "Transpose", [planar], {"perm": _TO_INTERLEAVED})
        editor.replace(node.outputs[0], again)
        interleaved = again
        node = editor.only_reader(interleaved)


def _on_planar(
    editor: Editor, node: onnx_ir.Node, interleaved: onnx_ir.Value, planar: onnx_ir.Value
) -> onnx_ir.Value | None:
    """The elementwise operator with a constant, applied to the planar value instead; None if that is impossible."""
    if node.op_type not in _ELEMENTWISE or node.outputs[0].is_graph_output():
        return None
    inputs: list[onnx_ir.Value] = []
    for value in node.inputs:
        constant = editor.array(value)
        if value is interleaved:
            inputs.append(planar)
        elif constant is not None and constant.ndim <= len(_TO_PLANAR):
            full = constant.reshape([1] * (len(_TO_PLANAR) - constant.ndim) + list(constant.shape))
            inputs.append(editor.constant(np.transpose(full, _TO_PLANAR), f"{node.name or node.op_type}_planar"))
        else:
            return None
    return editor.add(node, node.op_type, inputs)
