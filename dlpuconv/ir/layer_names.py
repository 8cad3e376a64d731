"""What the file, the ONNX model and PyTorch call a layer. Any of these names will do wherever one is asked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dlpuconv.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNames:
    """All names of one layer of a file.

    Attributes:
        tensor: in the file, of the (first) value that it makes.
        nodes: of the ONNX nodes that it comes from: the one that it is, then those that were fused into it.
        modules: paths of the PyTorch modules that these are of, in that order.
        values: ONNX values that it makes or would make without what was fused into it, and other names for it.
        origin: the same for all layers that a backend made of one node, and for no others; empty for a layer by itself.
        title: the one that it is shown under; of the others the first of module, node and tensor that there is, unless
            `tell_apart` has found a better one.
    """

    tensor: str
    nodes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    origin: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.module or self.node or self.tensor)

    @property
    def node(self) -> str:
        """The ONNX node; empty for a layer that a conversion adds, or whose node has no name."""
        return self.nodes[0] if self.nodes else ""

    @property
    def module(self) -> str:
        """Path of the PyTorch module; empty where that is not known."""
        return self.modules[0] if self.modules else ""

    @property
    def each(self) -> tuple[str, ...]:
        """Every name, the best known first."""
        return tuple(dict.fromkeys(filter(None, (*self.modules, *self.nodes, *self.values, self.tensor))))

    @property
    def context(self) -> str:
        """The module that the layer is in, where the title does not say so; else empty."""
        return self.module if self.title != self.module else ""

    @property
    def label(self) -> str:
        """The title, with the module that the layer is in where that does not tell: what people read in lists."""
        return f"{self.title} in {self.context}" if self.context else self.title

    def match(self, pattern: str) -> bool:
        """Whether a user who writes this name or glob means the layer; a module's name means all that is inside it."""
        return any(name == pattern or fnmatchcase(name, pattern) for name in self.known())

    def known(self) -> Iterator[str]:
        """Every name, the one that lists show, and the modules around its own."""
        yield from self.each
        yield self.label
        yield from (outer for module in self.modules for outer in _around(module))

    def to_json(self) -> dict[str, Json]:
        """The same four keys wherever a layer is listed; None for what is not known."""
        return {
            "name": self.title,
            "module": self.module or None,
            "node": self.node or None,
            "tensor": self.tensor or None,
        }


def tell_apart(layers: Sequence[LayerNames]) -> tuple[LayerNames, ...]:
    """The layers of one file, each with a title that means it alone, so that what is printed can be given back.

    That is the first of module, node and tensor that means no layer of another node; the module's name would mean all
    layers in it.
    """
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for layer in layers:
        for name in layer.known():
            owners[name].add(_identity(layer))
    return tuple(replace(layer, title=_title(layer, owners)) for layer in layers)


def closest(pattern: str, layers: Iterable[LayerNames], also: Iterable[str] = ()) -> str:
    """` (did you mean 'x'?)` for a pattern that means none of the layers, or an empty string."""
    return did_you_mean(pattern.strip("*."), dict.fromkeys((*(n for layer in layers for n in layer.known()), *also)))


def _title(layer: LayerNames, owners: dict[str, set[tuple[str, str]]]) -> str:
    names = [name for name in (layer.module, layer.node, layer.tensor) if name]
    alone = (name for name in names if owners[name] == {_identity(layer)})
    return next(alone, layer.node or layer.tensor or layer.module)


def _identity(layer: LayerNames) -> tuple[str, str]:
    """The node that a layer comes from; where there is none, the layer itself."""
    node = layer.origin or layer.node
    return (node, "") if node else ("", layer.tensor)


def _around(module: str) -> Iterator[str]:
    """`a.b` and `a` for `a.b.c`."""
    while (end := module.rfind(".")) > 0:
        module = module[:end]
        yield module
