"""What a pass is: a named rewrite of the graph, applied in place, that says how often it fired and why it did not.

Two kinds exist. A `Rewrite` looks at one node at a time; a `Sweep` looks at the whole graph. Both leave every graph
output's name, shape and values as they were, and every value named and shaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from dlpuconv.ir.source_names import ORIGIN

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor

FIRED: Final = True
"""The node was rewritten."""

type Outcome = Literal[True] | str | None
"""`FIRED`, or the reason why a candidate was left alone, or None when the node is no candidate."""


@dataclass(frozen=True, slots=True)
class Declined:
    """A candidate that was left alone.

    Attributes:
        node: the name of the source model's node that it is made of.
        reason: half a sentence for people.
    """

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Firing:
    """What one run of one pass did.

    Attributes:
        fired: how often it changed something.
        nodes: what it changed, as the source model's names; a pass over the whole graph does not say.
        declined: what it left alone.
    """

    fired: int
    nodes: tuple[str, ...] = ()
    declined: tuple[Declined, ...] = ()


class NodeRewrite(Protocol):
    """Rewrites one node, or says why not."""

    def __call__(self, editor: Editor, node: onnx_ir.Node, /) -> Outcome:
        """Edit the graph around `node`, which is in the graph and of an operator that the pass asked for."""


class GraphSweep(Protocol):
    """Rewrites the whole graph."""

    def __call__(self, editor: Editor, /) -> int:
        """Edit the graph; the result is how often something was changed."""


class Pass(Protocol):
    """One entry of the ordered list."""

    @property
    def name(self) -> str:
        """Stable, for reports."""

    @property
    def title(self) -> str:
        """What has become of a layer that it changed, in words for people."""

    def run(self, editor: Editor) -> Firing:
        """Edit the graph."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A pass over single nodes in topological order; nodes that it adds are not looked at in the same run.

    Attributes:
        name: stable, for reports.
        title: what has become of a layer that it changed, in words for people.
        operators: the operators of the default domain that it looks at.
        rewrite: what it does with one of them.
    """

    name: str
    title: str
    operators: tuple[str, ...]
    rewrite: NodeRewrite

    def run(self, editor: Editor) -> Firing:
        """Offer every node of the wanted operators to the rewrite."""
        nodes: list[str] = []
        declined: list[Declined] = []
        for node in [node for node in editor.graph if node.op_type in self.operators and node.domain == ""]:
            if node.graph is not editor.graph:  # removed with an earlier match
                continue
            name = node.metadata_props.get(ORIGIN) or node.name or node.op_type
            outcome = self.rewrite(editor, node)
            if outcome is True:
                nodes.append(name)
            elif outcome is not None:
                declined.append(Declined(name, outcome))
        return Firing(len(nodes), tuple(nodes), tuple(declined))


@dataclass(frozen=True, slots=True)
class Sweep:
    """A pass over the whole graph.

    Attributes:
        name: stable, for reports.
        title: what has become of the graph that it changed, in words for people.
        sweep: what it does.
    """

    name: str
    title: str
    sweep: GraphSweep

    def run(self, editor: Editor) -> Firing:
        """Run the sweep once."""
        return Firing(self.sweep(editor))
