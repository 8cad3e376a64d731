"""What the tail of a divided network makes of a file's values, beside what it makes of the source's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from dlpuconv.ir import Links
from dlpuconv.verification.behind import Behind, tail_of
from dlpuconv.verification.parity import compare, reference_inferences
from dlpuconv.verification.predictor import AsSource
from dlpuconv.verification.report_text import render_parity
from dlpuconv.verification.wholes import Wholes
from tests.division.parts import behind_y, doubled, of_a_vendor, positions
from tests.verification.test_parity import Calls, port

if TYPE_CHECKING:
    from dlpuconv.division.division import Division
    from dlpuconv.verification.output_parity import ParityReport

LINKS = Links(inputs=(port("x", (1, 3)),), outputs=(port("y", (1, 2)),))
ROWS = [np.array([row], np.float32) for row in ([1.0, 2.0, 3.0], [3.0, 2.0, -5.0])]


def compared(division: Division, codes: Any = None) -> ParityReport:
    """The source gives y = (x0, x2); the file the same with its first value half too large, in codes of a half."""
    tail = tail_of(division)
    assert tail is not None
    return compare(
        Calls(lambda given: {"y": given["x"][:, [0, 2]]}),
        Calls(codes or (lambda given: {"y": given["x"][:, [0, 2]] + np.array([[1, 0]], np.int8)})),
        LINKS,
        [{"x": row} for row in ROWS],
        wholes=Wholes({}, Behind(division.outputs, {}, tail, tail)),
    )


def shown(parity: ParityReport) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render_parity(parity, "beside"))
    return capture.get()


def test_outputs_behind_the_tail_get_the_figures_of_the_whole() -> None:
    parity = compared(behind_y(doubled(), "z"))
    (z,) = parity.behind
    # z = 2 y + sum: (8, 12) and (6, -10) of the source; the file's first values are 1 more
    assert z.name == "z"
    assert z.max_error == 1.0
    assert z.sqnr_db is not None
    assert round(z.sqnr_db, 6) == round(10 * np.log10((64 + 144 + 36 + 100) / 2), 6)
    assert z.argmax_agreement == 1.0
    assert [output.name for output in parity.outputs] == ["y"]
    assert "behind the tail" in shown(parity)
    told = parity.to_json()["behind_tail"]
    assert isinstance(told, list)
    assert len(told) == 1


def test_shapes_that_differ_from_sample_to_sample_are_compared() -> None:
    (where,) = compared(behind_y(positions(), "where")).behind
    assert (where.exact, where.equal, where.varies) == (True, 1.0, "")


def test_shapes_that_differ_between_the_two_are_told_and_are_no_error() -> None:
    def blind(_: Any) -> dict[str, Any]:
        return {"y": np.zeros((1, 2), np.int8)}

    parity = compared(behind_y(positions(), "where"), blind)
    (where,) = parity.behind
    told = "its shape differs in 2 of 2 samples, such as [2, 0] where the source's is [2, 2]"
    assert (where.sqnr_db, where.exact, where.fault, where.varies) == (None, False, "", told)
    assert told in shown(parity)
    assert where.to_json()["varies"] == told


def test_a_tail_that_cannot_run_here_leaves_the_figures_at_the_cut() -> None:
    parity = compared(behind_y(of_a_vendor(), "num_dets"))
    assert parity.outputs[0].max_error == 0.5
    assert parity.behind == ()
    assert "EfficientNMS_TRT" in parity.not_behind
    assert "not compared behind the tail: the tail: ONNX Runtime cannot load it" in shown(parity).replace("\n", " ")


def test_a_tail_that_reads_what_samples_do_not_tell_leaves_the_figures_at_the_cut() -> None:
    whole = doubled()
    parity = compared(behind_y(replace(whole, reads=(*whole.reads, "size")), "z"))
    assert parity.behind == ()
    assert parity.not_behind == "the tail reads 'size', which the samples do not tell"


def test_without_a_division_a_report_says_nothing_of_one() -> None:
    samples = [{"x": row} for row in ROWS]
    told = compare(
        Calls(lambda given: {"y": given["x"][:, :2]}), Calls(lambda _: {"y": np.ones((1, 2), np.int8)}), LINKS, samples
    ).to_json()
    assert not [key for key in told if "tail" in key]


def test_reference_data_hold_what_the_tail_makes_of_the_file_s_outputs() -> None:
    file = AsSource(Calls(lambda given: {"y": given["x"][:, [0, 2]]}), LINKS)
    samples = [{"x": row} for row in ROWS]
    _, outputs, whole = reference_inferences(file, samples, 2, tail_of(behind_y(positions(), "where")))
    assert outputs["y"].shape == (2, 1, 2)
    assert [answer["where"].tolist() for answer in whole] == [[[0, 0], [0, 1]], [[0], [0]]]
    assert reference_inferences(file, samples, 2, tail_of(behind_y(of_a_vendor(), "num_dets")))[2] == ()
