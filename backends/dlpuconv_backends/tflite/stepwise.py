"""Runs a graph operator by operator, so that each can still be changed before its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.litert_session import LiteRtWorker
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.network import Network
from dlpuconv_backends.tflite.channel_statistics import channels_of
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv_backends.tflite.statistics import Feed

    type Codes = npt.NDArray[Any]


class Stepwise:
    """The values of a graph, integer or float, on a few samples, as far as its operators have run.

    What no later operator reads is forgotten: at any time there are as many arrays as the graph has live activations.

    Attributes:
        samples: how many there are.
    """

    def __init__(self, graph: Graph, feeds: Sequence[Feed], worker: LiteRtWorker | None = None) -> None:
        """Get ready for the first operator.

        Args:
            graph: its operators are run in their order; any may be replaced by one with the same activations.
            feeds: real values of the graph's inputs, by name.
            worker: one that other graphs, which run alternately, have too.
        """
        self._worker = worker or LiteRtWorker()
        self._values: dict[str, list[Codes]] = {
            t.name: [_codes(feed[t.name], t) for feed in feeds] for t in graph.inputs
        }
        self.samples = len(feeds)
        self._readers: dict[str, int] = {}
        for op in graph.operators:
            for tensor in _activations(op):
                self._readers[tensor.name] = self._readers.get(tensor.name, 0) + 1

    def mean(self, tensor: Tensor) -> npt.NDArray[np.float64]:
        """[C] mean by channel, in real units, of an activation that was computed."""
        parts = [v.reshape(-1, channels_of(tensor)).mean(axis=0, dtype=np.float64) for v in self._values[tensor.name]]
        return real_values(np.mean(parts, axis=0), tensor)

    def real(self, tensor: Tensor, sample: int) -> npt.NDArray[np.float32]:
        """Real values of an activation that was computed, on one sample."""
        return real_values(self._values[tensor.name][sample].astype(np.float32), tensor)

    def made(self, op: Operator) -> list[list[Codes]]:
        """What an operator makes of the values so far with the plain kernels: by output, by sample.

        Raises:
            BackendError: LiteRT cannot run it.
        """
        reads = _activations(op)
        single = Graph(reads, op.outputs, [op])
        network = Network(single, versions_of(single), worker=self._worker)
        feeds = ({t.name: self._values[t.name][index] for t in reads} for index in range(self.samples))
        made: list[list[Codes]] = [[] for _ in op.outputs]
        for _, outputs in network.each(feeds):
            for values, output in zip(made, outputs, strict=True):
                values.append(np.array(output))
        return made

    def step(self, op: Operator) -> None:
        """Run the next operator on every sample.

        Raises:
            BackendError: LiteRT cannot run it.
        """
        made = self.made(op)
        self._values |= {t.name: values for t, values in zip(op.outputs, made, strict=True)}
        for tensor in _activations(op):
            self._readers[tensor.name] -= 1
            if not self._readers[tensor.name]:
                del self._values[tensor.name]


def real_values[T: np.floating](codes: npt.NDArray[T], tensor: Tensor) -> npt.NDArray[T]:
    """Real values of codes of a tensor with one scale; those of a float tensor as they are."""
    if tensor.quantization is None:
        return codes
    reals = (codes - int(tensor.quantization.zero_point[0])) * float(tensor.quantization.scale[0])
    return np.asarray(reals, codes.dtype)


def _activations(op: Operator) -> list[Tensor]:
    """What the operator reads that is no constant, each once."""
    return list(dict.fromkeys(t for t in op.inputs if t is not None and not t.is_constant))


def _codes(values: npt.NDArray[np.float32], tensor: Tensor) -> Codes:
    if tensor.quantization is None:
        return values
    scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
    limits = np.iinfo(tensor.dtype)
    codes: Codes = np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max).astype(tensor.dtype)
    return codes
