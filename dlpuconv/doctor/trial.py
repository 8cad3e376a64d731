"""What the worker of an examination does: converts a network of one layer. Not to be imported.

It imports all that a conversion imports, so that whoever examines need not, and outlives what a broken library does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.errors import DlpuconvError, MissingDependencyError
from dlpuconv.jsonable import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task

_IMAGE = (1, 3, 16, 16)
_CHANNELS = 8
_SAMPLES = 8


def one_layer() -> Any:
    """A convolution of 3x3 with fixed weights, as a ModelProto."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weights = np.cos(np.arange(_CHANNELS * _IMAGE[1] * 9, dtype=np.float32)).reshape(_CHANNELS, _IMAGE[1], 3, 3)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weights"], ["scores"], "layer", pads=[1, 1, 1, 1])],
        "one_layer",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, _IMAGE)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, _CHANNELS, *_IMAGE[2:]))],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convert(facts: Facts, _arrays: Arrays) -> tuple[Facts, Arrays]:
    """Convert the network for `target`, run the file and verify it.

    Answers with `attendants`, the backend's own workers, and where that fails with `obstacle`, and with `remedy` where
    one is known.
    """
    import numpy as np

    import dlpuconv
    from dlpuconv.registry import load_backend, load_target

    samples = np.sin(np.arange(_SAMPLES * np.prod(_IMAGE), dtype=np.float32)).reshape(_SAMPLES, *_IMAGE[1:])
    attendants: list[Any] = []
    try:
        attendants += plain(load_backend(load_target(facts["target"]).backend).attendants())
        made = dlpuconv.convert(
            one_layer(),
            target=facts["target"],
            calibration=samples,
            validation=samples,
            effort="fast",
            cache=False,
            progress=None,
        )
    except MissingDependencyError as error:
        return {"attendants": attendants, "obstacle": str(error), "remedy": error.remedy}, {}
    except DlpuconvError as error:
        return {"attendants": attendants, "obstacle": str(error), "remedy": ""}, {}
    reasons = "; ".join(made.report.reasons)
    obstacle = "" if made.report.passed else f"the file of a network of one layer does not pass: {reasons}"
    return {"attendants": attendants, "obstacle": obstacle, "remedy": ""}, {}


def backends(_facts: Facts, _arrays: Arrays) -> tuple[Facts, Arrays]:
    """`problems`: of the installed backends that do not load, the reason by name.

    One that is built in and lacks its own extra is none of them.
    """
    from dlpuconv.registry import backend_names, load_backend

    problems = {}
    for name in backend_names():
        try:
            load_backend(name)
        except MissingDependencyError:
            continue
        except DlpuconvError as error:
            problems[name] = str(error)
    return {"problems": problems}, {}


TASKS: Mapping[str, Task] = {"backends": backends, "convert": convert}
