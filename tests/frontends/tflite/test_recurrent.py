"""An LSTM of TensorFlow Lite, which keeps its state in the file, is read as one that starts anew with each sample."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.passes.normal_form import normalize
from dlpuconv_backends.flatbuffer import Operator, Tensor, encode
from dlpuconv_backends.lowering import lower
from tests.error_ids import raises_error
from tests.frontends.tflite.files import both, imported, real
from tests.verification.tflite_models import file_of, options, plain

STEPS, INPUTS, SIZE = 5, 3, 4
_TANH = 4
_STATES = (18, 19)


def lstm(*, time_major: bool = False, without: tuple[int, ...] = (), extra: int | None = None, **fields: Any) -> bytes:
    """A file of one layer; `without` and `extra` are positions of operands that are left out and put in."""
    shape, made = ((STEPS, 1, INPUTS), (STEPS, 1, SIZE)) if time_major else ((1, STEPS, INPUTS), (1, STEPS, SIZE))
    x, y = plain("x", shape), plain("y", made)
    operands: list[Tensor | None] = [x, *[None] * 23]
    for gate, name in enumerate("ifco"):
        operands[1 + gate] = real(f"w_{name}", SIZE, INPUTS, seed=gate)
        operands[5 + gate] = real(f"r_{name}", SIZE, SIZE, seed=4 + gate)
        operands[12 + gate] = real(f"b_{name}", SIZE, seed=8 + gate)
    for position in without:
        operands[position] = None
    if extra is not None:
        operands[extra] = real("extra", SIZE, seed=12)
    for position in _STATES:
        operands[position] = plain(f"state_{position}", (1, SIZE))
    chosen = options(
        "UnidirectionalSequenceLSTM", **{"fusedActivationFunction": _TANH, "timeMajor": time_major, **fields}
    )
    return with_variables(file_of([x], [y], Operator("UNIDIRECTIONAL_SEQUENCE_LSTM", operands, [y], chosen)))


def with_variables(content: bytes) -> bytes:
    """The file with its states marked as tensors that are kept between two runs."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for tensor in model.subgraphs[0].tensors:
        tensor.isVariable = tensor.name.startswith(b"state")
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("time_major", [False, True])
def test_it_computes_what_litert_computes(time_major: bool) -> None:
    ((expected,), (got,)) = both(lstm(time_major=time_major))
    np.testing.assert_allclose(np.asarray(got, np.float32), np.asarray(expected, np.float32), atol=1e-6)


def test_a_sample_begins_with_an_empty_state_whatever_came_before() -> None:
    file = LiteRtRunner(lstm())
    x = np.random.default_rng(3).standard_normal((1, STEPS, INPUTS)).astype(np.float32)
    (first,), (again,) = file.run({"x": x}).values(), file.run({"x": x}).values()
    np.testing.assert_array_equal(first, again)


@pytest.mark.slow  # onnx2tf lowers it
def test_the_files_for_chips_compute_it_without_the_operator() -> None:
    content = lstm()
    normal, _ = normalize(imported(content))
    graph = lower(normal, layouts={}).graph
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" not in {op.kind for op in graph.operators}
    x = np.random.default_rng(3).standard_normal((1, STEPS, INPUTS)).astype(np.float32)
    (wanted,) = LiteRtRunner(content).run({"x": x}).values()
    lowered = LiteRtRunner(encode(graph))
    (got,) = lowered.run({lowered.inputs[0]: x}).values()
    np.testing.assert_allclose(np.asarray(got, np.float32), np.asarray(wanted, np.float32), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"without": (1,)}, ("operator-no-conversion", "couples")),
        ({"without": (6,)}, ("operator-no-conversion", "input 6")),
        ({"extra": 10}, ("operator-no-conversion", "peepholes")),
        ({"extra": 16}, ("operator-no-conversion", "projection")),
        ({"extra": 21}, ("operator-no-conversion", "normalizes")),
        ({"cellClip": 3.0}, ("operator-no-conversion", "clips")),
        ({"fusedActivationFunction": 1}, ("operator-no-conversion", "tanh")),
    ],
)
def test_other_kinds_are_refused_with_the_reason(changed: dict[str, Any], told: tuple[str, ...]) -> None:
    with raises_error(*told):
        imported(lstm(**changed))


def test_an_operator_that_keeps_a_state_otherwise_is_refused_as_such() -> None:
    x, state, y = plain("x", (1, INPUTS)), plain("state", (1, SIZE)), plain("y", (1, SIZE))
    operands: list[Tensor | None] = [x, real("w", SIZE, INPUTS), real("r", SIZE, SIZE), real("b", SIZE), state]
    content = with_variables(file_of([x], [y], Operator("RNN", operands, [y], options("RNN"))))
    with raises_error("operator-no-conversion", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        imported(content)
