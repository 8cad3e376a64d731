"""A forecast in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dlpuconv.language.brief import listed
from dlpuconv.placement.forecast import BEHIND
from dlpuconv.placement.partition import Processor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.placement.forecast import Forecast, LayerPlacement, Memory

_SHOWN = 6
_MOST = 0.5
"""A smaller share of the work on the accelerator is worth a warning."""


def sentences(found: Forecast) -> tuple[str, ...]:
    """One line for each thing worth knowing, the most important first."""
    lines = [_work(found)]
    if cpu := found.on(Processor.CPU):
        share = sum(layer.macs for layer in cpu) / found.macs if found.macs else 0.0
        lines.append(f"{_layers(cpu)} on the CPU{f' ({percent(share)} of the MACs)' if share else ''}: {_ops(cpu)}")
    if uncertain := found.uncertain:
        lines.append(
            f"{_layers(uncertain)} probably on the {found.accelerator}, which no source confirms: {_ops(uncertain)}"
        )
    if found.memory is not None and found.memory.used:  # inside a compiled part, nothing is visible
        lines.append(_memory(found.memory, found.accelerator))
    return tuple(lines)


def warnings(found: Forecast) -> tuple[str, ...]:
    """What the user has to know: that the chip's accelerator does little of the work, and which layer is to blame."""
    share = found.accelerated_share
    blamed = _blamed(found.on(Processor.CPU))
    if share is None or share >= _MOST or blamed is None:
        return ()
    done = f"only {percent(share)} of the MACs run" if share else "none of the MACs runs"
    return (f"{done} on the {found.accelerator}, because of {blamed.op} {blamed.name!r}: {blamed.why}",)


def _blamed(left: tuple[LayerPlacement, ...]) -> LayerPlacement | None:
    """The first layer that the accelerator does not take, of the piece of the CPU that has the most work."""
    work: Counter[int] = Counter()
    for layer in left:
        work[layer.piece] += layer.macs
    refused = [layer for layer in left if layer.why != BEHIND]
    return max(refused, key=lambda layer: work[layer.piece], default=None)  # the first one of equals


def _work(found: Forecast) -> str:
    pieces = found.accelerated_pieces
    if not pieces:
        return f"nothing runs on the {found.accelerator}"
    text = f"{_share(found)} on the {found.accelerator}, in {plural(pieces, 'partition')}"
    if found.pieces == pieces and found.most_pieces is None:
        return text
    allowed = "" if found.most_pieces is None else f"; the chip takes at most {found.most_pieces}"
    with_cpu = "" if found.pieces == pieces else f"{found.pieces} including those on the CPU"
    return f"{text} ({(with_cpu + allowed).removeprefix('; ')})"


def _share(found: Forecast) -> str:
    share = found.accelerated_share
    if not found.on(Processor.CPU):
        return "all layers" if share is None else f"all layers ({quantity(found.macs)} MACs)"
    if share is None:
        return f"{len(found.on(Processor.DLPU))} of {plural(len(found.layers), 'layer')}"
    return f"{percent(share)} of the {quantity(found.macs)} MACs"


def _memory(memory: Memory, accelerator: str) -> str:
    used = f"parameters use {memory.used / 2**20:.1f} of about {memory.limit / 2**20:.1f} MiB on the {accelerator}"
    return used if memory.fits else f"{used}: what does not fit is loaded again for every frame, which is slow"


def _layers(layers: Iterable[LayerPlacement]) -> str:
    return plural(len(list(layers)), "layer")


def _ops(layers: Iterable[LayerPlacement]) -> str:
    """`SOFTMAX, MUL 3`, most frequent first."""
    counts = Counter(layer.op for layer in layers).most_common()
    return listed((op if count == 1 else f"{op} {count}" for op, count in counts), _SHOWN)


def percent(share: float) -> str:
    """One decimal, and neither 0 nor 100 for what is only close to it."""
    if 0.0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1.0:
        return "more than 99.9 %"
    return f"{share:.1%}".replace("%", " %").replace(".0 %", " %")


def quantity(count: int) -> str:
    """`7`, `12.3 k`, `301 M`, `4.1 G`."""
    value = float(count)
    for unit in ("", " k", " M", " G"):
        if value < 999.5:
            return f"{value:.3g}{unit}" if unit else str(count)
        value /= 1000
    return f"{value:.3g} T"


def plural(number: int, noun: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
