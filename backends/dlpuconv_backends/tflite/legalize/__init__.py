"""Operators that have no int8 kernel, or one that does harm, rewritten into operators that have a good one.

One rewrite a file; each says in its first line what becomes of what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.tflite.legalize import (
    add_n_to_add,
    cast_to_select,
    div_to_mul,
    merge_constants,
    neg_to_mul,
    pow_to_mul,
    sign_to_select,
    square_to_mul,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv_backends.flatbuffer import Graph

REWRITES: tuple[tuple[str, Callable[[Graph], list[str]]], ...] = (
    ("POW -> MUL, SQRT, RSQRT", pow_to_mul.rewrite),  # first: makes the SQRT that a division looks for
    ("SQUARE -> MUL", square_to_mul.rewrite),
    ("ADD_N -> ADD", add_n_to_add.rewrite),
    ("NEG -> MUL", neg_to_mul.rewrite),
    ("DIV -> MUL", div_to_mul.rewrite),  # after all that makes square roots
    ("SIGN -> SELECT_V2", sign_to_select.rewrite),
    ("CAST -> SELECT_V2", cast_to_select.rewrite),
    ("MUL, ADD by constants -> one of each", merge_constants.rewrite),  # after all that makes such operators
)
"""In order."""


def legalize(graph: Graph) -> dict[str, list[str]]:
    """Apply every rewrite to the float graph, in place.

    Returns:
        By rewrite that applied: the ONNX nodes that it changed.
    """
    done = {title: rewrite(graph) for title, rewrite in REWRITES}
    return {title: names for title, names in done.items() if names}
