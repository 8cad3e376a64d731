"""Where each layer of a file will run, as values: printed in the terminal, written to manifests, drawn in reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.jsonable import told
from dlpuconv.placement.partition import Processor

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json

BEHIND = "It comes after the cut."
"""Why a layer runs on the CPU that the accelerator would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlacement:
    """One layer.

    Attributes:
        index: in the file, in execution order.
        op: its operator.
        name: in the file.
        processor: that runs it.
        piece: number of the piece that it is in, counted from 0 in the order that the pieces run in.
        why: a sentence on what keeps the layer off the accelerator, or makes its place there uncertain; empty for a
            layer that the accelerator surely takes.
        rule: id of the rule that `why` comes from; empty for a layer after the cut, and for one that computes in
            floats.
        certain: False for a layer that runs on the accelerator as far as anybody knows.
        macs: multiply-accumulates of one inference.
        parameters: values of the constants that it reads.
    """

    index: int
    op: str
    name: str
    processor: Processor
    piece: int
    why: str = ""
    rule: str = ""
    certain: bool = True
    macs: int = 0
    parameters: int = 0

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return told(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Room for parameters on the accelerator itself, in bytes.

    Attributes:
        used: by the layers that run there.
        limit: that there is.
    """

    used: int
    limit: int

    @property
    def fits(self) -> bool:
        """False where parameters are streamed for every frame."""
        return self.used <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What will run where.

    Attributes:
        accelerator: what people call the chip's: `DLPU`, `Edge TPU`, `CVflow`.
        layers: in execution order.
        parameter_bytes: of all constants that layers read, each counted once.
        memory: on the accelerator itself; None where that does not matter, or is not known.
        most_pieces: that the chip takes; None where no such limit is known.
        estimate: what is assumed because no public source tells; empty where all is known.
    """

    accelerator: str
    layers: tuple[LayerPlacement, ...]
    parameter_bytes: int = 0
    memory: Memory | None = None
    most_pieces: int | None = None
    estimate: str = ""

    def on(self, processor: Processor) -> tuple[LayerPlacement, ...]:
        """The layers that a processor runs."""
        return tuple(layer for layer in self.layers if layer.processor is processor)

    @property
    def pieces(self) -> int:
        """Into how many pieces the graph falls, those of the CPU counted."""
        return len({layer.piece for layer in self.layers})

    @property
    def accelerated_pieces(self) -> int:
        """How many of the pieces run on the accelerator."""
        return len({layer.piece for layer in self.on(Processor.DLPU)})

    @property
    def fits(self) -> bool:
        """False for more pieces than the chip takes."""
        return self.most_pieces is None or self.pieces <= self.most_pieces

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    @property
    def accelerated_share(self) -> float | None:
        """Share of the multiply-accumulates that the accelerator does, 0 to 1; None where there are none."""
        total = self.macs
        return sum(layer.macs for layer in self.on(Processor.DLPU)) / total if total else None

    @property
    def uncertain(self) -> tuple[LayerPlacement, ...]:
        """Layers that run on the accelerator as far as anybody knows."""
        return tuple(layer for layer in self.layers if not layer.certain)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The forecast without `estimate`, in a few sentences, the most important first."""
        from dlpuconv.placement.forecast_text import sentences

        return sentences(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of it the user has to know, as sentences."""
        from dlpuconv.placement.forecast_text import warnings

        return warnings(self)

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        share, memory = self.accelerated_share, self.memory
        layers: list[Json] = [layer.to_json() for layer in self.layers]
        return {
            "accelerator": self.accelerator,
            "sentences": list(self.sentences),
            "pieces": self.pieces,
            "accelerated_pieces": self.accelerated_pieces,
            "most_pieces": self.most_pieces,
            "macs": self.macs,
            "accelerated_share": None if share is None else round(share, 6),
            "cpu_layers": len(self.on(Processor.CPU)),
            "parameter_bytes": self.parameter_bytes,
            "memory": None if memory is None else {"used": memory.used, "limit": memory.limit, "fits": memory.fits},
            "estimate": self.estimate,
            "layers": layers,
        }
