"""What a module's `forward` returns, in containers that torch's exporter knows, and names for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dlpuconv.errors import UnsupportedModelError


def plain_output(module: Any, _: Any, output: Any) -> Any:
    """Dicts instead of dataclasses, namedtuples and other mappings, and nothing but tensors in them: a forward hook.

    Raises:
        UnsupportedModelError: something else is returned, or no tensor.
    """
    import torch

    kind = type(module).__name__
    found = _plain(output, kind, lambda value: isinstance(value, torch.Tensor))
    if found is None or found == {}:
        raise UnsupportedModelError(
            f"the forward of {kind} returns no tensor, so there is nothing to convert", id="pytorch-outputs"
        )
    return found


def exportable_output(module: Any, _: Any, output: Any) -> Any:
    """Dicts instead of containers that torch does not know, and None instead of what is no tensor: a forward hook.

    Unlike `plain_output`, it keeps the form of all others, for those who go on calling the module.

    Raises:
        UnsupportedModelError: something else is returned, or no tensor.
    """
    plain_output(module, None, output)
    return _exportable(output)


def output_names(tree: Any) -> Iterator[tuple[str, int]]:
    """Name and number of each output: its keys joined by dots; empty where it has no keys but only places in tuples.

    Args:
        tree: what is returned, with the number of the output in place of each tensor.
    """
    for path, number in _leaves(tree, ()):
        named = any(isinstance(step, str) for step in path)
        yield ".".join(map(str, path)) if named else "", number


def _plain(value: Any, kind: str, is_tensor: Callable[[Any], bool]) -> Any:
    """The output as plain containers of tensors; None for a part without tensors, such as a flag or a number."""
    if is_tensor(value):
        return value
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return None
    items = _items(value)
    if items is None:
        raise UnsupportedModelError(
            f"the forward of {kind} returns {type(value).__name__}: outputs are tensors, or tuples, lists, dicts,"
            " namedtuples and dataclasses of them",
            id="pytorch-outputs",
        )
    found = {key: _plain(item, kind, is_tensor) for key, item in items.items()}
    return {key: item for key, item in found.items() if item is not None} or None


def _exportable(value: Any) -> Any:
    """The containers that torch knows, such as namedtuples, stay; others become dicts."""
    import torch
    from torch.utils._pytree import tree_map

    def leaf(part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part
        items = _items(part)
        return None if items is None else _exportable(items)

    return tree_map(leaf, value)


def _items(value: Any) -> dict[str | int, Any] | None:
    """What a container holds, by key or, in tuples and lists, by place; None for what is no container."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    return None


def _leaves(tree: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(tree, int):
        yield path, tree
    elif isinstance(tree, dict) and all(isinstance(key, int) for key in tree):
        for key, item in tree.items():  # a tuple, as `plain_output` left it
            yield from _leaves(item, (*path, key))
    else:
        for key, item in (_items(tree) or {}).items():
            yield from _leaves(item, (*path, key))
