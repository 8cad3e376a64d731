"""Inputs whose parts differ in range become several, where the network takes them apart at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.calibration import Calibration, Preprocessing
from dlpuconv.display.progress import Silent
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import InputBinding, Part
from dlpuconv.passes import normalize
from dlpuconv.plugin import InterfaceOptions, Job, Splitting
from dlpuconv.plugin.input_parts import split_inputs, tell_split
from tests.frontends.support import run

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model

STATES = 3


def network(*more: onnx.NodeProto, outputs: tuple[str, ...] = ()) -> Model:
    """state [3, 1, 4] -> its three slices, each scaled."""
    nodes, arrays = [], {"axis": np.array([0])}
    for number in range(STATES):
        arrays |= {f"b{number}": np.array([number]), f"e{number}": np.array([number + 1])}
        arrays |= {f"w{number}": np.full((1, 1, 4), 2.0 + number, np.float32)}
        nodes += [
            helper.make_node("Slice", ["state", f"b{number}", f"e{number}", "axis"], [f"s{number}"], f"slice{number}"),
            helper.make_node("Mul", [f"s{number}", f"w{number}"], [f"y{number}"], f"mul{number}"),
        ]
    made = [*(f"y{number}" for number in range(STATES)), *outputs]
    graph = helper.make_graph(
        [*nodes, *more],
        "states",
        [helper.make_tensor_value_info("state", TensorProto.FLOAT, [STATES, 1, 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in made],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return normalize(load(proto, SourceOptions(input_shapes={"state": (STATES, 1, 4)})))[0]


def job_of(model: Model, reach: tuple[float, ...], folder: Path, **changes: Any) -> Job:
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (10, STATES, 1, 4)).astype(np.float32) * np.reshape(reach, (STATES, 1, 1))
    samples: Any = [{"state": state.astype(np.float32)} for state in states]
    job: dict[str, Any] = {
        "model": model,
        "bindings": {},
        "calibration": Calibration(fit=samples, held_out=samples),
        "preprocessing": Preprocessing(),
        "interface": InterfaceOptions(),
        "workspace": folder,
        "cache": None,
        "progress": Silent(),
    }
    return Job(**{**job, **changes})


def shapes(job: Job) -> dict[str, tuple[int, ...]]:
    return {spec.name: spec.shape for spec in job.model.signature.inputs}


def test_states_of_different_ranges_are_inputs_of_their_own(tmp_path: Path) -> None:
    before = job_of(network(), (8.0, 0.05, 0.04), tmp_path)
    after = split_inputs(before)
    assert shapes(before) == {"state": (3, 1, 4)}
    assert shapes(after) == {"state_part0": (1, 1, 4), "state_part1": (2, 1, 4)}
    assert after.input_parts == {
        "state_part0": Part(output="state", axis=0, start=0, stop=1),
        "state_part1": Part(output="state", axis=0, start=1, stop=3),
    }
    state = np.random.default_rng(1).random((3, 1, 4), np.float32)
    parts = {name: state[part.index] for name, part in after.input_parts.items()}
    for expected, found in zip(run(before.model, state=state), run(after.model, **parts), strict=True):
        np.testing.assert_array_equal(found, expected)
    (told,) = tell_split(after)
    assert "it became the inputs state_part0, state_part1" in told


@pytest.mark.parametrize("least", [0.4, 0.7])
def test_sixteen_steps_for_the_narrowest_part_are_enough(tmp_path: Path, least: float) -> None:
    """Of 255 over 16 units: 0.4 to both sides are about 12 steps, 0.7 about 22."""
    job = split_inputs(job_of(network(), (8.0, 8.0, least), tmp_path))
    assert bool(job.input_parts) is (least < 0.5)


def test_what_takes_the_whole_keeps_it_whole(tmp_path: Path) -> None:
    reads = helper.make_node("Relu", ["state"], ["all"], "whole")
    job = job_of(network(reads, outputs=("all",)), (8.0, 0.05, 0.05), tmp_path)
    assert split_inputs(job) is job


@pytest.mark.parametrize(
    "changes",
    [
        {"interface": InterfaceOptions(split_inputs=Splitting.OFF)},
        {"calibration": None},
        {"bindings": {"state": InputBinding(name="state", raw_pixels=True)}},
        {"bindings": {"state": InputBinding(name="state", multiplier=(2.0,))}},
    ],
)
def test_what_is_not_wanted_not_measured_or_made_of_pixels_is_left_alone(tmp_path: Path, changes: Any) -> None:
    job = job_of(network(), (8.0, 0.05, 0.05), tmp_path, **changes)
    assert split_inputs(job) is job


def test_a_state_of_zeros_is_no_reason_to_split(tmp_path: Path) -> None:
    job = job_of(network(), (8.0, 0.0, 0.0), tmp_path)
    assert split_inputs(job) is job
