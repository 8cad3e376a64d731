"""Where a network could end, so that what loses the signal runs on the CPU; and what it is worth if it ends there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.workflow.run import Run
    from dlpuconv.workflow.workshop import Workshop

_COMPARISONS = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_LOOKED_AT = 2


def cut_in_front(run: Run, blamed: Sequence[BlamedLayer]) -> tuple[str, ...]:
    """A complete cut in front of the operators that magnify the worst layers' errors, or lose without weights.

    Args:
        run: of the network.
        blamed: what each layer loses, the worst first.

    Returns:
        Names of values; nothing where there is no such operator, where the network was cut by the user or divided
        already, or where too little would be left for the chip.
    """
    if run.division is not None or run.request.source.cut_at:
        return ()
    made = {str(value.name): value for node in run.source.graph.graph for value in node.outputs}
    behind: list[str] = []
    for layer in blamed[:_LOOKED_AT]:
        values = [made[name] for name in layer.error.names.values if name in made]
        compared = [output for value in values for output in _compared(value)]
        behind += compared or ([] if layer.error.weights_share is not None else [str(v.name) for v in values[:1]])
    return _complete(run, behind) if behind else ()


def ending_at(shop: Workshop, names: tuple[str, ...]) -> Workshop:
    """Where recipes are tried out for the network that ends at these values.

    Raises:
        DlpuconvError: it cannot be converted.
    """
    from dlpuconv.frontends.cut import ended_at
    from dlpuconv.workflow.subject import subject_of

    run = shop.run
    subject = subject_of(ended_at(run.source, names), None, run.samples, run.request, run.clock)
    return shop.anew(replace(run, subject=subject))


def _compared(value: onnx_ir.Value) -> list[str]:
    """What comparisons make of a value."""
    return [str(use.node.outputs[0].name) for use in value.uses() if use.node.op_type in _COMPARISONS]


def _complete(run: Run, behind: Sequence[str]) -> tuple[str, ...]:
    """Values from which these can be computed, and all that needs them."""
    from dlpuconv.division.frontier import divide
    from dlpuconv.division.whole import Whole

    model = run.source
    signature = model.signature
    outputs = tuple(value.name for value in signature.outputs)
    whole = Whole(proto=model.split().proto, source=model.source, inputs=signature.inputs, outputs=outputs)
    try:
        division = divide(whole, behind)
    except UnsupportedModelError:
        return ()
    return () if division.front is not None else division.cut
