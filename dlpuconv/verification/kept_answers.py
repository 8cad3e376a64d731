"""What a source model answers to a set of samples, as bytes that are kept: jobs of one model and one set ask alike."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import Samples
    from dlpuconv.files.keep import Keep
    from dlpuconv.ir import Model

    type Arrays = Mapping[str, npt.NDArray[np.generic]]

_FORM = "answers-1"
"""Part of the key: raise it when the same model and samples would be answered, or written, differently."""
_MOST_KEPT = 16 << 20  # bytes of answers: those of larger ones are computed as quickly as they are read
_NONE = b""


def kept_answers(keep: Keep, source: Model, samples: Samples, run: Callable[[Arrays], Arrays]) -> dict[str, Arrays]:
    """The answers to all samples, by the digest of their inputs; none where they cannot be kept.

    Args:
        keep: has them, or gets them.
        source: a float model that ONNX Runtime runs.
        samples: in its domain.
        run: one inference of it.
    """
    from dlpuconv.isolation.messages import unpacked

    key = f"{_FORM} onnxruntime {version('onnxruntime')} {_digest_of(source)} {samples.digest}"
    stored = keep.once(key, lambda: _answered(samples, run))
    try:
        message = unpacked(stored) if stored else None
    except ValueError:
        message = None
    if message is None:
        return {}
    found: dict[str, dict[str, npt.NDArray[np.generic]]] = {each: {} for each in message.facts["inputs"]}
    for name, values in message.arrays.items():
        inputs, _, output = name.partition(" ")
        found[inputs][output] = values
    return dict(found)


def digest_of(inputs: Arrays) -> str:
    """The hash of the inputs of one inference."""
    digest = hashlib.sha256()
    for name, values in inputs.items():
        digest.update(f"{name} {values.dtype} {values.shape} ".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _answered(samples: Samples, run: Callable[[Arrays], Arrays]) -> bytes:
    from dlpuconv.isolation.messages import Message, packed

    answers: dict[str, npt.NDArray[np.generic]] = {}
    inputs: list[str] = []
    size = 0
    for sample in samples:
        inputs.append(digest_of(sample))
        for name, values in run(sample).items():
            answers[f"{inputs[-1]} {name}"] = values
            size += values.nbytes
        if size > _MOST_KEPT:
            return _NONE
    try:
        return packed(Message(facts={"inputs": inputs}, arrays=answers))
    except ValueError:  # some are no numbers
        return _NONE


def _digest_of(source: Model) -> str:
    split = source.split()
    digest = hashlib.sha256(split.proto.SerializeToString(deterministic=True))
    for name, values in split.weights.items():
        digest.update(f"{name} {values.dtype} {values.shape} ".encode())
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)
    return digest.hexdigest()
