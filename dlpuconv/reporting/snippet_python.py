"""Python to copy: runs a file, from what an application has to what the source model would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.reporting.contract import INTEGERS, takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin import Port
    from dlpuconv.reporting.contract import Contract

_TFLITE = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

# The plain integer kernels: what the report was measured on.
network = Interpreter({file}, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
network.allocate_tensors()


def infer(*codes):
    for port, value in zip(network.get_input_details(), codes):
        network.set_tensor(port["index"], value)
    network.invoke()
    return [network.get_tensor(port["index"]) for port in network.get_output_details()]
"""
_ONNX = """\
import numpy as np
import onnxruntime

network = onnxruntime.InferenceSession({file})


def infer(*values):
    return network.run(None, {{port.name: value for port, value in zip(network.get_inputs(), values)}})
"""


def python_snippet(file: str, contract: Contract, runs: str) -> str:
    """A module with a function `run`, which takes each input and gives the outputs by name.

    Args:
        file: path for the reader to change.
        contract: of both ends.
        runs: `tflite`, or `onnx` for what ONNX Runtime runs.
    """
    names = [f"x{number}" for number in range(len(contract.inputs))] if len(contract.inputs) != 1 else ["x"]
    body = [
        f"def run({', '.join(names)}):",
        '    """Gives real values by name, in the source model\'s order of axes."""'
        if contract.known
        else '    """Gives real values by name."""',
        *(line for name, port in zip(names, contract.inputs, strict=True) for line in _fed(name, port, contract)),
        f"    raw = infer({', '.join(names)})",
        *_answer(contract),
    ]
    head = (_TFLITE if runs == "tflite" else _ONNX).format(file=repr(file))
    return "\n".join([head, "", *body, ""])


def _fed(name: str, port: Port, contract: Contract) -> Iterator[str]:
    """What an input is, and how it becomes codes; raw pixels of the file's own type are codes already."""
    yield f"    # {name}: {list(port.shape)}, {takes(port, contract)}"
    if port.scale is None or port.zero_point is None or port.dtype not in INTEGERS:
        yield f"    {name} = np.asarray({name}, np.{_numpy(port.dtype)})"
        return
    if port.scale == 1.0 and port.zero_point == 0 and port.dtype == "uint8":
        yield f"    {name} = np.asarray({name}, np.uint8)"
        return
    limits = np.iinfo(port.dtype)
    rounded = f"np.rint(np.asarray({name}, np.float64) / {float(np.float32(port.scale))!r}) + {port.zero_point}"
    yield f"    {name} = np.clip({rounded}, {limits.min}, {limits.max}).astype(np.{port.dtype})"


def _answer(contract: Contract) -> Iterator[str]:
    """The outputs in real units; the parts of one source output are put together again."""
    whole = {port.name: _real(number, port) for number, port in enumerate(contract.outputs) if port.part is None}
    parts: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for number, port in enumerate(contract.outputs):
        if port.part is not None:
            parts.setdefault((port.part.output, port.part.axis), []).append((port.part.start, _real(number, port)))
    yield "    return {"
    for name, real in whole.items():
        yield f"        {name!r}: {real},"
    for (name, axis), pieces in parts.items():
        yield f"        {name!r}: np.concatenate(["
        yield from (f"            {real}," for _, real in sorted(pieces))
        yield f"        ], axis={axis}),"
    yield "    }"


def _real(number: int, port: Port) -> str:
    text = f"raw[{number}]"
    if port.scale is not None and port.zero_point is not None:
        minus = f" - {port.zero_point}" if port.zero_point >= 0 else f" + {-port.zero_point}"
        text = f"(({text}.astype(np.float32){minus}) * np.float32({float(np.float32(port.scale))!r}))"
    order = [int(axis) for axis in np.argsort(port.permutation)]
    if len(order) == len(port.shape) and order != sorted(order):
        text += f".transpose({', '.join(map(str, order))})"
        after = tuple(port.shape[axis] for axis in order)
    else:
        after = port.shape
    return text if after == port.source_shape else f"{text}.reshape({list(port.source_shape)})"


def _numpy(dtype: str) -> str:
    known = (*INTEGERS, "float16", "float32", "float64")
    return dtype if dtype in known else "bool_" if dtype == "bool" else "float32"
