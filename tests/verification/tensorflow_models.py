"""Writes the files that people bring from TensorFlow, right and wrong: `tensorflow_models.py FOLDER`.

A program of its own, since TensorFlow warns of much while it is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

RNG = np.random.default_rng(0)
KERNELS = RNG.normal(0, 0.2, (3, 3, 3, 16)).astype(np.float32) * np.linspace(0.2, 2, 16, dtype=np.float32)
POINTWISE = RNG.normal(0, 0.2, (1, 1, 16, 64)).astype(np.float32)
SHAPE = (1, 16, 16, 3)
BUILTINS, INT8 = tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.TFLITE_BUILTINS_INT8
INT16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def network(between: Callable[[Any], Any] = tf.nn.relu) -> Callable[[Any], Any]:
    """Two convolutions, and what is between them."""

    def run(x: Any) -> Any:
        hidden = between(tf.nn.bias_add(tf.nn.conv2d(x, KERNELS, 1, "SAME"), np.linspace(-1, 1, 16, dtype=np.float32)))
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(hidden, POINTWISE, 1, "SAME"), np.zeros(64, np.float32)))

    return run


def converter(run: Callable[[Any], Any], shape: tuple[int | None, ...] = SHAPE) -> Any:
    """Of a function of one input."""
    function = tf.function(run, input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])
    return tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)


def integer(made: Any, *ops: Any, per_channel: bool = False, ends: Any = tf.uint8, batch: int = 1) -> bytes:
    """Full-integer quantization as the cameras' documentation describes it."""

    def samples() -> Iterator[list[np.ndarray[Any, Any]]]:
        for _ in range(8):
            yield [RNG.uniform(0, 1, (batch, *SHAPE[1:])).astype(np.float32)]

    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.representative_dataset = samples
    made.target_spec.supported_ops = [*(ops or [INT8])]
    made.inference_input_type = made.inference_output_type = ends
    made._experimental_disable_per_channel = not per_channel
    return bytes(made.convert())


def weights_only(**settings: Any) -> bytes:
    """Without a representative data set: dynamic range, or float16."""
    made = converter(network())
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    for name, value in settings.items():
        setattr(made.target_spec, name, value)
    return bytes(made.convert())


def foreign(x: Any) -> Any:
    """An operator that TensorFlow Lite has no kernel of its own for."""
    return tf.linalg.inv(x)


def with_foreign(**settings: Any) -> bytes:
    """A network with an operator that TensorFlow Lite does not have."""
    made = converter(network(foreign))
    made.target_spec.supported_ops = settings.pop("ops", [BUILTINS])
    made.allow_custom_ops = settings.pop("custom", False)
    return bytes(made.convert())


FILES: dict[str, Callable[[], bytes]] = {
    "sound": lambda: integer(converter(network())),
    "per_channel": lambda: integer(converter(network()), per_channel=True),
    "float": lambda: bytes(converter(network()).convert()),
    "dynamic_range": weights_only,
    "float16": lambda: weights_only(supported_types=[tf.float16]),
    "int16": lambda: integer(converter(network()), INT16, ends=tf.int16),
    "hidden_float": lambda: integer(converter(network(tf.math.sin)), INT8, BUILTINS),
    "flex": lambda: with_foreign(ops=[BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]),
    "custom": lambda: with_foreign(custom=True),
    "batch_of_two": lambda: integer(converter(network(), (2, *SHAPE[1:])), batch=2),
    "dynamic": lambda: integer(converter(network(), (None, *SHAPE[1:]))),
}

if __name__ == "__main__":
    for name, make in FILES.items():
        (Path(sys.argv[1]) / f"{name}.tflite").write_bytes(make())
