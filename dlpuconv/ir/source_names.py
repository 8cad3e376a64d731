"""What a source model calls its nodes, and what is known by that of the layers that are made from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from dlpuconv.ir.layer_names import LayerNames, tell_apart
from dlpuconv.ir.module_path import SCOPES, module_paths
from dlpuconv.ir.operators import ONNX_WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir

ORIGIN = "dlpuconv.origin"
"""Key of a node's metadata: the name, in the model as it was read, of the node that a pass made this one for."""
UNNAMED = "dlpuconv.unnamed"
"""Key of a node's metadata: the name was made up while the model was read."""

_MOST_FUSED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNode:
    """A node of the source model.

    Attributes:
        name: as the user knows it; empty for a node without one.
        values: that it makes.
        modules: that it came from; see `module_path`.
        reads: values that are computed.
        weighted: it multiplies with weights.
    """

    name: str
    values: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    weighted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNames:
    """The nodes of a source model; empty where nothing is known of one.

    Attributes:
        nodes: by name in the model as it was read and as passes left it.
        makers: by the values that they make, likewise.
        readers: the only reader of a value, for those that have one.
    """

    nodes: Mapping[str, SourceNode] = field(default_factory=dict)
    makers: Mapping[str, SourceNode] = field(default_factory=dict)
    readers: Mapping[str, SourceNode] = field(default_factory=dict)

    def layer(self, tensor: str, node: str = "", values: Iterable[str] = ()) -> LayerNames:
        """The names of a layer.

        Args:
            tensor: that it makes, in the file.
            node: that it was made from, as a backend knows it; empty where it does not.
            values: ONNX values that its tensor stands for.
        """
        return self._layer(self.nodes.get(node), tensor, node, tuple(values))

    def values_of(self, node: str, values: Iterable[str] = ()) -> tuple[str, ...]:
        """Values that the source model's node makes which became a layer, or one of several.

        Args:
            node: that it was made from, as a backend knows it; empty where it does not.
            values: ONNX values that its tensors stand for: the answer, where no node of the source is known to make
                them.
        """
        values = tuple(values)
        own = (
            [self.nodes[node]] if node in self.nodes else [self.makers[name] for name in values if name in self.makers]
        )
        return _once(chain.from_iterable(origin.values for origin in own)) or values

    def weighted_layer(self, tensor: str, values: Iterable[str]) -> LayerNames:
        """The names of a layer with weights of which only the values that it makes are known.

        Where those are of an activation or the like, it is the node with weights in front of that.
        """
        values = tuple(values)
        node = next((self.makers[name] for name in values if name in self.makers), None)
        for _ in range(_MOST_FUSED):
            if node is None or node.weighted:
                break
            read = node.reads[0] if len(node.reads) == 1 else ""
            node = self.makers.get(read) if self.readers.get(read) is node else None
        return self._layer(node, tensor, "", values)

    def _layer(self, own: SourceNode | None, tensor: str, node: str, values: tuple[str, ...]) -> LayerNames:
        made = [self.makers[name] for name in (*values, tensor) if name in self.makers]
        origins = self._fused(own, made) if own is not None else made
        if not origins:
            return LayerNames(tensor=tensor, nodes=_once([node]), values=values)
        return LayerNames(
            tensor=tensor,
            nodes=_once(origin.name for origin in origins),
            modules=_once(chain.from_iterable(origin.modules for origin in origins)),
            values=_once((*values, *chain.from_iterable(origin.values for origin in origins), node)),
            origin=node or origins[0].name,
        )

    def _fused(self, own: SourceNode, made: list[SourceNode]) -> list[SourceNode]:
        """A layer's node, and those behind it up to the ones that make its values: normalization, activation."""
        passed, at = [own], own
        for _ in range(_MOST_FUSED):
            if at in made:
                return passed
            follower = self.readers.get(at.values[0]) if len(at.values) == 1 else None
            if follower is None:
                break
            passed.append(follower)
            at = follower
        return [own, *(node for node in made if node is not own)]


UNKNOWN = SourceNames()
"""Where there is no source model to ask."""


def source_names(graph: onnx_ir.Graph, rewritten: onnx_ir.Graph | None = None) -> SourceNames:
    """What the nodes of a model are called.

    Args:
        graph: as it was read.
        rewritten: what passes made of it: what they added is known by the node that it was added for.
    """
    nodes: dict[str, SourceNode] = {}
    makers: dict[str, SourceNode] = {}
    for node in graph:
        found = _source_node(node)
        nodes[node.name or found.name] = found
        makers |= dict.fromkeys(found.values, found)
    readers = {
        value: nodes[uses[0].name or ""]
        for value, uses in ((v.name, _readers(v)) for node in graph for v in node.outputs)
        if value and len(uses) == 1 and uses[0].name in nodes
    }
    for node in rewritten or ():
        origin = nodes.get(node.metadata_props.get(ORIGIN, ""))
        if node.name and node.name not in nodes and origin is not None:
            nodes[node.name] = origin
            for value in node.outputs:
                makers.setdefault(value.name or "", origin)
    return SourceNames(nodes=nodes, makers=makers, readers=readers)


def graph_layers(graph: onnx_ir.Graph, source: SourceNames) -> tuple[LayerNames, ...]:
    """The names of the nodes of a graph that passes made of the source model's, as the layers of an ONNX file.

    Args:
        graph: in its final order, with the metadata that passes wrote.
        source: what the source model calls its nodes.
    """
    return tell_apart([_graph_layer(node, source) for node in graph])


def _graph_layer(node: onnx_ir.Node, source: SourceNames) -> LayerNames:
    values = [value.name for value in node.outputs if value.name]
    name = node.name or ""
    known = name if name in source.nodes else node.metadata_props.get(ORIGIN, "")
    found = source.layer(values[0] if values else "", known if known in source.nodes else name, values)
    return replace(found, values=_once((*found.values, name)), origin=name or found.origin)


def _readers(value: onnx_ir.Value) -> list[onnx_ir.Node]:
    return list({id(use.node): use.node for use in value.uses()}.values())


def _source_node(node: onnx_ir.Node) -> SourceNode:
    constants = [v.name or "" for v in node.inputs if v is not None and v.is_initializer()]
    return SourceNode(
        name="" if UNNAMED in node.metadata_props else node.name or "",
        values=tuple(value.name for value in node.outputs if value.name),
        modules=module_paths(node.name or "", node.metadata_props.get(SCOPES, ""), constants),
        reads=tuple(value.name or "" for value in node.inputs if value is not None and not value.is_initializer()),
        weighted=node.op_type in ONNX_WEIGHTED,
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, names)))
