"""Attributes that a model leaves out, and of which ONNX's inference takes another default than the operator has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.protos import all_nodes

if TYPE_CHECKING:
    import onnx

_MISTAKEN: Final = {"STFT": ("onesided", 1)}
"""By operator, an integer attribute and its default: https://onnx.ai/onnx/operators/onnx__STFT.html."""


def write_defaults_out(model: onnx.ModelProto) -> None:
    """Give each such operator the attribute, in place."""
    import onnx

    for node in all_nodes(model):
        name, value = _MISTAKEN.get(node.op_type, ("", 0))
        if name and not node.domain and not any(attribute.name == name for attribute in node.attribute):
            node.attribute.append(onnx.helper.make_attribute(name, value))
