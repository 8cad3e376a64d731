"""Operators that a chip's compiler does not take, in operators that it takes: for the targets that say so.

One spelling a file; each says in its first line what becomes of what. Unlike `legalize`, which every target needs, a
spelling costs operators, and some of them a little rounding: it is worth that only where the chip's own operator runs
on the CPU.
"""

from __future__ import annotations

from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer import Graph
from dlpuconv_backends.tflite.spell import gelu, hard_swish, slopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.plugin import Spelling
    from dlpuconv_backends.flatbuffer import Operator

SPELLINGS: dict[str, tuple[str, Callable[[Operator], list[Operator] | None]]] = {
    "HARD_SWISH": ("HARD_SWISH -> MAXIMUM, ADD, MUL", hard_swish.spell),
    "LEAKY_RELU": ("LEAKY_RELU -> PRELU", slopes.spell),
    "ABS": ("ABS -> PRELU", slopes.spell),
    "GELU": ("GELU -> MUL, ADD, LOGISTIC", gelu.spell),
}
"""By operator: what it becomes, and the function that does it; None leaves the operator."""


def spelled(graph: Graph, spelling: Spelling) -> tuple[Graph, dict[str, list[str]]]:
    """A graph in which operators are spelled in others, up to the first one that the chip does not take at all.

    Args:
        graph: legal; it is not changed, and shares all that stays.
        spelling: the chip's.

    Returns:
        The graph itself where there is nothing to spell, and by spelling the ONNX nodes that it changed.
    """
    done: dict[str, list[str]] = {}
    operators: list[Operator] = []
    known = (spelling.out & SPELLINGS.keys()) | spelling.taken
    for op in takewhile(lambda op: op.kind in known, graph.operators):
        title, spell = SPELLINGS[op.kind] if op.kind in spelling.out else ("", None)
        new = spell(op) if spell is not None else None
        operators.extend([op] if new is None else new)
        if new is not None:
            done.setdefault(title, []).append(op.source_name or op.output.name)
    if not done:
        return graph, done
    operators += dropwhile(lambda op: op.kind in known, graph.operators)
    return Graph(list(graph.inputs), list(graph.outputs), operators, graph.description, dict(graph.metadata)), done
