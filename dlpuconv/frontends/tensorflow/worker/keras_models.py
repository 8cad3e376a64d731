"""What a Keras model takes and gives."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.tensorflow.worker.functions import Function, FunctionInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def function_of(model: Any) -> Function:
    """The function that a model computes when it does not train.

    Args:
        model: of Keras.

    Raises:
        UnsupportedModelError: it does not say what it takes.
    """
    import keras
    import tensorflow as tf

    taken = getattr(model, "inputs", None)
    if not taken:
        raise UnsupportedModelError(
            "the model does not say what it takes: give it a keras.Input, or call it once, before it is saved",
            id="keras-no-inputs",
        )
    _unroll(model)
    structure = getattr(model, "_inputs_struct", None)  # Keras has no public name for it
    specs = [tf.TensorSpec(value.shape, value.dtype) for value in taken]

    def traced(*tensors: Any) -> Sequence[Any]:
        given: Any = tensors[0] if len(tensors) == 1 else list(tensors)
        if structure is not None:
            given = keras.tree.pack_sequence_as(structure, list(tensors))
        return list(keras.tree.flatten(model(given, training=False)))

    # For a batch of any size, as model.export does it, so that either way leads to the same graph; layers that ask for
    # an extent that is not known are given it.
    settled = all(value.shape is not None and None not in value.shape[1:] for value in taken)
    call = tf.function(traced, input_signature=specs, autograph=False) if settled else traced

    return Function(
        inputs=tuple(map(_port, taken)),
        outputs=_output_names(model),
        call=lambda tensors: call(*tensors),
    )


def _unroll(model: Any) -> None:
    """Let recurrent layers compute step by step instead of in a loop, in place; tf2onnx knows an LSTM by its loop."""
    import keras

    for layer in model._flatten_layers():  # Keras has no public name for it
        if isinstance(layer, keras.layers.RNN) and not isinstance(layer, keras.layers.LSTM):
            layer.unroll = True


def _port(value: Any) -> FunctionInput:
    import tensorflow as tf

    shape = None if value.shape is None else tuple(value.shape)
    return FunctionInput(name=value.name, shape=shape, dtype=tf.as_dtype(value.dtype).name)


def _output_names(model: Any) -> tuple[str, ...]:
    """The keys of a model that gives a dict, `outer_inner` of dicts in it; else the layers that make the outputs."""
    import keras

    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return tuple("_".join(map(str, path)) for path, _ in keras.tree.flatten_with_path(structure))
    made = [_maker(value) for value in model.outputs]
    seen: Counter[str] = Counter()
    names = []
    for name in made:
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return tuple(names)


def _maker(value: Any) -> str:
    """The layer that makes a value."""
    history = value._keras_history  # Keras has no public name for it
    return str((history.operation if hasattr(history, "operation") else history.layer).name)  # Keras 3, or 2
