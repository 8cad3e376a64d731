"""A Keras network as the files that users have of it, and what dlpuconv's float graph and integer file of each are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model
    from dlpuconv_backends.flatbuffer import Graph, Tensor
    from tests.keras_networks.networks import Network

    type Array = np.ndarray[Any, np.dtype[Any]]

COUNT = 8
"""Samples that results are compared on."""


def write(network: Network, folder: Path) -> dict[str, Path]:
    """Save a network: `keras`, `saved` (a SavedModel) and `tflite`, which TFLiteConverter makes, in float."""
    import tensorflow as tf

    found = {"keras": folder / "net.keras", "saved": folder / "net", "tflite": folder / "net.tflite"}
    network.model.save(found["keras"])
    network.model.export(str(found["saved"]), verbose=False)
    specs = [tf.TensorSpec((1, *value.shape[1:]), value.dtype, name=name) for name, value in network.samples.items()]
    inferred = tf.function(lambda *values: flat(network.model(_given(values), training=False)))
    traced = inferred.get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], inferred)
    found["tflite"].write_bytes(converter.convert())
    return found


def answers(network: Network) -> list[Array]:
    """What Keras computes of the first samples, one by one: an array for each output."""
    rows = []
    for i in range(COUNT):
        values = [value[i : i + 1] for value in network.samples.values()]
        rows.append([np.asarray(out) for out in flat(network.model(_given(values), training=False))])
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def flat(values: Any) -> list[Any]:
    """The outputs of a Keras model in their order."""
    import keras

    return list(keras.tree.flatten(values))


def _given(values: Any) -> Any:
    return list(values) if len(values) > 1 else values[0]


def float_graph(model: Model) -> Graph:
    """The float TFLite graph that is quantized, in the layout of the file's inputs."""
    from dlpuconv.passes import normalize
    from dlpuconv_backends.lowering import lower

    normal, _ = normalize(model)
    return lower(normal, layouts={spec.name: spec.layout for spec in normal.signature.inputs}).graph


def run(content: bytes, names: list[str], network: Network) -> list[Array]:
    """What a float TFLite file computes of the first samples: an array for each output.

    Args:
        content: of the file.
        names: of its inputs, in its order, as the network's samples are called.
        network: whose samples to take.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    rows = []
    for i in range(COUNT):
        for name, detail in zip(names, interpreter.get_input_details(), strict=True):
            interpreter.set_tensor(detail["index"], network.samples[name][i : i + 1])
        interpreter.invoke()
        rows.append([interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()])
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def kinds(content: bytes) -> list[str]:
    """The operators of a TFLite file, in order."""
    from dlpuconv_backends.flatbuffer import decode

    return [op.kind for op in decode(content).operators]


def integers(content: bytes) -> list[tuple[Any, ...]]:
    """All that two integer files must have in common whatever their tensors are called.

    By operator: its kind, and of each tensor its shape, type, scale and zero point, and the bytes of a constant.
    """
    from dlpuconv_backends.flatbuffer import decode

    return [
        (op.kind, *(_told(tensor) for tensor in (*op.inputs, *op.outputs) if tensor is not None))
        for op in decode(content).operators
    ]


def _told(tensor: Tensor) -> tuple[Any, ...]:
    data = None if tensor.data is None else tensor.data.tobytes()
    return (tuple(tensor.shape), str(tensor.dtype), tensor.quantization, data)
