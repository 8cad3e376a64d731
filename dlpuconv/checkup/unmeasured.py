"""A draft's layers and shapes without its numbers: what a rule needs numbers for has to wait for a conversion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.formats import FileView


def without_scales(view: FileView) -> FileView:
    """The same file, as if nobody had said the scale and zero point of any activation.

    Those of a draft are placeholders. Rules pass over what has no scale, so that none can be misled by them, whichever
    chip or plugin it belongs to; constants keep theirs, which come from the weights alone.
    """
    tensors = tuple(tensor if tensor.constant else replace(tensor, quantization=None) for tensor in view.tensors)
    return replace(view, tensors=tensors)
