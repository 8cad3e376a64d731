"""Layer by layer: every activation of a file that stands for a value of its source model, beside that value.

A file of dlpuconv keeps the source's names; one of another converter keeps them as far as it does. What has no
counterpart is counted, not guessed.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.detect import is_known, tracer
from dlpuconv.formats.kinds import KINDS, PACKAGE
from dlpuconv.verification.comparison import Comparison, Likeness
from dlpuconv.verification.contradiction import contradicted
from dlpuconv.verification.correspondence import Counterpart, counterparts
from dlpuconv.verification.layer_parity import LayersReport
from dlpuconv.verification.linking import link_source
from dlpuconv.verification.source_runner import as_it_computes
from dlpuconv.verification.translate import to_artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.formats import FileView, Runner, TensorView
    from dlpuconv.formats.runner import Tracer
    from dlpuconv.ir import Model
    from dlpuconv.manifest import Manifest
    from dlpuconv.verification.question import Question

_SAMPLES = 4
_VALUES_AT_A_TIME = 1 << 26  # of the source model in one pass: 256 MiB of float32
_CODES = 256
_BYTES = ("int8", "uint8")


def moved_in(facts: Mapping[str, Any]) -> frozenset[str]:
    """Activations whose channels have another order than in the source, of what was told of making a file."""
    grouping = facts.get("grouping")
    names = grouping.get("moved") if isinstance(grouping, dict) else None
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def compare_layers(
    path: Path, view: FileView, question: Question, manifest: Manifest | None, likeness: Likeness
) -> LayersReport | None:
    """Run a file and its source on a few samples, and compare what both have inside.

    Args:
        path: the file.
        view: what it holds.
        question: the float source model, and samples, of which the first few are looked at.
        manifest: what the manifest says.
        likeness: in what activations may differ from their source values.

    Returns:
        The figures of every activation with a counterpart; None for a format whose insides cannot be seen.

    Raises:
        ArtifactError: one of the two models cannot run.
        ShapeError: the samples do not fit.
    """
    reference = question.reference
    if not _is_traceable(path, view) or reference is None or question.samples is None:
        return None
    few = list(islice(question.samples, _SAMPLES))
    moved = question.moved if question.moved is not None else moved_in(manifest.facts if manifest else {})
    pairs = [pair for pair in counterparts(view, _shapes(reference)) if pair.tensor.name not in moved]
    comparisons = {pair.tensor.index: Comparison(pair, likeness) for pair in pairs}
    codes: dict[int, npt.NDArray[np.int64]] = {}
    run = tracer(path, view, [pair.tensor.name for pair in pairs])
    links, traced = link_source(run, view, question, manifest)
    for group in _groups(pairs) or [[]]:
        source = _source_tracer(reference, group)
        first = not codes  # the histograms need one pass only
        for sample in few:
            traced.run(to_artifact(sample, links.inputs, links.bindings))
            if first:
                _count_codes(run, view, codes)
            found = source.run(sample) if source else {}
            for pair in group:
                comparisons[pair.tensor.index].add(found[pair.source], _real(run.value(pair.tensor), pair.tensor))
    for index in list(contradicted(view, comparisons)):
        del comparisons[index]
    compared = [comparison.result() for comparison in comparisons.values()]
    seen = {layer.index for layer in compared}
    return LayersReport(
        samples=len(few),
        layers=tuple(compared),
        not_compared=tuple(layer.name for layer in view.layers if layer.index not in seen),
        likeness=likeness.value,
        codes=codes,
    )


def _is_traceable(path: Path, view: FileView) -> bool:
    """Whether the core can look inside: a backend may tell of a file of its own as it would of one that we know."""
    return view.format == PACKAGE.name or (view.format in KINDS and is_known(path))


def _shapes(reference: Model) -> dict[str, tuple[int, ...]]:
    """Shapes of the source's computed real values, by name; no inputs, because a file may take pixels instead."""
    values = [value for node in reference.graph.graph for value in node.outputs]
    return {
        value.name: value.shape.numpy()
        for value in values
        if value.name and value.shape is not None and value.shape.is_static() and _is_float(value.dtype)
    }


def _is_float(dtype: object) -> bool:
    return dtype is None or bool(getattr(dtype, "is_floating_point", lambda: True)())


def _source_tracer(reference: Model, group: Sequence[Counterpart]) -> Runner | None:
    if not group:
        return None
    from dlpuconv.formats.ort_runner import OrtTracer

    wanted = dict.fromkeys(pair.source for pair in group)
    return OrtTracer(as_it_computes(reference).split(), wanted, reference.source.name)


def _groups(pairs: Sequence[Counterpart]) -> list[list[Counterpart]]:
    """Counterparts that are compared in one pass, so that memory stays bounded."""
    groups: list[list[Counterpart]] = []
    room = 0
    for pair in pairs:
        if pair.tensor.size > room or not groups:
            groups.append([])
            room = _VALUES_AT_A_TIME
        groups[-1].append(pair)
        room -= pair.tensor.size
    return groups


def _count_codes(run: Tracer, view: FileView, codes: dict[int, npt.NDArray[np.int64]]) -> None:
    """Add one inference to the histograms: [256] how often each code occurs, the lowest first."""
    for tensor in _activations(view):
        values = np.ascontiguousarray(run.value(tensor)).view(np.uint8)
        counts = np.bincount(values.ravel(), minlength=_CODES)
        if tensor.dtype == "int8":
            counts = np.roll(counts, _CODES // 2)  # -128, which is the byte 0x80, comes first
        codes[tensor.index] = codes.get(tensor.index, np.zeros(_CODES, np.int64)) + counts


def _activations(view: FileView) -> Iterator[TensorView]:
    """What the layers make in 8 bits."""
    for layer in view.layers:
        for index in layer.outputs:
            if view.tensors[index].dtype in _BYTES and view.kind.integers:
                yield view.tensors[index]


def _real(value: npt.NDArray[np.generic], tensor: TensorView) -> npt.NDArray[np.float64]:
    """Codes in real units; a float tensor is as it is."""
    return np.asarray(value, np.float64) if tensor.quantization is None else tensor.quantization.first.decode(value)
