"""The models that rewrites have to be good for: the zoo, exports of frameworks, and the operator models of `onnx`."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.corpus.networks.base import Network

type Shape = tuple[int, ...]

OPSETS = (11, 17)
"""What the exporter that traces is asked for in turn: before GELU and normalizations were operators, and since."""

BY_DYNAMO = ("shufflenet_v2", "encoder", "interleaved", "mask_head", "panorama", "yolov8")
"""One network of each kind is exported in the other way as well, which takes a second for each."""

_CASES = Path(onnx.__file__).parent / "backend" / "test" / "data"
_KERAS = Path(__file__).with_name("keras_network.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model.

    Attributes:
        name: for messages.
        model: a file, or the model itself.
        shape: of its only input, where its batch is more than one.
        whole: whether every stage has to take it; the models of `onnx` hold operators that nothing here converts.
    """

    name: str
    model: Path | onnx.ModelProto
    shape: Shape | None = None
    whole: bool = True


def zoo_models(zoo: Path) -> Iterator[Entry]:
    """All of them."""
    for path in sorted(zoo.glob("*/model.onnx")):
        yield Entry(name=path.parent.name, model=path)


def exports(folder: Path) -> Iterator[Entry]:
    """What PyTorch's two exporters, Keras and TensorFlow make of networks, written into a folder."""
    keras = subprocess.Popen(
        [sys.executable, str(_KERAS), str(folder / "keras.onnx")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield from _torch_exports(folder)
    finally:
        said, _ = keras.communicate()
    assert keras.returncode == 0, said.decode()[-2000:]
    yield Entry(name="keras", model=folder / "keras.onnx")
    yield Entry(name="keras by TensorFlow", model=folder / "keras.keras")


def _torch_exports(folder: Path) -> Iterator[Entry]:
    import torch

    from tests.corpus.networks import NETWORKS

    asked: list[tuple[Network, int | None]]
    asked = [(network, max(network.opset, opset)) for network, opset in zip(NETWORKS, cycle(OPSETS), strict=False)]
    asked += [(network, None) for network in NETWORKS if network.name in BY_DYNAMO]
    for network, opset in asked:
        path = folder / f"{network.name}-{opset or 'dynamo'}.onnx"
        torch.manual_seed(0)
        inputs = tuple(torch.randn(shape) for shape in network.shapes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a trace that depends on shapes, of an exporter that is old
            torch.onnx.export(
                network.build().eval(), inputs, path, opset_version=opset, dynamo=opset is None, verbose=False
            )
        yield Entry(name=path.stem, model=path)


def operator_models() -> Iterator[Entry]:
    """The examples of ONNX's operators, the first of all that hold the same operators with the same attributes.

    The first float input stays one; what else a model reads becomes a constant with the values of its example.
    """
    seen: set[tuple[str, ...]] = set()  # of operators and attributes, in order
    for path in sorted(_CASES.glob("*/*/model.onnx")):
        proto = onnx.load(path)
        operators = tuple(name for n in proto.graph.node for name in (n.op_type, *(a.name for a in n.attribute)))
        if operators not in seen and (bound := _bound(proto, path.parent / "test_data_set_0")) is not None:
            seen.add(operators)
            dims = bound.graph.input[0].type.tensor_type.shape.dim
            shape = tuple(dim.dim_value for dim in dims)
            yield Entry(name=path.parent.name, model=bound, shape=shape if all(shape) else None, whole=False)


def _bound(proto: onnx.ModelProto, example: Path) -> onnx.ModelProto | None:
    """The model of one input; None for one without a float input, or that reads more than tensors."""
    graph = proto.graph
    weights = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in weights]
    if any(value.type.WhichOneof("value") != "tensor_type" for value in given):
        return None
    kept = next((value for value in given if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT), None)
    if kept is None or not kept.type.tensor_type.shape.dim:
        return None
    for index, value in enumerate(given):
        if value is not kept:
            graph.initializer.append(onnx.load_tensor(example / f"input_{index}.pb"))
            graph.initializer[-1].name = value.name
    del graph.input[:]
    graph.input.append(kept)
    return proto
