"""A module once more, in parts of its own, so that an export never touches the user's.

While torch traces a module it puts stand-ins in place of the parameters, and what `forward` and hooks assign stays.
Another thread that trained the same module would compute with the stand-ins, and a failure would leave some behind.
"""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict, deque
from types import CellType, FunctionType, MethodType
from typing import Any

_WRAPPERS = {
    "AveragedModel": "module",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
}
"""What runs a module in another way, and the attribute that holds the module; by name of torch's class."""

_COMPILED = "_compiled_call_impl"
"""Where `module.compile()` puts what it calls instead of the module."""


def replica(module: Any) -> Any:
    """A copy of a module in evaluation mode: every part is new, every tensor is the original's.

    Wrappers for several devices and for `torch.compile` are left out. Whatever is neither a part nor a container of
    parts is shared, so nothing has to be copyable.

    Args:
        module: `torch.nn.Module`, which stays as it is.
    """
    import torch

    parts = list(torch.nn.Module.modules(module))
    twins = {id(part): object.__new__(type(part)) for part in parts}
    for part in parts:
        inner = unwrapped(part)
        twins[id(part)] = twins[id(inner)]
    copier = _Copier(twins)
    for part in parts:
        if unwrapped(part) is part:
            state = {name: copier.copy(value) for name, value in vars(part).items() if name != _COMPILED}
            # Assigned and not by eval(), whose overrides merge weights, freeze layers, or refuse (torch.export's).
            vars(twins[id(part)]).update(state, training=False)
    return twins[id(module)]


def own_tensors(module: Any, device: Any = None) -> Any:
    """The same replica with copies of all tensors, for a real run of it, which may write into them.

    Args:
        module: made by `replica`.
        device: where the copies are; by default where the originals are.
    """
    import torch

    made: dict[int, Any] = {}

    def own(tensor: Any) -> Any:
        if id(tensor) not in made:
            copy, trains = tensor.detach().to(device or tensor.device, copy=True), tensor.requires_grad
            is_weight = isinstance(tensor, torch.nn.Parameter)
            made[id(tensor)] = torch.nn.Parameter(copy, trains) if is_weight else copy.requires_grad_(trains)
        return made[id(tensor)]

    for part in torch.nn.Module.modules(module):
        for held in (part._parameters, part._buffers, vars(part)):
            held.update({name: own(value) for name, value in held.items() if isinstance(value, torch.Tensor)})
    return module


def unwrapped(module: Any) -> Any:
    """The module that wrappers of torch's own run."""
    while (inner := _WRAPPERS.get(type(module).__name__)) and type(module).__module__.startswith("torch."):
        module = getattr(module, inner)
    return module


class _Copier:
    """Copies containers, bound methods and closures as far as parts of a module are reached through them.

    Args:
        twins: the new part by id of the old one.
    """

    def __init__(self, twins: dict[int, Any]) -> None:
        self._made = dict(twins)
        self._kept: list[Any] = []  # an id is of its object only as long as that lives

    def copy(self, value: Any) -> Any:
        """The value with every part in it replaced."""
        if id(value) in self._made:
            return self._made[id(value)]
        if isinstance(value, MethodType):
            return MethodType(value.__func__, self.copy(value.__self__))
        if type(value) is functools.partial:
            return functools.partial(self.copy(value.func), *self.copy(value.args), **self.copy(value.keywords))
        if isinstance(value, FunctionType):
            return self._function(value)
        if type(value) in (list, set, deque, tuple):
            return self._remember(value, value if type(value) is tuple else value.copy(), self._items)
        if type(value) in (dict, OrderedDict, defaultdict):
            return self._remember(value, value.copy(), self._values)
        return value

    def _remember(self, value: Any, empty: Any, fill: Any) -> Any:
        self._kept.append(value)
        self._made[id(value)] = empty  # before it is filled: it may hold itself
        self._made[id(value)] = fill(value, empty)
        return self._made[id(value)]

    def _items(self, value: Any, made: Any) -> Any:
        items = [self.copy(item) for item in value]
        if isinstance(value, tuple):
            return tuple(items)
        made.clear()
        (made.update if isinstance(made, set) else made.extend)(items)
        return made

    def _values(self, value: Any, made: Any) -> Any:
        for key, item in value.items():
            made[key] = self.copy(item)
        return made

    def _function(self, value: Any) -> Any:
        """A closure over parts, such as a forward that was put in place of a module's own, over the new ones."""
        self._made[id(value)] = value  # it may call itself
        cells = value.__closure__ or ()
        contents = [_content(cell) for cell in cells]
        copies = [self.copy(content) for content in contents]
        used = {name: value.__globals__.get(name) for name in value.__code__.co_names}
        parts = {name: self._made[id(part)] for name, part in used.items() if id(part) in self._made}
        if not parts and all(copy is content for copy, content in zip(copies, contents, strict=True)):
            return value
        made = FunctionType(
            value.__code__,
            {**value.__globals__, **parts} if parts else value.__globals__,
            value.__name__,
            value.__defaults__,
            tuple(
                cell if copy is content else CellType(copy)
                for cell, content, copy in zip(cells, contents, copies, strict=True)
            ),
        )
        made.__kwdefaults__ = value.__kwdefaults__
        self._kept.append(value)
        self._made[id(value)] = functools.update_wrapper(made, value)
        return self._made[id(value)]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was assigned yet
        return None
