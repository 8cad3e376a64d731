"""The PyTorch modules that an ONNX node came from, as far as an exporter told."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch's exporter writes it on each node: the text of a list, modules from outside in, the node's name last."""
_WEIGHT = ".weight"
_LONGEST_SCOPES = 1 << 16
"""A stranger's file may hold any text there."""


def module_paths(name: str, scopes: str, constants: Iterable[str]) -> tuple[str, ...]:
    """Paths of modules such as `features.3.conv.0`, the one that users know best first; none where nothing tells.

    A convolution with a batch norm folded into it is of the module whose weights it has; torch's exporter writes the
    batch norm's.

    Args:
        name: of the node.
        scopes: what it has under `SCOPES`; empty for nothing.
        constants: names of the constants that it reads.
    """
    owners = (constant.removesuffix(_WEIGHT) for constant in constants if constant.endswith(_WEIGHT))
    told = (*owners, _from_scopes(scopes) or _from_name(name))
    return tuple(dict.fromkeys(path for path in told if path))


def _from_scopes(text: str) -> str:
    try:
        scopes = ast.literal_eval(text) if 0 < len(text) <= _LONGEST_SCOPES else []
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
