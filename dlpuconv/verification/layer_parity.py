"""What was found out about a file layer by layer, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.jsonable import finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json

_MOVES = frozenset({
    "QUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PAD", "PADV2", "SLICE", "STRIDED_SLICE", "SPLIT",
    "SPLIT_V", "PACK", "UNPACK", "GATHER", "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "Reshape",
    "Squeeze", "Unsqueeze", "Transpose", "Pad", "Slice", "Split", "Gather", "Identity", "Flatten",
})  # fmt: skip
"""Ops that move values and change none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerParity:
    """What a layer makes beside the source's value of the same name; ratios as in `OutputParity`.

    Attributes:
        index: of the layer, in the file's order.
        tensor: index of what it makes.
        names: of the layer.
        op: of the layer.
        source: name of the value in the source model.
        sqnr_db: with all that the layers before it lost; None where nothing is lost, or the source is zero throughout.
        exact: True where the values are the very same.
        cosine: None where one of them is zero throughout.
        max_error: in real units.
        peak: largest magnitude of the source's value, in real units.
    """

    index: int
    tensor: int
    names: LayerNames
    op: str
    source: str
    sqnr_db: float | None
    exact: bool
    cosine: float | None
    max_error: float
    peak: float

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {
            "index": self.index,
            **self.names.to_json(),
            "op": self.op,
            "source": self.source,
            "sqnr_db": None if self.sqnr_db is None else round(self.sqnr_db, 2),
            "exact": self.exact,
            "cosine": None if self.cosine is None else round(self.cosine, 6),
            "max_error": finite(self.max_error),
            "peak": finite(self.peak),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LayersReport:
    """Every layer that has a counterpart in the source model.

    Attributes:
        samples: how many were looked at.
        layers: in the file's order.
        not_compared: names of the layers without a counterpart.
        likeness: `equal`, or in what values may differ: `scaled` or `affine`, by channel, after equalization.
        codes: [256] how often each code of an 8-bit activation occurred, the lowest first, by tensor index.
    """

    samples: int
    layers: tuple[LayerParity, ...]
    not_compared: tuple[str, ...] = ()
    likeness: str = "equal"
    codes: Mapping[int, npt.NDArray[np.int64]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def worst(self) -> tuple[LayerParity, ...]:
        """Layers that compute and have an SQNR, the lowest first; other layers only move values."""
        rated = [
            (layer.sqnr_db, layer.index, layer)
            for layer in self.layers
            if layer.sqnr_db is not None and layer.op not in _MOVES
        ]
        return tuple(layer for _, _, layer in sorted(rated, key=lambda entry: entry[:2]))

    def to_json(self) -> dict[str, Json]:
        """JSON-safe; without the histograms."""
        layers: list[Json] = [layer.to_json() for layer in self.layers]
        return {
            "samples": self.samples,
            "likeness": self.likeness,
            "compared": layers,
            "not_compared": list(self.not_compared),
        }
