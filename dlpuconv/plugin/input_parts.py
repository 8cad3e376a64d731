"""Inputs that one scale does not suit become several: Slice(state) -> state_part0.

A recurrent network often takes its states in one tensor, of which one may reach from -8 to 8 and another from -0.05 to
0.05. Where the network takes the input apart at once, the parts are inputs of their own, each with its own scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import onnx_ir

from dlpuconv.ir import InputBinding, Part
from dlpuconv.ir.strides import Stride
from dlpuconv.network import Range
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.part_of_concat import parts_taken
from dlpuconv.plugin.job import Splitting
from dlpuconv.quantization.mixed_outputs import Span, neighbours_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.calibration import Samples
    from dlpuconv.plugin.job import Job

    type Taken = Mapping[onnx_ir.Value, tuple[int, int]]
    """First index and that behind the last one, by value that a Slice or Split makes."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """An input that the network takes apart along one axis, and does nothing else with.

    Attributes:
        value: the input.
        axis: of the input.
        taken: what becomes of it.
    """

    value: onnx_ir.Value
    axis: int
    taken: Taken

    @property
    def bounds(self) -> list[int]:
        """Where anything that is taken begins or ends."""
        extent = (static_shape(self.value) or ())[self.axis]
        return sorted({0, extent, *(bound for both in self.taken.values() for bound in both)})


def split_inputs(job: Job) -> Job:
    """The same job, of a model whose inputs get on with one scale each; `input_parts` tells what they are.

    Pixels are left alone: they have one scale, which is the camera's. So are inputs of a source that states scales.

    Args:
        job: with calibration, for an integer format.
    """
    if job.interface.split_inputs is Splitting.OFF or job.calibration is None or job.model.scales:
        return job
    model = job.model.copy()
    editor = Editor(model.graph)
    found: dict[str, Part] = {}
    for value in list(model.graph.graph.inputs):
        cut = _cut_of(editor, value) if _may_be_split(value, job.bindings.get(value.name or "")) else None
        spans = _spans(cut, job.calibration.fit) if cut else []
        if cut and len(spans) > 1:
            found |= _split(editor, cut, spans)
    if not found:
        return job
    split = {part.output for part in found.values()}
    kept = {name: binding for name, binding in job.bindings.items() if name not in split}
    bindings = {**kept, **{name: InputBinding(name=name) for name in found}}
    return replace(job, model=model, bindings=bindings, input_parts=found)


def tell_split(job: Job) -> list[str]:
    """A warning for each input that became several."""
    names: dict[str, list[str]] = {}
    for name, part in job.input_parts.items():
        names.setdefault(part.output, []).append(name)
    return [
        f"the input {whole!r} holds parts of different ranges, of which one scale would starve the narrowest: it became"
        f" the inputs {', '.join(parts)}; the manifest says which part each takes (--split-inputs off keeps it whole)"
        for whole, parts in names.items()
    ]


def _may_be_split(value: onnx_ir.Value, binding: InputBinding | None) -> bool:
    plain = binding is None or binding == InputBinding(name=binding.name, channel_axis=binding.channel_axis)
    return plain and value.dtype == onnx_ir.DataType.FLOAT and not value.is_graph_output()


def _cut_of(editor: Editor, value: onnx_ir.Value) -> _Cut | None:
    takers = list(dict.fromkeys(use.node for use in value.uses()))
    if not takers or any(taker.op_type not in ("Slice", "Split") for taker in takers):
        return None
    taken = dict(found for taker in takers for found in parts_taken(editor, taker))
    axes = {axis for axis, _, _ in taken.values()}
    if len(axes) > 1 or any(start >= stop or made.is_graph_output() for made, (_, start, stop) in taken.items()):
        return None
    return _Cut(value, axes.pop(), {made: (start, stop) for made, (_, start, stop) in taken.items()})


def _spans(cut: _Cut, samples: Samples) -> list[Span]:
    """Its parts, as few as get on with one scale each."""
    strides = [Stride(start, stop) for start, stop in pairwise(cut.bounds)]
    ranges = [Range(0.0, 0.0)] * len(strides)
    for sample in samples:
        parts = [sample[str(cut.value.name)][stride.index(cut.axis)] for stride in strides]
        seen = [Range(float(part.min()), float(part.max())) for part in parts]
        ranges = [known.union(new) for known, new in zip(ranges, seen, strict=True)]
    return neighbours_together([Span.of(s, r, r.width) for s, r in zip(strides, ranges, strict=True)])


def _split(editor: Editor, cut: _Cut, spans: Sequence[Span]) -> dict[str, Part]:
    """Make the parts inputs in the place of the whole, and let what was taken be taken from them."""
    whole, graph = cut.value, editor.graph
    shape = static_shape(whole) or ()
    parts: list[tuple[Stride, onnx_ir.Value]] = []
    for number, span in enumerate(spans):
        extents = (*shape[: cut.axis], span.stride.count, *shape[cut.axis + 1 :])
        name = editor.unique(f"{whole.name}_part{number}")
        parts.append((span.stride, onnx_ir.Value(name=name, shape=onnx_ir.Shape(extents), type=whole.type)))
    position = graph.inputs.index(whole)
    graph.inputs[position : position + 1] = [part for _, part in parts]
    for made, (start, stop) in cut.taken.items():
        taker = made.producer()
        assert taker is not None
        editor.replace(made, _taken(editor, taker, cut.axis, (start, stop), parts))
    return {
        str(part.name): Part(output=str(whole.name), axis=cut.axis, start=stride.start, stop=stride.stop)
        for stride, part in parts
    }


def _taken(
    editor: Editor,
    taker: onnx_ir.Node,
    axis: int,
    bounds: tuple[int, int],
    parts: Sequence[tuple[Stride, onnx_ir.Value]],
) -> onnx_ir.Value:
    """What lies within the bounds, from the parts that hold it."""
    found = []
    for stride, part in parts:
        start, stop = max(bounds[0], stride.start), min(bounds[1], stride.stop)
        if start < stop:
            inner = (start - stride.start, stop - stride.start, 1)
            found.append(part if stop - start == stride.count else editor.cut(taker, part, {axis: inner}))
    return found[0] if len(found) == 1 else editor.add(taker, "Concat", found, {"axis": axis})
