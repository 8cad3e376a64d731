"""All parts of a divided network as one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from dlpuconv.division.chain import Chain
from dlpuconv.division.division import Division
from tests.division.parts import behind_y, doubled, of_a_vendor, part, positions
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping

X = np.array([[1.0, 2.0, 4.0]], np.float32)


class Chip:
    """y = (the first of what it reads, minus the last; the last)."""

    def __init__(self, reads: str = "x") -> None:
        self.reads = reads

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        value = inputs[self.reads]
        return {"y": np.array([[value[0, 0] - value[0, -1], value[0, -1]]], np.float32)}


def test_a_tail_reads_the_cut_and_what_it_needs_of_the_source_s_inputs() -> None:
    found = Chain(behind_y(doubled(), "z", "y"), Chip()).run({"x": X})
    assert list(found) == ["z", "y"]
    assert found["y"].tolist() == [[-3.0, 4.0]]
    assert found["z"].tolist() == [[1.0, 15.0]]  # 2 y + 7


def test_outputs_may_be_of_dynamic_shape() -> None:
    chain = Chain(behind_y(positions(), "where"), Chip())
    assert chain.run({"x": X})["where"].tolist() == [[0], [1]]
    assert chain.run({"x": X[:, ::-1]})["where"].tolist() == [[0, 0], [0, 1]]


def test_the_front_runs_first_and_casts_to_its_own_types() -> None:
    ids = part(
        [helper.make_node("Gather", ["table", "ids"], ["embedded"])],
        {"ids": (1, 2)},
        {"embedded": (1, 2)},
        {"table": np.array([5.0, 6.0, 8.0], np.float32)},
        integers=["ids"],
    )
    division = Division(inputs=("ids",), outputs=("y",), front=ids, entry=("embedded",), cut=("y",))
    found = Chain(division, Chip("embedded")).run({"ids": np.array([[2.0, 0.0]], np.float32)})
    assert found["y"].tolist() == [[3.0, 5.0]]


def test_a_tail_that_only_a_vendor_s_runtime_has_is_refused_in_one_sentence() -> None:
    with raises_error("artifact-refused", "the tail: ", "EfficientNMS_TRT"):
        Chain(behind_y(of_a_vendor(), "num_dets"), Chip())


def test_an_output_that_no_part_makes_is_told() -> None:
    with raises_error("output-missing", " q;", "x, y, z"):
        Chain(behind_y(doubled(), "z", "q"), Chip()).run({"x": X})
