"""The list of layers as values: texts for its cells, and what it is filtered and sorted by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of the list: texts, and what it can be filtered and sorted by.

    Attributes:
        anchor: id of the row.
        number: in the file's order.
        op: of the layer.
        options: stride, padding and the like.
        name: that it is shown under.
        context: PyTorch module that it is in, where the name does not say so; may be empty.
        others: what else it may be called: ONNX node, values, tensor in the file.
        reads: numbers of the layers whose results it reads.
        shape: of what it makes.
        dtype: likewise.
        scale: likewise; empty for float.
        zero_point: likewise.
        weights: how many scales, dtype and shape; empty for a layer without weights.
        weight_scale: theirs, or from where to where theirs go; empty for float.
        granularity: `per tensor`, `per channel`, `float32`, ... or empty: the filter's value.
        macs: multiply-accumulates, short.
        mac_count: to sort by.
        processor: what runs it; empty where nothing is known.
        why: why it runs there.
        certain: False where it runs there as far as anybody knows.
        so_far: dB beside the source, with all that the layers before it lost; empty where not compared.
        alone: dB at the outputs where it alone computes in integers; empty where not measured.
        cosine: beside the source.
        max_error: beside the source.
        band: `good`, `fair` or `poor` by `so_far`; empty where not compared.
        db: `so_far` to sort by.
    """

    anchor: str
    number: int
    op: str
    options: str
    name: str
    context: str
    others: tuple[str, ...]
    reads: tuple[int, ...]
    shape: str
    dtype: str
    scale: str
    zero_point: str
    weights: str
    weight_scale: str
    granularity: str
    macs: str
    mac_count: int
    processor: str
    why: str
    certain: bool
    so_far: str
    alone: str
    cosine: str
    max_error: str
    band: str
    db: float

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the layer."""
        return tuple(filter(None, (self.name, self.context, *self.others)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerList:
    """All layers, and what columns and filters they need.

    Attributes:
        rows: in the file's order.
        more: how many further layers are left out, in words.
        ops: each op with how often it occurs.
        granularities: the filter's values.
        processors: likewise.
        compared: True where any layer has a figure.
        alone: True where any layer has the figure of it alone.
    """

    rows: tuple[LayerRow, ...]
    more: str
    ops: tuple[tuple[str, int], ...]
    granularities: tuple[str, ...]
    processors: tuple[str, ...]
    compared: bool
    alone: bool
