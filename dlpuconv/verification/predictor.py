"""A model, or a file made from it, as the one function that both are: the source model's arrays in, its arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.errors import MetricError, did_you_mean
from dlpuconv.language.brief import listed
from dlpuconv.verification.translate import from_artifact, to_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv.formats import Runner
    from dlpuconv.ir import Links, Port, Signature


class Predict(Protocol):
    """What a user's metric is given: the network, whatever it was turned into."""

    def __call__(self, inputs: Mapping[str, npt.ArrayLike], /) -> dict[str, npt.NDArray[np.float32]]:
        """One inference.

        Args:
            inputs: by input name, each in the shape and layout of the source model (its batch included) and in the
                values that the source model takes, normalized where that is what it was trained on.

        Returns:
            Every output by name, float32, in the shape, layout and real units of the source model.

        Raises:
            MetricError: an input is missing, unknown, no array, or of another shape.
        """
        ...


def source_predict(runner: Runner, signature: Signature, step: Callable[[], None] = lambda: None) -> Predict:
    """The source model.

    Args:
        runner: runs it.
        signature: what it takes.
        step: called after each inference.
    """

    def predict(inputs: Mapping[str, npt.ArrayLike], /) -> dict[str, npt.NDArray[np.float32]]:
        found = runner.run(_checked(inputs, signature))
        step()
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    return predict


def artifact_predict(
    runner: Runner, links: Links, signature: Signature, step: Callable[[], None] = lambda: None
) -> Predict:
    """A converted file: inputs are quantized and permuted on the way in, outputs restored on the way out.

    Args:
        runner: runs the file, under the source model's names.
        links: how the two correspond.
        signature: of the source model.
        step: called after each inference.
    """

    def predict(inputs: Mapping[str, npt.ArrayLike], /) -> dict[str, npt.NDArray[np.float32]]:
        found = runner.run(to_artifact(_checked(inputs, signature), links.inputs, links.bindings))
        step()
        return joined({port: from_artifact(found[port.name], port).astype(np.float32) for port in links.outputs})

    return predict


def joined[T: np.generic](values: Mapping[Port, npt.NDArray[T]]) -> dict[str, npt.NDArray[T]]:
    """The source model's outputs, of which some came in parts."""
    parts: dict[str, list[tuple[Port, npt.NDArray[T]]]] = {}
    for port, value in values.items():
        parts.setdefault(port.source_name, []).append((port, value))
    whole: dict[str, npt.NDArray[T]] = {}
    for name, found in parts.items():
        ordered = sorted(found, key=lambda item: item[0].part.start if item[0].part else 0)
        part = ordered[0][0].part
        whole[name] = np.concatenate([v for _, v in ordered], axis=part.axis) if part else ordered[0][1]
        strides = [port.part.stride for port, _ in ordered if port.part]
        if part and any(stride.step > 1 for stride in strides):
            order = np.argsort(np.concatenate([stride.places for stride in strides]))
            whole[name] = np.take(whole[name], order, axis=part.axis)
    return whole


def _checked(inputs: Mapping[str, npt.ArrayLike], signature: Signature) -> dict[str, npt.NDArray[np.float32]]:
    known = [spec.name for spec in signature.inputs]
    try:
        given = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise MetricError(f"predict takes a dict of arrays by input name ({listed(known)}): {error}") from error
    for name in given:
        if name not in known:
            raise MetricError(
                f"predict was given {name!r}; the model's inputs are {listed(known)}{did_you_mean(name, known)}"
            )
    for spec in signature.inputs:
        if spec.name not in given:
            raise MetricError(f"predict was not given the input {spec.name!r}; it was given {listed(given) or 'none'}")
        if spec.shape[:1] == (1,) and given[spec.name].shape == spec.shape[1:]:
            given[spec.name] = given[spec.name][None]  # one picture, of a source that takes it without a batch
        if given[spec.name].shape != spec.shape:
            raise MetricError(
                f"predict was given {spec.name!r} with the shape {given[spec.name].shape}; the model takes {spec.shape}"
            )
    return given
