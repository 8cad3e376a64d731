"""One model on its way to a float TFLite graph: refused in a sentence, or its outputs beside those that ONNX states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlpuconv.errors import ArtifactError, ModelError, UnsupportedModelError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.source_names import source_names
from dlpuconv.passes import normalize
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.measure import run_graph
from scripts.operator_table.codes import read_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir import Model, ValueSpec
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv_backends.lowering import Lowered
    from scripts.operator_table.examples import Example

    type Array = npt.NDArray[Any]

AS_RUNTIME: Final = "ONNX states other values than ONNX Runtime gives, which are those of the file"
_RELATIVE, _ABSOLUTE = 1e-3, 1e-7
"""Tolerances of ONNX's own tests of backends; the absolute one is for values up to 1."""
_FOREIGN: Final = ("ONNXRuntimeError", "onnx2tf", "LiteRT", "a fault of", "Error:", "please report")
"""What no refusal says: other tools' words, and faults."""


class Ending(StrEnum):
    """What a trial came to."""

    EQUAL = "equal"
    REFUSED = "refused"
    FAULT = "fault"
    """It ended in another way: with other values, or with words that are not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """A model that was read.

    Attributes:
        model: in normal form.
        source: as it was read.
    """

    model: Model
    source: Model

    @property
    def names(self) -> SourceNames:
        """What the source calls its nodes."""
        return source_names(self.source.graph.graph, self.model.graph.graph)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one model.

    Attributes:
        ending: how it ended.
        why: a sentence, unless the outputs are those that ONNX states.
        operators: of the float TFLite graph, in running order.
        normal: the model in normal form; None where it was refused before.
    """

    ending: Ending
    why: str = ""
    operators: tuple[str, ...] = ()
    normal: Normal | None = None


def tried(example: Example) -> Trial:
    """Convert a model as far as a float graph, and run that on the model's own inputs."""
    shapes = {name: value.shape for name, value in example.inputs.items() if value.size and value.ndim}
    normal: Normal | None = None
    try:
        source = load(example.proto, SourceOptions(input_shapes=shapes), name=example.name)
        model, _ = normalize(source)
        normal = Normal(model=model, source=source)
        lowered = lower(model, layouts={}, names=normal.names)
        different = "; ".join(_different(example, source, lowered))
        as_runtime = bool(different) and not _different(with_runtimes_outputs(example), source, lowered)
    except (UnsupportedModelError, ModelError) as error:
        ours = not any(word in str(error) for word in _FOREIGN)
        return Trial(ending=Ending.REFUSED if ours else Ending.FAULT, why=str(error), normal=normal)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        return Trial(ending=Ending.FAULT, why=f"{type(error).__name__}: {error}", normal=normal)
    operators = tuple(op.kind for op in lowered.graph.operators)
    ending = Ending.FAULT if different and not as_runtime else Ending.EQUAL
    why = AS_RUNTIME if as_runtime else different
    return Trial(ending=ending, why=why, operators=operators, normal=normal)


def with_runtimes_outputs(example: Example) -> Example:
    """The example with the outputs that ONNX Runtime gives, as far as it runs the model."""
    try:
        made = OrtRunner(example.proto.SerializeToString(), optimize=False).run(example.inputs)
    except ArtifactError:
        return example
    return replace(example, outputs=made)


def _different(example: Example, source: Model, lowered: Lowered) -> list[str]:
    """Sentences about the outputs that are others than ONNX states."""
    given = {
        spec.name: np.transpose(as_given(example, spec, source), lowered.input_permutations[spec.name])
        for spec in source.signature.inputs
    }
    found = run_graph(lowered.graph, given)
    told = []
    for spec in source.signature.outputs:
        back = np.argsort(lowered.output_permutations[spec.name])
        have = found[spec.name]
        told += difference(example, spec.name, np.transpose(have, back) if have.ndim == len(back) else have, source)
    return told


def as_given(example: Example, spec: ValueSpec, source: Model) -> Array:
    """A value as the network takes it: in float32 where it is a float, and the number that a code stands for."""
    value = example.inputs[spec.name]
    if _is_integer(value) and np.dtype(spec.dtype).kind == "f":
        value = read_codes(example, spec.name, source).numbers(value)
    return np.asarray(value, spec.dtype).reshape(spec.shape)


def difference(example: Example, name: str, have: Array, source: Model) -> list[str]:
    """How an output differs from what ONNX states, in a sentence; none where it does not."""
    want, relative = example.outputs[name], _RELATIVE
    if _is_integer(want) and have.dtype.kind == "f":
        scale = read_codes(example, name, source)
        numbers = np.clip(have, *scale.bounds)
        close = np.abs(numbers - scale.numbers(want)) <= 1.001 * scale.steps
        return [] if close.all() else [f"the output {name!r} has other codes"]
    if want.dtype.kind not in "biu":  # all floats are float32 in a file, and as exact as the model's own
        relative = max(relative, 2.0**-7 if want.dtype.name == "bfloat16" else 0.0)
        want = want.astype(np.float32)
    if (want.shape, want.dtype) != (have.shape, have.dtype):
        return [f"the output {name!r} is {have.dtype} {list(have.shape)}, not {want.dtype} {list(want.shape)}"]
    exact = want.dtype.kind != "f"
    absolute = _ABSOLUTE * max(1.0, float(np.max(np.abs(want), initial=0.0, where=np.isfinite(want))))
    same = np.array_equal(want, have) if exact else np.allclose(have, want, relative, absolute, equal_nan=True)
    return [] if same else [f"the output {name!r} has other values"]


def _is_integer(value: Array) -> bool:
    """Whether numpy's own integers hold a value, or those of few bits that ONNX has besides."""
    return value.dtype.kind in "iu" or value.dtype.name.lstrip("u").startswith("int")
