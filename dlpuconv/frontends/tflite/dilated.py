"""SPACE_TO_BATCH_ND -> convolution -> BATCH_TO_SPACE_ND becomes one convolution with dilations.

TensorFlow spells dilated convolutions that way; its converter joins them again where it sees them. A convolution of
every n-th pixel, for each of the n * n beginnings, is one whose weights lie n pixels apart. What the last operator
crops, the first one need not have padded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.formats.view import FileView, LayerView, Option

PADS: Final = "pads"
"""Option of such a convolution: rows and columns to add (top, left, bottom, right), in the place of `padding`."""
_CONVOLUTIONS: Final = {"CONV_2D", "DEPTHWISE_CONV_2D"}
_PLAIN: Final = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1, "padding": "VALID"}


def join_dilated(view: FileView) -> FileView:
    """The file with each such convolution as one operator."""
    joined: dict[int, LayerView | None] = {}
    for split in view.layers:
        layers = _around(view, split)
        if layers is not None and (made := _joined(view, *layers)) is not None:
            joined |= {layers[0].index: None, layers[1].index: None, layers[2].index: made}
    kept = (joined.get(layer.index, layer) for layer in view.layers)
    return replace(view, layers=tuple(layer for layer in kept if layer is not None)) if joined else view


def _around(view: FileView, split: LayerView) -> tuple[LayerView, LayerView, LayerView] | None:
    """The three operators, where nothing else reads what is between them."""
    if split.op != "SPACE_TO_BATCH_ND":
        return None
    convolution = _only_reader(view, split)
    whole = _only_reader(view, convolution) if convolution and convolution.op in _CONVOLUTIONS else None
    return (split, convolution, whole) if convolution and whole and whole.op == "BATCH_TO_SPACE_ND" else None


def _only_reader(view: FileView, layer: LayerView) -> LayerView | None:
    if len(layer.outputs) != 1 or layer.outputs[0] in view.outputs:
        return None
    readers = view.consumers.get(layer.outputs[0], ())
    is_data = len(readers) == 1 and readers[0].inputs.count(layer.outputs[0]) == 1
    return readers[0] if is_data and readers[0].inputs[0] == layer.outputs[0] else None


def _joined(view: FileView, split: LayerView, convolution: LayerView, whole: LayerView) -> LayerView | None:
    block, again = _numbers(view, split, 1), _numbers(view, whole, 1)
    added, cropped = _numbers(view, split, 2), _numbers(view, whole, 2)
    fits = len(block) == 2 and block == again and len(added) == len(cropped) == 4
    if not fits or not _is_plain(convolution.options):
        return None
    top, bottom, left, right = (more - less for more, less in zip(added, cropped, strict=True))
    if min(top, bottom, left, right) < 0:
        return None
    apart: dict[str, Option] = {
        "dilation_h_factor": block[0],
        "dilation_w_factor": block[1],
        PADS: (top, left, bottom, right),
    }
    return replace(
        convolution,
        inputs=(split.inputs[0], *convolution.inputs[1:]),
        outputs=whole.outputs,
        options={**convolution.options, **apart},
        names=whole.names,
    )


def _is_plain(options: Mapping[str, object]) -> bool:
    return all(options.get(name) == value for name, value in _PLAIN.items())


def _numbers(view: FileView, layer: LayerView, position: int) -> list[int]:
    """The integers of a constant; none where it is something else."""
    index = layer.inputs[position] if position < len(layer.inputs) else -1
    data = view.tensors[index].data if index >= 0 else None
    return [int(number) for number in data.reshape(-1)] if data is not None and data.dtype.kind in "iu" else []
