"""Makers of rules that many chips have, each with limits of its own: operators, kernels, axes, pieces, sizes, types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.language.brief import listed
from dlpuconv.placement import Processor, forecast
from dlpuconv.placement.macs import parameter_bytes
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import activations
from dlpuconv.verification.rules.layer_facts import kernel_of, number, stride_of
from dlpuconv.verification.rules.layerwise import at_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.placement import Placement
    from dlpuconv.verification.rule import Context

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
_MIB = 2**20


def only_operators(rule: str, known: frozenset[str], source: str, severity: Severity) -> Rule:
    """Every operator is one of a list; a custom operator never is, whatever its name."""

    def outside(_: FileView, layer: LayerView) -> str:
        return layer.op if layer.custom or layer.op not in known else ""

    return Rule(
        id=rule,
        severity=severity,
        sentence="Every operator must be on the chip's list.",
        source=source,
        check=at_layers(outside),
        fix="Replace it, or cut the model in front of it (--cut-at).",
        listed=known,
    )


def layer_extents(rule: str, of: str, allowed: Collection[int], source: str, severity: Severity) -> Rule:
    """Heights and widths of what a .tflite file's convolutions have.

    Args:
        rule: its id.
        of: one of `EXTENTS`: `kernel`, `stride` or `dilation`.
        allowed: along each axis.
        source: where that is known from.
        severity: of a layer that has others.
    """
    measure = EXTENTS[of]

    def other(view: FileView, layer: LayerView) -> str:
        found = measure(view, layer)
        return "" if found is None or set(found) <= set(allowed) else f"{layer.op}: {of} {found[0]}x{found[1]}"

    return Rule(
        id=rule,
        severity=severity,
        sentence=f"Convolutions must have a {of} of {_either(allowed)}, in each direction.",
        source=source,
        check=at_layers(other, *_CONVOLUTIONS),
        fix="Train with another one, or cut the model in front of the layer (--cut-at).",
    )


def _dilation_of(_: FileView, layer: LayerView) -> tuple[int, int]:
    return number(layer, "dilation_h_factor", 1), number(layer, "dilation_w_factor", 1)


EXTENTS: dict[str, Callable[[FileView, LayerView], tuple[int, int] | None]] = {
    "kernel": kernel_of,
    "stride": lambda _, layer: stride_of(layer),
    "dilation": _dilation_of,
}
"""Height and width of what a convolution has, by what it is called."""


def most_axes(rule: str, most: int, source: str) -> Rule:
    """No tensor that flows has more axes."""

    def more(view: FileView, _: Context) -> Iterator[Hit]:
        for tensor in activations(view):
            if len(tensor.shape) > most:
                yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)

    return Rule(
        id=rule,
        severity=Severity.FAIL,
        sentence=f"No tensor may have more than {most} axes.",
        source=source,
        check=more,
        fix="Cut the model in front of the reshape (--cut-at) and do the rest in the application.",
    )


def most_pieces(rule: str, placement: Placement, source: str) -> Rule:
    """The graph falls into no more pieces than the placement says."""

    def more(view: FileView, context: Context) -> Iterator[Hit]:
        found = forecast(view, placement, context)
        if not found.fits:
            fallbacks = sorted({layer.op for layer in found.on(Processor.CPU)})
            yield Hit(f"an estimate of {found.pieces}, cut by {', '.join(fallbacks)}")

    return Rule(
        id=rule,
        severity=Severity.FAIL,
        sentence=f"The graph must not fall into more than {placement.most_pieces} partitions.",
        source=source,
        check=more,
        fix="Replace the ops that run on the CPU, or cut the model in front of them (--cut-at).",
    )


def most_parameters(rule: str, mib: float, source: str) -> Rule:
    """No more parameters than the chip loads."""

    def more(view: FileView, _: Context) -> Iterator[Hit]:
        size = parameter_bytes(view)
        if size > mib * _MIB:
            yield Hit(f"there are {size / _MIB:.1f} MiB")

    return Rule(
        id=rule,
        severity=Severity.FAIL,
        sentence=f"There must be no more than {mib:g} MiB of parameters.",
        source=source,
        check=more,
        fix="Choose a smaller network, or a narrower one.",
    )


def port_types(rule: str, types: Collection[str], source: str) -> Rule:
    """Inputs and outputs of the file have one of these types."""

    def other(view: FileView, _: Context) -> Iterator[Hit]:
        for index in (*view.inputs, *view.outputs):
            tensor = view.tensors[index]
            if tensor.dtype not in types:
                yield Hit(f"it is {tensor.dtype}", tensor.name)

    return Rule(
        id=rule,
        severity=Severity.FAIL,
        sentence=f"Inputs and outputs must be {_either(types)}.",
        source=source,
        check=other,
        fix="Convert with --input-dtype and --output-dtype.",
    )


def _either(values: Collection[object]) -> str:
    """`1, 2 or 3`."""
    *others, last = sorted(map(str, values), key=lambda text: (len(text), text))
    return f"{listed(others, len(others))} or {last}" if others else last
