"""What a pass is: a named rewrite of the graph, applied in place, that says how often it fired and why it did not.

Two kinds exist. A `Rewrite` looks at one node at a time; a `Sweep` looks at the whole graph. Both leave every graph
output's name, shape and values as they were, and every value named and shaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

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
        node: its name, or its operator where it has none.
        reason: half a sentence for people.
    """

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Firing:
    """What one run of one pass did."""

    fired: int
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

    def run(self, editor: Editor) -> Firing:
        """Edit the graph."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A pass over single nodes in topological order; nodes that it adds are not looked at in the same run.

    Attributes:
        name: stable, for reports.
        operators: the operators of the default domain that it looks at.
        rewrite: what it does with one of them.
    """

    name: str
    operators: tuple[str, ...]
    rewrite: NodeRewrite

    def run(self, editor: Editor) -> Firing:
        """Offer every node of the wanted operators to the rewrite."""
        fired = 0
        declined: list[Declined] = []
        for node in [node for node in editor.graph if node.op_type in self.operators and node.domain == ""]:
            if node.graph is not editor.graph:  # removed with an earlier match
                continue
            name = node.name or node.op_type
            outcome = self.rewrite(editor, node)
            if outcome is True:
                fired += 1
            elif outcome is not None:
                declined.append(Declined(name, outcome))
        return Firing(fired, tuple(declined))


@dataclass(frozen=True, slots=True)
class Sweep:
    """A pass over the whole graph.

    Attributes:
        name: stable, for reports.
        sweep: what it does.
    """

    name: str
    sweep: GraphSweep

    def run(self, editor: Editor) -> Firing:
        """Run the sweep once."""
        return Firing(self.sweep(editor))
