"""The PyTorch modules that ONNX nodes came from, as far as an exporter told."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

_SCOPES = "pkg.torch.onnx.name_scopes"
"""What torch's exporter writes on each node: the text of a list, modules from outside in, the node's own name last."""


def module_names(graph: onnx_ir.Graph) -> dict[str, str]:
    """Path of the module, such as `features.3.conv.0`, by name of the node and of the values that it makes.

    Args:
        graph: as it was read; nodes that do not tell are left out.
    """
    found: dict[str, str] = {}
    for node in graph:
        path = _from_scopes(node.metadata_props.get(_SCOPES, "")) or _from_name(node.name or "")
        if path:
            names = [node.name, *(value.name for value in node.outputs)]
            found |= {name: path for name in names if name}
    return found


def _from_scopes(text: str) -> str:
    try:
        scopes = ast.literal_eval(text) if text else []
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    named = [scope for scope in scopes[:-1] if isinstance(scope, str) and scope] if isinstance(scopes, list) else []
    return named[-1] if named else ""


def _from_name(name: str) -> str:
    """`/layer1/layer1.0/conv/conv.1/Conv`, as torch's older exporter names nodes, is of `layer1.0.conv.1`."""
    if not name.startswith("/"):
        return ""
    parts: list[str] = []
    for part in name.strip("/").split("/")[:-1]:
        if parts and part.startswith(f"{parts[-1]}."):
            parts[-1] = part
        else:
            parts.append(part)
    return ".".join(parts)
