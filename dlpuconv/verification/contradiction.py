"""Which activations bear a source value's name and hold something else.

Names are tracked through lowering, but a rewrite may move arithmetic across what bears a name: a factor that another
layer takes out (the root of an attention's width), a batch normalization pulled through a Resize. Such a value looks
destroyed, and what is made of it is sound. An error does not vanish, so the two cannot both be true: the value is
another one, and is not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.formats import FileView, LayerView
    from dlpuconv.verification.comparison import Comparison

_JOIN = frozenset({"ADD", "SUB", "CONCATENATION"})
"""Ops in whose result the noise of every part is, however small the part."""
_KEEP = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL", "RESHAPE", "TRANSPOSE",
    "SQUEEZE", "EXPAND_DIMS", "PAD", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
})  # fmt: skip
"""Ops that mix or move what they read, noise and signal alike."""
_LOST_DB = 3.0
_BETTER_DB = 10.0
_MORE_NOISE = 4.0


def contradicted(view: FileView, comparisons: Mapping[int, Comparison]) -> Iterator[int]:
    """Indices of tensors that look destroyed although a layer that reads them makes what it should.

    Args:
        view: the file.
        comparisons: of all samples, by index of the tensor.
    """
    for index, comparison in comparisons.items():
        db = comparison.decibels
        if db is None or db >= _LOST_DB:
            continue
        if any(_is_sound(comparison, reader, made) for reader, made in _judges(view, index, comparisons)):
            yield index


def _judges(
    view: FileView, index: int, comparisons: Mapping[int, Comparison]
) -> Iterator[tuple[LayerView, Comparison]]:
    """The layers that read a tensor with what became of their results; those without a counterpart are passed by."""
    waiting, seen = [index], {index}
    while waiting:
        for reader in view.consumers.get(waiting.pop(), ()):
            for made in reader.outputs:
                if made in comparisons:
                    yield reader, comparisons[made]
                elif reader.op in _KEEP and made not in seen:
                    seen.add(made)
                    waiting.append(made)


def _is_sound(comparison: Comparison, reader: LayerView, made: Comparison) -> bool:
    """Whether a reader's result is better than anything made of such a value could be."""
    if reader.op in _JOIN:
        return comparison.noise > _MORE_NOISE * made.noise
    if reader.op in _KEEP:
        return made.decibels is None or made.decibels > (comparison.decibels or 0.0) + _BETTER_DB
    return False
