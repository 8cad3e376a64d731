"""A network as TensorFlow's toolkit for quantized training (tfmot) writes it.

The toolkit itself needs Keras 2 in the place of Keras. Its wrappers are written out here: a layer in front that rounds
what the network takes; around each layer one that rounds its weights, symmetrically and without the lowest code, and
what it makes. Normalizations stay by themselves, and what they read is not rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 16
TAKEN = (-1.0, 0.9)
"""The range of what it takes."""
MADE = {"relu": (0.0, 6.0), "depthwise": (0.0, 2.5), "pooled": (0.0, 1.7), "scores": (-2.3, 1.9)}
"""The ranges of what its layers make."""


def network(keras: Any, tf: Any) -> Any:
    """A convolution with a normalization, a depthwise one, a mean and a dense layer.

    Args:
        keras: Keras 2.
        tf: TensorFlow.
    """
    quantized, wrapper = _classes(keras, tf)
    keras.utils.set_random_seed(3)
    layers = keras.layers
    norm = layers.BatchNormalization(name="norm")
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = quantized(name="quantize_layer")(image)
    x = wrapper(layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem"), "kernel", per_channel=True)(x)
    x = wrapper(norm)(x)
    x = wrapper(layers.ReLU(6.0, name="relu"))(x)
    x = wrapper(layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"), "depthwise_kernel")(x)
    x = wrapper(layers.GlobalAveragePooling2D(name="pooled"))(x)
    x = wrapper(layers.Dense(4, name="scores"), "kernel")(x)
    norm.moving_mean.assign(np.linspace(-0.2, 0.2, 8))
    norm.moving_variance.assign(np.linspace(0.5, 2.0, 8))
    return keras.Model(image, x)


def _classes(keras: Any, tf: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    fake, fake_per_channel = (
        tf.quantization.fake_quant_with_min_max_vars, tf.quantization.fake_quant_with_min_max_vars_per_channel
    )  # fmt: skip

    def variable(layer: Any, name: str, value: Any) -> Any:
        given = keras.initializers.Constant(value)
        return layer.add_weight(name, shape=np.shape(value), initializer=given, trainable=False)

    class QuantizeLayer(keras.layers.Layer):  # type: ignore[misc]
        def build(self, _: Any) -> None:
            self.ends = [
                variable(self, f"quantize_layer_{n}", end) for n, end in zip(("min", "max"), TAKEN, strict=True)
            ]

        def call(self, x: Any) -> Any:
            return fake(x, *self.ends)

    class QuantizeWrapperV2(keras.layers.Wrapper):  # type: ignore[misc]
        def __init__(self, layer: Any, weights: str = "", *, per_channel: bool = False) -> None:
            super().__init__(layer, name=f"quant_{layer.name}")
            self.rounded, self.per_channel = weights, per_channel

        def build(self, shape: Any) -> None:
            super().build(shape)
            if self.rounded:
                self.own = getattr(self.layer, self.rounded)
                largest = np.abs(self.own.numpy()).max(axis=(0, 1, 2) if self.per_channel else None)
                self.reach = [variable(self, "kernel_min", -largest), variable(self, "kernel_max", largest)]
            if self.layer.name in MADE:
                self.ends = [
                    variable(self, f"output_{n}", end)
                    for n, end in zip(("min", "max"), MADE[self.layer.name], strict=True)
                ]

        def call(self, x: Any) -> Any:
            if self.rounded:
                rounding = fake_per_channel if self.per_channel else fake
                setattr(self.layer, self.rounded, rounding(self.own, *self.reach, narrow_range=True))
            made = self.layer.call(x)
            return fake(made, *self.ends) if self.layer.name in MADE else made

    return QuantizeLayer, QuantizeWrapperV2
