"""What a worker does with `.tflite` files: inferences by LiteRT, of any number of networks. Not to be imported.

Refusals of LiteRT are answers: `refused` is the text, so that whatever else is raised is a defect or a hostile file.
Networks have the numbers that whoever asks gives them; tensors are told by their numbers in the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.isolation.serve import Arrays, Facts, Task

    type Answer = tuple[Facts, Arrays]

_KERNELS = {
    "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "fast": OpResolverType.AUTO,
}
_REFUSALS = (RuntimeError, ValueError)
_WITHOUT_MEMORY = ("Tensor is unallocated", "lacks data")  # LiteRT 2.1 goes on where it got none for its tensors


@dataclass(frozen=True, slots=True)
class _Network:
    """A loaded file.

    Attributes:
        interpreter: ready to run.
        inputs: tensors, in the file's order.
        outputs: likewise.
    """

    interpreter: Any
    inputs: Sequence[int]
    outputs: Sequence[int]


_loaded: dict[int, _Network] = {}


def load(facts: Facts, arrays: Arrays) -> Answer:
    """Model (an array, or `path`) -> `inputs` and `outputs`: of each its tensor and its size in bytes.

    Facts: `network`, a number for it; `kernels`: `plain`, or `fast`, which are those of the default delegate;
    `threads`, None for LiteRT's own choice; `keep`: every activation keeps its place in memory; `unneeded`: networks to
    be forgotten.
    """
    forget({"networks": facts["unneeded"]}, {})
    try:
        interpreter = Interpreter(
            **_source(facts, arrays),
            experimental_op_resolver_type=_KERNELS[facts["kernels"]],
            num_threads=facts["threads"],
            experimental_preserve_all_tensors=facts["keep"],
        )
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    except _REFUSALS as error:
        return _refusal(error)
    for end in (*inputs, *outputs):
        if np.dtype(end["dtype"]).kind not in "biuf":
            return {"refused": f"{end['name']!r} does not consist of numbers"}, {}
    network = _Network(interpreter, [d["index"] for d in inputs], [d["index"] for d in outputs])
    _loaded[facts["network"]] = network
    return {"inputs": list(map(_told, inputs)), "outputs": list(map(_told, outputs))}, {}


def _source(facts: Facts, arrays: Arrays) -> dict[str, Any]:
    """Where LiteRT gets the file from: it maps what has a path, and copies all else."""
    if "model" not in arrays:
        return {"model_path": facts["path"]}
    values = arrays["model"]
    memory: Any = values
    while isinstance(memory, np.ndarray):
        memory = memory.base
    memory = getattr(memory, "obj", memory)
    if hasattr(memory, "descriptor") and np.frombuffer(memory, np.uint8).ctypes.data == values.ctypes.data:
        path = f"/proc/self/fd/{memory.descriptor}"
        if os.path.exists(path):  # noqa: PTH110 - a Path would be made of it a second time
            return {"model_path": path}
    return {"model_content": bytes(values.data)}


def run(facts: Facts, arrays: Arrays) -> Answer:
    """Inferences, one after the other: inputs by position -> outputs by tensor, all [samples, ...].

    Facts: `network`; `samples`: how many there are (an input that is not there stays as it was); `tensors`: those that
    are wanted. Where a sample is refused, `sample` tells which.
    """
    network = _loaded[facts["network"]]
    inputs = {network.inputs[int(position)]: values for position, values in arrays.items()}
    made: dict[str, list[Any]] = {str(tensor): [] for tensor in facts["tensors"]}
    for sample in range(facts["samples"]):
        try:
            for tensor, values in inputs.items():
                network.interpreter.set_tensor(tensor, values[sample, ...])
            network.interpreter.reset_all_variables()  # a recurrent layer starts anew with each sample
            network.interpreter.invoke()
            if sample < facts["samples"] - 1:
                for tensor in facts["tensors"]:
                    made[str(tensor)].append(np.asarray(network.interpreter.get_tensor(tensor)))
        except _REFUSALS as error:
            return _refusal(error, sample=sample)
    for name, view in _views(network, facts["tensors"]).items():
        made[name].append(view)
    return {}, made


def values(facts: Facts, _arrays: Arrays) -> Answer:
    """Tensors after the last inference.

    Facts: `network`, `tensors`.
    """
    try:
        return {}, _views(_loaded[facts["network"]], facts["tensors"])
    except _REFUSALS as error:
        return _refusal(error)


def shapes(facts: Facts, _arrays: Arrays) -> Answer:
    """`shapes`: of every tensor its name and its extents, as far as they are known before an inference.

    Facts: `network`.
    """
    details = _loaded[facts["network"]].interpreter.get_tensor_details()
    return {"shapes": [(tensor["name"], tensor["shape"].tolist()) for tensor in details]}, {}


def forget(facts: Facts, _arrays: Arrays) -> Answer:
    """Free networks.

    Facts: `networks`; None: all.
    """
    networks = facts["networks"]
    for network in list(_loaded) if networks is None else networks:
        _loaded.pop(network, None)
    return {}, {}


def _refusal(error: Exception, **more: int) -> Answer:
    silent = not str(error).strip()  # as LiteRT 2.3 refuses where it got no memory; every other refusal has its words
    if silent or any(sign in str(error) for sign in _WITHOUT_MEMORY):
        raise MemoryError(str(error)) from error
    return {"refused": str(error), **more}, {}


def _views(network: _Network, tensors: Sequence[int]) -> dict[str, Any]:
    """LiteRT's own memory: it refuses to run on while anything refers to that."""
    return {str(tensor): np.asarray(network.interpreter.tensor(tensor)()) for tensor in tensors}


def _told(end: Mapping[str, Any]) -> tuple[int, int]:
    return int(end["index"]), int(np.prod(end["shape"], dtype=np.int64)) * np.dtype(end["dtype"]).itemsize


TASKS: Mapping[str, Task] = {"load": load, "run": run, "values": values, "shapes": shapes, "forget": forget}
