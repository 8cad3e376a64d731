"""Functions that are to be compiled by XLA, as functions like any other: tf2onnx sees into no others.

Keras has its grouped convolutions compiled, because TensorFlow's own kernel for processors lacks them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "_XlaMustCompile"


@contextmanager
def tracing_plainly() -> Iterator[None]:
    """Within it, `tf.function` compiles nothing."""
    import tensorflow as tf

    original = tf.function

    def plain(*arguments: Any, jit_compile: bool | None = None, **settings: Any) -> Any:  # noqa: ARG001 - left out
        return original(*arguments, **settings)

    tf.function = plain
    try:
        yield
    finally:
        tf.function = original


def unmark(library: Any) -> None:
    """Take the mark off the functions of a SavedModel's graph, and off what calls them, in place."""
    for function in library.function:
        function.attr.pop(_MARK, None)
        for node in function.node_def:
            node.attr.pop(_MARK, None)
