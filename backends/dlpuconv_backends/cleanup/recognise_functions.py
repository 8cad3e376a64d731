"""Arithmetic of one variable that spells GELU, HARD_SWISH, LEAKY_RELU, ELU or RELU -> that operator (times a factor).

    x * (1 + TANH(0.798 * (x + 0.0447 * x * x * x)))   becomes   GELU(x) * 2
    x * RELU6(x + 3) / 6                               becomes   HARD_SWISH(x)

Exporters spell these functions in many ways. What is recognised is the function, not the spelling: operators between
one value and another that only use scalars are computed on a grid and compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import erf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin import BackendError
from dlpuconv_backends.cleanup.layout.ports import ELEMENTWISE
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

type Array = npt.NDArray[np.float64]

_LARGEST_REGION = 40
_TOLERANCE = 2e-6  # of the function's range on the grid: float32 arithmetic, and erf by a polynomial (1.5e-7)
_GRID = np.concatenate([[-60.0, -20.0], np.linspace(-12.0, 12.0, 1537), [20.0, 60.0]])
_WORTHWHILE = frozenset(("MUL", "ADD", "SUB", "MAXIMUM", "DIV", "SELECT", "SELECT_V2"))  # how such functions end


@dataclass(frozen=True, slots=True)
class _Region:
    """Operators that make `result` of `source` and of scalars."""

    source: Tensor
    result: Tensor
    operators: tuple[Operator, ...]


def recognise_functions(graph: Graph) -> int:
    """Rewrite in place; how many functions were recognised."""
    found = 0
    alive = {op: i for i, op in enumerate(graph.operators)}
    uses = Uses(graph)
    strangers: set[Hashable] = set()  # spellings of other functions, such as x * LOGISTIC(x), seen before
    for op in reversed(list(graph.operators)):
        if op.kind not in _WORTHWHILE or op not in alive:
            continue
        for region in _regions(uses, alive, op):
            spelling = _spelling(region)
            new = [] if spelling in strangers else _recognised(region)
            if not new:
                strangers.add(spelling)
            else:
                at = graph.operators.index(op)
                graph.operators[at : at + 1] = new
                graph.drop_dead()
                alive = {o: i for i, o in enumerate(graph.operators)}
                uses = Uses(graph)
                found += 1
                break
    return found


def _regions(uses: Uses, index: dict[Operator, int], end: Operator) -> list[_Region]:
    """Every earlier value that alone decides the output of `end`, nearest first, with two paths or more between."""
    regions: list[_Region] = []
    operators = [end]
    frontier = _activations(end)
    while len(operators) < _LARGEST_REGION:
        if len(frontier) == 1 and len(operators) > 1 and _is_closed(operators, uses):
            source = next(iter(frontier))
            readers = [op for op in operators if source in op.inputs]
            if len(readers) > 1 or readers[0].inputs.count(source) > 1:
                regions.append(_Region(source, end.output, tuple(reversed(operators))))
        producers = [p for t in frontier if (p := uses.producer(t)) is not None]
        latest = max(producers, key=index.__getitem__, default=None)
        if latest is None or not _is_scalar_arithmetic(latest):
            break
        operators.append(latest)
        frontier = (frontier - set(latest.outputs)) | _activations(latest)
    return regions if _is_scalar_arithmetic(end) else []


def _spelling(region: _Region) -> Hashable:
    """Equal for regions that compute the same in the same way."""
    number: dict[Tensor, int] = {region.source: 0}
    steps = []
    for op in region.operators:
        operands = tuple(
            None if t is None else float(t.data.reshape(-1)[0]) if t.data is not None else -1 - number[t]
            for t in op.inputs
        )
        options = tuple(sorted((k, str(v)) for k, v in vars(op.options).items())) if op.options else ()
        steps.append((op.kind, operands, options))
        number.update((t, len(number)) for t in op.outputs)
    return tuple(steps)


def _activations(op: Operator) -> set[Tensor]:
    return {t for t in op.inputs if t is not None and not t.is_constant}


def _is_scalar_arithmetic(op: Operator) -> bool:
    scalars = all(t is None or t.data is None or t.data.size == 1 for t in op.inputs)
    shapes = all(t.shape == op.output.shape and t.dtype.kind in "fb" for t in (*_activations(op), op.output))
    return op.kind in ELEMENTWISE and op.kind not in ("QUANTIZE", "DEQUANTIZE", "CAST") and scalars and shapes


def _is_closed(operators: list[Operator], uses: Uses) -> bool:
    """Nobody else reads what lies between."""
    inside = set(operators)
    return all(not uses.is_output(t) and set(uses.consumers(t)) <= inside for op in operators[1:] for t in op.outputs)


def _recognised(region: _Region) -> list[Operator]:
    values = _evaluate(region)
    if values is None or not np.all(np.isfinite(values)):
        return []
    scale = float(np.max(np.abs(values)))
    for kind, reference, options in _candidates(values):
        factor = float(values @ reference / (reference @ reference))
        if scale and np.max(np.abs(values - factor * reference)) <= _TOLERANCE * scale:
            return _spelled(region, kind, options, 1.0 if abs(factor - 1.0) < _TOLERANCE else factor)
    return []


def _evaluate(region: _Region) -> Array | None:
    """The region's function on the grid; None where LiteRT cannot compute it."""
    new: dict[Tensor, Tensor] = {}

    def copy(tensor: Tensor | None) -> Tensor | None:
        if tensor is None or tensor.is_constant:
            return tensor
        return new.setdefault(tensor, Tensor(f"t{len(new)}", _GRID.shape, tensor.dtype))

    source = copy(region.source)
    operators = [
        Operator(op.kind, [copy(t) for t in op.inputs], [c for t in op.outputs if (c := copy(t))], op.options)
        for op in region.operators
    ]
    if source is None:
        return None
    graph = Graph([source], [new[region.result]], operators)
    try:
        (values,) = LoadedGraph(graph).run({source.name: _GRID.astype(np.float32)})
    except BackendError:
        return None
    return np.asarray(values, np.float64)


def _candidates(values: Array) -> list[tuple[str, Array, Any]]:
    """Operator, its values on the grid, its options; parameters are read off the values."""
    exact, approximate = schema.GeluOptionsT(), schema.GeluOptionsT()
    approximate.approximate = True
    leaky = schema.LeakyReluOptionsT()
    left, right = float(np.interp(-4.0, _GRID, values)), float(np.interp(4.0, _GRID, values))
    leaky.alpha = -left / right if right else 1.0
    found: list[tuple[str, Array, Any]] = [
        ("RELU", np.maximum(_GRID, 0.0), None),
        ("HARD_SWISH", _GRID * np.clip(_GRID + 3.0, 0.0, 6.0) / 6.0, schema.HardSwishOptionsT()),
        ("GELU", _gelu(), exact),
        ("GELU", _gelu_by_tanh(), approximate),
        ("ELU", np.where(_GRID > 0.0, _GRID, np.expm1(np.minimum(_GRID, 0.0))), None),
    ]
    if 0.0 < leaky.alpha < 1.0:
        found.append(("LEAKY_RELU", np.where(_GRID > 0.0, _GRID, _GRID * leaky.alpha), leaky))
    return found


@cache
def _gelu() -> Array:
    """X * Phi(x), Hendrycks and Gimpel 2016."""
    return np.asarray(_GRID * [0.5 * (1.0 + erf(x / sqrt(2.0))) for x in _GRID])


@cache
def _gelu_by_tanh() -> Array:
    return np.asarray(0.5 * _GRID * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (_GRID + 0.044715 * _GRID**3))))


def _spelled(region: _Region, kind: str, options: Any, factor: float) -> list[Operator]:
    last = region.operators[-1]
    if factor == 1.0:
        return [Operator(kind, [region.source], [region.result], options, last.source_name)]
    plain = Tensor(f"{region.result.name}/{kind.lower()}", region.result.shape, region.result.dtype)
    constant = Tensor.constant(f"{region.result.name}/factor", np.array([factor], np.float32))
    return [
        Operator(kind, [region.source], [plain], options, last.source_name),
        Operator("MUL", [plain, constant], [region.result], schema.MulOptionsT(), last.source_name),
    ]
