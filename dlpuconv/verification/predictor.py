"""A model, or a file made from it, as the one function that both are: the source model's arrays in, its arrays out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dlpuconv.errors import MetricError, ShapeError
from dlpuconv.language.brief import listed
from dlpuconv.verification.batches import Batching
from dlpuconv.verification.translate import from_artifact, to_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.formats import Runner
    from dlpuconv.ir import Links, Port, Signature

    type Reals = dict[str, npt.NDArray[np.float32]]


class Predict(Protocol):
    """What a user's metric is given: the network, whatever it was turned into."""

    def __call__(self, inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike, /) -> dict[str, npt.NDArray[np.float32]]:
        """One inference, or one after the other where a network of one sample is given a batch.

        Args:
            inputs: by input name, each in the shape and layout of the source model (its batch included) and in the
                values that the source model takes, normalized where that is what it was trained on. The array itself,
                where there is one input.

        Returns:
            Every output by name, float32, in the shape, layout and real units of the source model.

        Raises:
            MetricError: an input is missing, unknown, no array, or of another shape.
        """
        ...


@dataclass(frozen=True, slots=True)
class AsSource:
    """A converted file as if it were the source model: samples as they are in, answers whole and in real units out.

    It is a `formats.Runner`, and the one way in which a file's answers become the source model's.

    Attributes:
        runner: runs the file, under the source model's names.
        links: how the two correspond.
    """

    runner: Runner
    links: Links

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ShapeError: the file takes or gives something else than the links say.
        """
        return self.restored(self.answer(inputs))

    def feed(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """What the file takes: quantized, permuted and bound."""
        sample = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
        with told_wrongly("inputs"):
            return to_artifact(sample, self.links.inputs, self.links.bindings)

    def answer(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """What the file gives, in its own codes and layouts."""
        return self.runner.run(self.feed(inputs))

    def restored(self, answer: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """What an answer of the file stands for: outputs of the source model, labels as whole numbers."""
        with told_wrongly("outputs"):
            return whole({port: _real(answer, port) for port in self.links.outputs})


@contextmanager
def told_wrongly(ends: str) -> Iterator[None]:
    """Around what a manifest decides, which may be a stranger's: scales of what has no codes, parts that do not fit.

    Args:
        ends: `inputs` or `outputs`, for the message.

    Raises:
        ShapeError: it does not fit the file.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise ShapeError(
            f"what the manifest says of the {ends} does not fit the file: {error}", id="manifest-misfit"
        ) from error


def _real(answer: Mapping[str, npt.NDArray[np.generic]], port: Port) -> npt.NDArray[np.generic]:
    if port.name not in answer:
        raise ShapeError(f"the file has no output {port.name!r}; it has {listed(answer)}", id="output-missing")
    value = from_artifact(answer[port.name], port)
    labels = port.quantization is None and np.dtype(port.dtype).kind in "iub"
    return value.astype(np.int64) if labels else value


def predict_by(runner: Runner, signature: Signature, step: Callable[[], None] = lambda: None) -> Predict:
    """The function that a network is, whatever computes it.

    Args:
        runner: of the source model, of a file that stands for it (`AsSource`), or of a divided one (`division.Chain`).
        signature: what the source model takes.
        step: called after each inference.
    """
    batching = Batching(
        who="predict",
        inputs={spec.name: spec.shape for spec in signature.inputs},
        lone=tuple(spec.name for spec in signature.outputs if spec.shape[:1] != (1,)),
        refuse=partial(MetricError, id="metric-inputs"),
    )

    def one(inputs: Reals) -> Reals:
        found = runner.run(inputs)
        step()
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    def predict(inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike, /) -> Reals:
        return batching.run(batching.named(inputs), lambda singles: map(one, singles))

    return predict


def whole(values: Mapping[Port, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The source model's outputs: parts joined, and probabilities made of logits.

    Args:
        values: in real units and the source model's layout.

    Raises:
        ValueError: they do not fit together.
    """
    found: dict[str, npt.NDArray[Any]] = joined(values)
    activations = {port.source_name: port.activation for port in values if port.activation}
    return found | {name: activation.of(found[name]) for name, activation in activations.items()}


def joined[T: np.generic](values: Mapping[Port, npt.NDArray[T]]) -> dict[str, npt.NDArray[T]]:
    """Outputs of which some came in parts, by the name in the source model."""
    parts: dict[str, list[tuple[Port, npt.NDArray[T]]]] = {}
    for port, value in values.items():
        parts.setdefault(port.source_name, []).append((port, value))
    complete: dict[str, npt.NDArray[T]] = {}
    for name, found in parts.items():
        ordered = sorted(found, key=lambda item: item[0].part.start if item[0].part else 0)
        part = ordered[0][0].part
        complete[name] = np.concatenate([v for _, v in ordered], axis=part.axis) if part else ordered[0][1]
        strides = [port.part.stride for port, _ in ordered if port.part]
        if part and any(stride.step > 1 for stride in strides):
            _demand_counts(ordered)
            order = np.argsort(np.concatenate([stride.places for stride in strides]))
            complete[name] = np.take(complete[name], order, axis=part.axis)
    return complete


def _demand_counts[T: np.generic](parts: Iterable[tuple[Port, npt.NDArray[T]]]) -> None:
    """Each part has as many slices as it has places: a stranger's manifest may claim billions.

    Raises:
        ShapeError: it has not.
    """
    for port, value in parts:
        if port.part and value.shape[port.part.axis : port.part.axis + 1] != (port.part.stride.count,):
            raise ShapeError(
                f"{port.name!r} has the shape {value.shape}, and the manifest says that it holds"
                f" {port.part.stride.count} slices of {port.part.output!r} along axis {port.part.axis}",
                id="manifest-misfit",
            )
