"""The ends of a file, which are floats: how source values reach the network's inputs, and what cannot be had."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8, Port, UnsupportedModelError, UsageError
from dlpuconv.plugin.onnx import Editor, Layout
from dlpuconv_backends.opsets import lower_opset

if TYPE_CHECKING:
    from dlpuconv.plugin import Job, Target
    from dlpuconv.plugin.onnx import Model, ValueSpec

_RUNS_ANOTHER = "runs another graph"

OPSETS = range(13, 22)
"""From scales per channel on, to codes of 16 bits; where nobody asks, it is the normal form's own."""


def port(spec: ValueSpec) -> Port:
    """An input or output of the file: the source model's own."""
    axes = tuple(range(len(spec.shape)))
    return Port(name=spec.name, source_shape=spec.shape, shape=spec.shape, permutation=axes, dtype=spec.dtype)


def refuse_impossible(job: Job, target: Target) -> None:
    """Refuse what was asked of such a file and cannot be.

    Raises:
        UsageError: an option, or the type that the target says.
        UnsupportedModelError: lists operators that run other graphs.
    """
    asked, wide = job.interface, target.scheme.activation_codes.type.bits > INT8.bits
    wrong = []
    for option, dtype in (("--input-dtype", asked.input_dtype), ("--output-dtype", asked.output_dtype)):
        if dtype != "float32":
            wrong.append(f"{option} {dtype}: inputs and outputs of its files are the source model's floats")
    if asked.input_layout is Layout.NHWC and any(s.layout is Layout.NCHW for s in job.model.signature.inputs):
        wrong.append("--input-layout NHWC: ONNX's layers take NCHW")
    possible = OPSETS[-1:] if wide else OPSETS
    if asked.opset is not None and asked.opset not in possible:
        within = f"{possible[0]} to {possible[-1]}" if len(possible) > 1 else f"{possible[0]}"
        wrong.append(f"--opset {asked.opset}: it writes opset {within}")
    if wrong:
        raise UsageError(
            f"onnx-qdq, the backend of {target.name}, cannot do {'; nor '.join(wrong)}", id="backend-interface"
        )


def in_opset(model: Model, asked: int | None) -> Model:
    """A legal model at the asked opset; newer ones than the normal form's write its operators alike.

    One that no target can have is left to `refuse_impossible`.

    Raises:
        UnsupportedModelError: lists the nodes that the opset cannot express.
    """
    if asked is None or asked not in OPSETS:
        return model
    lowered = model.copy()
    editor = Editor(lowered.graph)
    found = sorted({str(blocker) for blocker in lower_opset(editor, asked)})
    if found:
        raise UnsupportedModelError(f"opset {asked} cannot express {'; '.join(found)}", found, id="opset-too-old")
    lowered.graph.opset_imports[""] = asked
    return lowered


def refuse_unknown(job: Job) -> None:
    """Refuse graphs in graphs, and operators that ONNX itself does not have.

    Raises:
        UnsupportedModelError: lists the nodes.
    """
    from dlpuconv.plugin.views import CONTROL_FLOW

    wrong = [node for node in job.model.graph.graph if node.domain or node.op_type in CONTROL_FLOW]
    if wrong:
        found = [
            f"{node.op_type} {node.name!r} ({f'of the domain {node.domain!r}' if node.domain else _RUNS_ANOTHER})"
            for node in wrong
        ]
        made = (job.names.values_of(node.name or "", (v.name for v in node.outputs if v.name)) for node in wrong)
        raise UnsupportedModelError(
            f"a QDQ file cannot hold: {', '.join(found)}", found, chain.from_iterable(made), id="operator-not-in-format"
        )
