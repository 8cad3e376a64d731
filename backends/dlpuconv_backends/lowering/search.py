"""Which operators of a lowered graph are at fault, where it does not run or does not compute what its source does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import BackendError
from dlpuconv.plugin.isolation import ExcessError
from dlpuconv_backends.flatbuffer.graph import Graph
from dlpuconv_backends.lowering.beside import Beside
from dlpuconv_backends.lowering.culprits import UnableError
from dlpuconv_backends.lowering.measure import run_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv_backends.flatbuffer.graph import Operator, Tensor
    from dlpuconv_backends.lowering.beside import Suspect
    from dlpuconv_backends.lowering.measure import Arrays


def accuse(suspect: Suspect) -> None:
    """Find out what is wrong with a graph, if anything is; rounding alone is no fault.

    Raises:
        UnableError: some operators cannot be run, or compute something else.
        BackendError: the graph takes more memory or time than it may.
    """
    culprit = _operator_that_ends_it(suspect)
    if culprit is not None:
        made = _nodes_of([culprit], suspect)
        raise UnableError(made, "cannot be run by TensorFlow Lite", id="operator-lowered-wrongly")
    beside = Beside(suspect)
    judged = {t.name for t in beside.taps}
    lost = {
        _makers(suspect)[name] for name in suspect.proof.doubted if name not in judged
    }  # constants, and of another shape
    wrong = _nodes_of(_wrong_operators(beside, suspect.graph), suspect) | lost
    if wrong:
        why = "cannot be written such that TensorFlow Lite computes the same"
        raise UnableError(wrong, why, id="operator-lowered-wrongly")


def _operator_that_ends_it(suspect: Suspect) -> Operator | None:
    """The first operator that LiteRT refuses or does not survive; None where it runs them all."""
    graph = suspect.graph
    if _runs(graph, suspect.feed):
        return None
    runs, ends = 0, len(graph.operators)  # so many operators
    while ends - runs > 1:
        middle = (runs + ends) // 2
        first = graph.operators[:middle]
        read = {t for op in first for t in op.inputs}
        made = [t for op in first for t in op.outputs if t not in read]
        if _runs(Graph(graph.inputs, made, first), suspect.feed):
            runs = middle
        else:
            ends = middle
    return graph.operators[ends - 1]


def _runs(graph: Graph, inputs: Arrays) -> bool:
    try:
        run_graph(graph, inputs)
    except BackendError as error:
        if isinstance(error.__cause__, ExcessError):
            raise
        return False
    return True


def _wrong_operators(beside: Beside, graph: Graph) -> list[Operator]:
    """Operators that compute something else than the source's: all between two values that the source has, too."""
    wrong = beside.wrong(beside.taps)
    # What a rewrite scaled bears its name still, and one order of axes may look like another: a part is right where it
    # is right as one with those around it.
    kept = {t: view for t, view in beside.taps.items() if t not in wrong or t in graph.outputs}
    inside = {t: wrong & {t, *beside.part(t, kept).inside} for t in kept}
    confirmed = beside.wrong(kept, [t for t, some in inside.items() if some])
    certain = {t for tap in confirmed for t in inside[tap]}
    found = {op for t in certain for op in beside.part(t, beside.taps).operators}
    return [op for op in graph.operators if op in found]


def _makers(suspect: Suspect) -> dict[str, str]:
    """ONNX nodes by the values that they make, as `UnableError` has them."""
    return {name: node.name or node.output[0] for node in suspect.source.proto.graph.node for name in node.output}


def _nodes_of(operators: list[Operator], suspect: Suspect) -> set[str]:
    """The nodes that operators are of."""
    makers, readers = _makers(suspect), suspect.graph.consumers()
    return {_node_of(op, makers, readers) for op in operators}


def _node_of(op: Operator, makers: Mapping[str, str], readers: Mapping[Tensor, list[Operator]]) -> str:
    """The clean-up adds operators for others, which read what those make; so does what is spelled out for onnx2tf."""
    at: Operator | None = op
    while at is not None and at.source_name not in makers.values():
        made = [makers[name] for t in at.outputs for name in t.source_names if name in makers]
        if made:
            return made[-1]
        at = next((reader for t in at.outputs for reader in readers.get(t, ())), None)
    return at.source_name if at is not None else ""
