"""Small networks and their packages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from tests.models.cifar import CALIBRATION
from tests.whole_zoo import SMALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.workflow.conversion import Conversion

MODEL, IMAGES = SMALL / "cifar_mobilenetv2.onnx", CALIBRATION
MEAN, STD = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)
RNG = np.random.default_rng(5)


def network(inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, str]) -> onnx.ModelProto:
    """Each output is a convolution (of images) or a Relu of the input that it names."""
    nodes, constants = [], []
    for number, (output, source) in enumerate(outputs.items()):
        if len(inputs[source]) == 4:
            weights = RNG.standard_normal((2, inputs[source][1], 3, 3)).astype(np.float32)
            constants.append(numpy_helper.from_array(weights, f"w{number}"))
            nodes.append(helper.make_node("Conv", [source, f"w{number}"], [output], pads=[1, 1, 1, 1]))
        else:
            nodes.append(helper.make_node("Relu", [source], [output]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def converted(model: Any, folder: Path, **options: Any) -> Path:
    """The package of a model, saved below a folder."""
    return saved(dlpuconv.convert(model, target=options.pop("target", "cv25"), cache=False, **options), folder)


def saved(conversion: Conversion, folder: Path) -> Path:
    (package,) = conversion.save(folder)
    return package


def two_views(folder: Path, *, bare: bool = False) -> Path:
    """Two inputs with names that no command line takes, of which one is no image; three outputs; perhaps no data."""
    model = network(
        {"left/view:0": (1, 3, 8, 20), "größe und |x|": (1, 5)},
        {"a:0": "left/view:0", "b b": "größe und |x|", "c": "left/view:0"},
    )
    samples = {
        "left/view:0": RNG.integers(0, 256, (7, 3, 8, 20)).astype(np.float32),
        "größe und |x|": RNG.standard_normal((7, 5)).astype(np.float32),
    }
    return converted(model, folder, calibration=None if bare else samples)


def gray(folder: Path, **options: Any) -> Path:
    return converted(network({"x": (1, 1, 8, 32)}, {"y": "x"}), folder, **options)
