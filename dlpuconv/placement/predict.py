"""From a file and a chip's facts to where each layer will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import PluginError, faults_of
from dlpuconv.placement.forecast import BEHIND, Forecast, LayerPlacement, Memory
from dlpuconv.placement.macs import bytes_of, constants, macs, parameter_bytes
from dlpuconv.placement.partition import Processor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.placement.facts import Placement
    from dlpuconv.placement.partition import Piece
    from dlpuconv.verification.rule import Context, Rule

    type Reasons = dict[int, tuple[str, str]]


def foresee(view: FileView, facts: Placement | None, context: Context) -> tuple[Forecast | None, tuple[str, ...]]:
    """Tell where each layer will run, or why that is not known.

    Args:
        view: the file.
        facts: how the chip places layers; None where nothing is known of that.
        context: what rules may know beside the file.

    Returns:
        The forecast, and what the user has to know: of it, or of a plugin's fault that prevents it.
    """
    if facts is None:
        return None, ()
    try:
        if (foreign := _foreign(view, facts, context)) is not None:
            return None, (foreign,)
        found = forecast(view, facts, context)
    except PluginError as error:
        return None, (f"where the layers run is not known: {error}",)
    return found, found.warnings


def _foreign(view: FileView, facts: Placement, context: Context) -> str | None:
    """That the chip does not take the file as a whole, and why.

    Raises:
        PluginError: the code of the chip's rules failed.
    """
    for rule in facts.demands:
        for hit in rule.places(view, context):
            return f"no layer of the file runs on the {facts.accelerator}: {rule.sentence} ({hit.detail})"
    return None


def forecast(view: FileView, facts: Placement, context: Context) -> Forecast:
    """Tell where each layer will run.

    Args:
        view: the file.
        facts: how the chip places layers.
        context: what rules may know beside the file.

    Raises:
        PluginError: the code of the chip's rules, or of its partition, failed.
    """
    refused = _floating(view, context, facts.accelerator) | _broken(view, facts.limits, context)
    doubted = _broken(view, facts.doubts, context)
    with faults_of(f"the partition of {context.target}"):
        pieces = facts.partition(view, refused)
        _demand_every_layer_once(pieces, view)
    layers = _layers(view, pieces, refused, doubted)
    inside = [view.layers[layer.index] for layer in layers if layer.processor is Processor.DLPU]
    used = bytes_of(t for layer in inside for t in constants(view, layer))
    return Forecast(
        accelerator=facts.accelerator,
        layers=layers,
        parameter_bytes=parameter_bytes(view),
        memory=Memory(used=used, limit=facts.memory) if facts.memory is not None else None,
        most_pieces=facts.most_pieces,
        estimate=facts.estimate,
    )


def _floating(view: FileView, context: Context, accelerator: str) -> Reasons:
    """Layers that read and make nothing but floats, in a file for an accelerator that computes in integers."""
    if not context.quantized:
        return {}
    reason = ("", f"It computes in floating point, and the {accelerator} in 8-bit integers only.")
    return {layer.index: reason for layer in view.layers if _is_floating(view, layer)}


def _is_floating(view: FileView, layer: LayerView) -> bool:
    tensors = filter(None, (view.tensor(index) for index in (*layer.inputs, *layer.outputs)))
    kinds = {tensor.is_float for tensor in tensors if not tensor.constant}
    return kinds == {True}


def _demand_every_layer_once(pieces: list[Piece], view: FileView) -> None:
    placed = sorted(index for piece in pieces for index in piece.layers)
    if placed != [layer.index for layer in view.layers]:
        raise ValueError(f"its pieces hold the layers {placed}, and not each of {len(view.layers)} once")


def _broken(view: FileView, rules: Iterable[Rule], context: Context) -> Reasons:
    """For each layer that breaks one of the rules: the first such rule's id, and a sentence."""
    found: Reasons = {}
    for rule in rules:
        for hit in rule.places(view, context):
            if hit.index is not None:
                found.setdefault(hit.index, (rule.id, f"{rule.sentence} ({hit.detail})"))
    return found


def _layers(view: FileView, pieces: list[Piece], refused: Reasons, doubted: Reasons) -> tuple[LayerPlacement, ...]:
    place = {index: (number, piece) for number, piece in enumerate(pieces) for index in piece.layers}
    return tuple(
        _layer(view, layer, *place[layer.index], refused.get(layer.index), doubted.get(layer.index))
        for layer in view.layers
    )


def _layer(
    view: FileView,
    layer: LayerView,
    number: int,
    piece: Piece,
    refused: tuple[str, str] | None,
    doubted: tuple[str, str] | None,
) -> LayerPlacement:
    on_cpu = piece.processor is Processor.CPU
    rule, why = refused or (("", BEHIND) if on_cpu else doubted or ("", ""))
    return LayerPlacement(
        index=layer.index,
        op=layer.op,
        name=layer.name,
        processor=piece.processor,
        piece=number,
        why=why,
        rule=rule,
        certain=on_cpu or doubted is None,
        macs=macs(view, layer),
        parameters=sum(tensor.size for tensor in constants(view, layer)),
    )
