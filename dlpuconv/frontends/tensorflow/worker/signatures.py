"""Which function of a SavedModel is the model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UnsupportedModelError, UsageError, did_you_mean
from dlpuconv.frontends.tensorflow.worker.functions import Function, FunctionInput
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

_USUAL = "serving_default"
_HOW = "tf.saved_model.save(model, 'folder', signatures={'serving_default': function})"


def choose(loaded: Any, wanted: str = "") -> Function:
    """The signature that the user wants, else `serving_default`, or the only one.

    Args:
        loaded: a SavedModel.
        wanted: by the user; empty for the usual one.

    Raises:
        UsageError: the one that is wanted is not there.
        UnsupportedModelError: there is none, or there are several others.
    """
    signatures = dict(loaded.signatures)
    if not signatures:
        raise UnsupportedModelError(
            "the SavedModel has no signature, which tells what a model takes and gives: load it in Python, and save it"
            f" with one: {_HOW}",
            id="savedmodel-no-signature",
        )
    if wanted and wanted not in signatures:
        raise UsageError(
            f"--signature {wanted!r} is none of the SavedModel's{did_you_mean(wanted, signatures)}: it has"
            f" {listed(map(repr, signatures))}",
            id="signature-unknown",
        )
    if not wanted and _USUAL not in signatures and len(signatures) > 1:
        raise UnsupportedModelError(
            f"the SavedModel has the signatures {listed(map(repr, signatures))}, none of which is {_USUAL!r}: choose"
            " one with --signature NAME",
            id="savedmodel-signature-unclear",
        )
    return _function(signatures.get(wanted or _USUAL) or next(iter(signatures.values())), loaded)


def _function(signature: Any, owner: Any) -> Function:
    specs = signature.structured_input_signature[1]
    names = sorted(specs, key=_in_order)
    outputs = tuple(sorted(signature.structured_outputs, key=_in_order))

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        assert owner is not None  # it keeps the variables, which go with it
        given = signature(**dict(zip(names, tensors, strict=True)))
        return [given[name] for name in outputs]

    inputs = (FunctionInput(name=name, shape=_extents(specs[name]), dtype=specs[name].dtype.name) for name in names)
    return Function(inputs=tuple(inputs), outputs=outputs, call=call)


def _extents(spec: Any) -> tuple[int | None, ...] | None:
    return None if spec.shape.rank is None else tuple(spec.shape.as_list())


def _in_order(name: str) -> list[tuple[int, str]]:
    """`output_10` behind `output_9`: a signature has no order but that of its names."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
