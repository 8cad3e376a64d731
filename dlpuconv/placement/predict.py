"""From a file and a chip's facts to where each layer will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.placement.forecast import Forecast, LayerPlacement, Memory
from dlpuconv.placement.macs import bytes_of, constants, macs, parameter_bytes
from dlpuconv.placement.partition import Processor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.placement.facts import Placement
    from dlpuconv.placement.partition import Piece
    from dlpuconv.verification.rule import Context, Rule

    type Reasons = dict[int, tuple[str, str]]


def forecast(view: FileView, facts: Placement, context: Context) -> Forecast:
    """Tell where each layer will run.

    Args:
        view: the file.
        facts: how the chip places layers.
        context: what rules may know beside the file.
    """
    refused = _broken(view, facts.limits, context)
    doubted = _broken(view, facts.doubts, context)
    pieces = facts.partition(view, refused)
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


def _broken(view: FileView, rules: Iterable[Rule], context: Context) -> Reasons:
    """For each layer that breaks one of the rules: the first such rule's id, and a sentence."""
    found: Reasons = {}
    for rule in rules:
        for hit in rule.check(view, context):
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
    rule, why = refused or (("", _BEHIND) if on_cpu else doubted or ("", ""))
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


_BEHIND = "It comes after the cut."
