"""Parity, beside figures computed by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.ir import ActivationKind, Affine, FinalActivation, InputBinding, Links
from dlpuconv.plugin import Part, Port
from dlpuconv.verification.parity import compare, reference_inferences
from dlpuconv.verification.predictor import AsSource
from dlpuconv.verification.translate import from_artifact, to_artifact
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv.verification.output_parity import OutputParity

type Arrays = Mapping[str, npt.NDArray[np.generic]]


class Calls:
    """A runner made of a function."""

    def __init__(self, function: Callable[[Arrays], dict[str, npt.NDArray[np.generic]]]) -> None:
        self.function = function

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        return self.function(inputs)


def port(name: str, shape: tuple[int, ...], *, scale: float | None = 0.5) -> Port:
    dtype = "float32" if scale is None else "int8"
    return Port(
        name=name,
        source_shape=shape,
        shape=shape,
        permutation=tuple(range(len(shape))),
        dtype=dtype,
        quantization=None if scale is None else Affine.of(scale, 0),
    )


def compared(reference: list[list[float]], artifact: list[list[int]], *, scale: float = 0.5) -> OutputParity:
    """Parity of one output [1, C] for samples that are given one by one."""
    expected, got = iter(reference), iter(artifact)
    links = Links(inputs=(port("x", (1, 1)),), outputs=(port("y", (1, len(reference[0])), scale=scale),))
    report = compare(
        Calls(lambda _: {"y": np.array([next(expected)], np.float32)}),
        Calls(lambda _: {"y": np.array([next(got)], np.int8)}),
        links,
        [{"x": np.zeros((1, 1), np.float32)}] * len(reference),
    )
    assert report.samples == len(reference)
    json.dumps(report.to_json(), allow_nan=False)
    return report.outputs[0]


def test_the_figures_are_those_of_the_definition() -> None:
    """Reference (3, 4), artifact (3, 3.5): signal 25, noise 0.25, product 23, energy 21.25."""
    found = compared([[3, 4]], [[6, 7]])
    assert found.sqnr_db == pytest.approx(20.0)
    assert found.cosine == pytest.approx(23 / math.sqrt(25 * 21.25))
    assert found.max_error == 0.5
    assert found.peak == 4
    assert found.argmax_agreement == 1.0
    assert (found.exact, found.dead) == (False, "")


def test_sums_run_over_all_samples() -> None:
    """Signal 1 + 9, noise 0 + 1."""
    assert compared([[1, 0], [0, 3]], [[2, 0], [0, 4]]).sqnr_db == pytest.approx(10.0)


def test_the_typical_ratio_is_the_mean_of_the_samples_with_the_steps_own_rounding() -> None:
    """Signal 25 twice, noise 0.25 and 0; two elements of step 0.5 round to a noise of 2 x 0.25 / 12 = 1/24."""
    found = compared([[3, 4], [3, 4]], [[6, 7], [6, 8]])
    each = 10 * math.log10(25 / (0.25 + 1 / 24)), 10 * math.log10(25 / (1 / 24))
    assert found.typical_db == pytest.approx(sum(each) / 2)


def test_a_sample_weighs_in_the_typical_ratio_as_much_as_it_has_signal() -> None:
    """Scores of 3, and of next to nothing where there is no detection; rounding adds 1/48 of noise to each."""
    found = compared([[3], [0.25]], [[6], [1]])
    good, empty = 10 * math.log10(9 * 48), 10 * math.log10(0.0625 / (0.0625 + 1 / 48))
    assert found.typical_db == pytest.approx((9 * good + 0.0625 * empty) / 9.0625)


def test_the_ends_leave_out_what_is_not_finite() -> None:
    """A logarithm of zero is no value of zero; codes are half units."""
    found = compared([[-math.inf, -6], [-math.inf, -5]], [[-100, -12], [-100, -10]])
    ends = found.span, found.reached
    assert ends == ((-5, -6), (-5, -6)), "two samples reach it: the higher of the lows, the lower of the highs"


def test_one_ruined_sample_does_not_decide_the_typical_ratio() -> None:
    found = compared([[3, 4], [0.25, 0], [3, 4]], [[6, 8], [127, 127], [6, 8]])
    assert found.sqnr_db is not None
    assert found.sqnr_db < -20
    whole = 25 + 0.0625 + 25
    weighted = (2 * 25 * 10 * math.log10(25 * 24) + 0.0625 * -20) / whole
    assert found.typical_db == pytest.approx(weighted), "cut to -20 dB, and of little weight"


def test_equal_values_are_exact_and_have_no_ratio() -> None:
    found = compared([[1, 2], [2, 1]], [[2, 4], [4, 2]])
    assert (found.exact, found.sqnr_db, found.max_error) == (True, None, 0.0)


def test_a_reference_of_zeros_has_no_ratio_but_an_error() -> None:
    found = compared([[0, 0]], [[0, 1]])
    assert (found.exact, found.sqnr_db, found.cosine, found.max_error) == (False, None, None, 0.5)


def test_argmax_agreement_counts_samples() -> None:
    assert compared([[1, 2], [2, 1], [0, 1], [1, 0]], [[1, 2], [1, 2], [0, 2], [2, 0]]).argmax_agreement == 0.75


def test_elements_that_are_not_finite_are_counted_and_left_out() -> None:
    found = compared([[math.inf, 4], [math.nan, 4]], [[0, 7], [0, 7]])
    assert found.not_finite == 2
    assert found.sqnr_db == pytest.approx(10 * math.log10(32 / 0.5))


@pytest.mark.parametrize("worst", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_none_is_a_fault_whatever_the_rest_says(worst: float) -> None:
    found = of_type(np.float32, [[1, 2, 3]], [[1, 2, worst]])
    assert found.fault == "it has 1 value that is NaN or infinite where the source's are finite"
    assert (found.sqnr_db, found.exact, found.dead) == (-200.0, False, "")


def test_values_that_are_all_none_are_a_fault_and_no_crash() -> None:
    found = of_type(np.float32, [[1, 2], [3, 4]], [[math.nan, math.nan], [math.inf, math.inf]])
    assert "4 values that are NaN or infinite" in found.fault


def test_where_the_source_is_not_finite_the_file_need_not_be() -> None:
    found = of_type(np.float32, [[math.nan, 2]], [[math.inf, 2]])
    assert (found.fault, found.not_finite, found.exact) == ("", 1, True)


def test_ratios_beyond_a_doubles_range_are_cut() -> None:
    assert of_type(np.float64, [[1e-160]], [[1e160]]).sqnr_db == -200.0
    assert of_type(np.float64, [[1e-160]], [[1e300]]).sqnr_db == -200.0


def test_noise_where_the_source_is_silent_is_a_fault() -> None:
    """Scale 0.5: four steps of rounding are 2."""
    assert compared([[0, 0]], [[4, 0]]).fault == ""
    found = compared([[0, 0]], [[5, 0]])
    assert found.fault == "it is up to 2.5 away from zero, where the source is zero throughout"
    assert found.sqnr_db == -200.0


def test_a_float_output_must_be_silent_where_the_source_is() -> None:
    assert of_type(np.float32, [[0, 0]], [[1e-7, 0]]).fault == ""
    assert "up to 0.001 away from zero" in of_type(np.float32, [[0, 0]], [[1e-3, 0]]).fault


def test_of_labels_the_share_of_equal_ones_counts() -> None:
    """The distance of class 900 from class 3 means nothing."""
    found = of_type(np.int32, [[3, 5, 7, 9]], [[900, 5, 7, 9]])
    assert found.equal == 0.75
    assert (found.sqnr_db, found.cosine, found.argmax_agreement, found.fault) == (None, None, None, "")


def test_labels_that_stand_still_are_dead_only_where_most_are_wrong() -> None:
    assert of_type(np.int32, [[1], [1], [2]], [[1], [1], [1]]).dead == ""
    assert "where the source varies from 1 to 3" in of_type(np.int32, [[1], [2], [3]], [[1], [1], [1]]).dead


def of_type(kind: type[np.generic], reference: list[list[float]], artifact: list[list[float]]) -> OutputParity:
    """Parity of one output [1, C] of a type without a scale."""
    expected, got = iter(reference), iter(artifact)
    shape = (1, len(reference[0]))
    there = Port(name="y", source_shape=shape, shape=shape, permutation=(0, 1), dtype=np.dtype(kind).name)
    report = compare(
        Calls(lambda _: {"y": np.array([next(expected)], kind)}),
        Calls(lambda _: {"y": np.array([next(got)], kind)}),
        Links(inputs=(), outputs=(there,)),
        [{}] * len(reference),
    )
    json.dumps(report.to_json(), allow_nan=False)
    return report.outputs[0]


def test_an_output_that_never_moves_is_dead() -> None:
    found = compared([[5, 1], [1, 5]], [[6, 6], [6, 6]], scale=0.25)
    assert "it is 1.5 everywhere, where the source varies from 1 to 5" in found.dead


def test_an_output_that_is_the_same_for_all_samples_is_dead() -> None:
    found = compared([[5, 1], [1, 5]], [[3, 4], [3, 4]], scale=0.25)
    assert "the same for all 2 samples, where the source differs by up to 4" in found.dead


def test_an_output_whose_source_hardly_moves_is_alive() -> None:
    """Less than eight of the artifact's steps: a sound file may miss that."""
    assert compared([[5, 5.4], [5.1, 5.2]], [[10, 10], [10, 10]]).dead == ""


def test_feature_maps_have_no_argmax() -> None:
    shape = (1, 2, 2)
    links = Links(inputs=(port("x", shape),), outputs=(port("y", shape),))
    same = Calls(lambda _: {"y": np.ones(shape, np.int8)})
    report = compare(same, same, links, [{"x": np.zeros(shape, np.float32)}])
    assert report.outputs[0].argmax_agreement is None


def test_no_samples_is_an_error() -> None:
    with raises_error("calibration-no-samples"):
        compare(Calls(dict), Calls(dict), Links(inputs=(), outputs=()), [])


def test_a_missing_output_is_named() -> None:
    links = Links(inputs=(), outputs=(port("y", (1, 2)),))
    with raises_error("output-missing", "'y'", "z"):
        compare(
            Calls(lambda _: {"y": np.zeros((1, 2), np.float32)}),
            Calls(lambda _: {"z": np.zeros((1, 2), np.int8)}),
            links,
            [{}],
        )


def test_inputs_are_bound_permuted_and_quantized() -> None:
    """x = 2 s + 1 on channel 0 and 4 s on channel 1, NCHW to NHWC, scale 0.5, zero point 3."""
    image = Port(
        name="x",
        source_shape=(1, 2, 1, 3),
        shape=(1, 1, 3, 2),
        permutation=(0, 2, 3, 1),
        dtype="uint8",
        quantization=Affine.of(0.5, 3),
    )
    binding = InputBinding(name="x", multiplier=(2.0, 4.0), offset=(1.0, 0.0))
    sample = {"x": np.array([[[[0, 1, 2]], [[-1, 0, 100]]]], np.float32)}
    made = to_artifact(sample, (image,), {"x": binding})["x"]
    assert made.dtype == np.uint8
    # channel 0: 1, 3, 5 -> 2, 6, 10 steps + 3; channel 1: -4, 0, 400 -> -8, 0, 800 + 3, clipped to 0..255
    np.testing.assert_array_equal(made, [[[[5, 0], [9, 3], [13, 255]]]])


def test_halves_are_rounded_to_even_as_numpy_does() -> None:
    made = to_artifact({"x": np.array([[0.25, 0.75, -0.25]], np.float32)}, (port("x", (1, 3)),), {})["x"]
    np.testing.assert_array_equal(made, [[0, 2, 0]])


def test_a_float_port_takes_the_values_as_they_are() -> None:
    made = to_artifact({"x": np.array([[0.3]], np.float32)}, (port("x", (1, 1), scale=None),), {})["x"]
    assert made.dtype == np.float32
    assert made[0, 0] == np.float32(0.3)


def test_a_number_stays_a_number() -> None:
    made = to_artifact({"x": np.array(0.3, np.float32)}, (port("x", (), scale=None),), {})["x"]
    assert made.shape == ()


def test_a_sample_of_another_shape_is_refused() -> None:
    with raises_error("samples-misfit", "'x'", "(1, 4)", "(1, 3)"):
        to_artifact({"x": np.zeros((1, 4), np.float32)}, (port("x", (1, 3)),), {})
    with raises_error("samples-misfit", "'x'", "z"):
        to_artifact({"z": np.zeros((1, 3), np.float32)}, (port("x", (1, 3)),), {})


@given(st.permutations(range(4)), st.lists(st.integers(1, 4), min_size=4, max_size=4), st.integers(-128, 127))
def test_what_goes_in_comes_out_within_half_a_step(order: list[int], extents: list[int], zero_point: int) -> None:
    source = tuple(extents)
    there = Port(
        name="x",
        source_shape=source,
        shape=tuple(source[axis] for axis in order),
        permutation=tuple(order),
        dtype="int8",
        quantization=Affine.of(0.25, zero_point),
    )
    steps = np.random.default_rng(0).integers(-128, 128, source) - zero_point
    values = (steps * 0.25).astype(np.float32)
    made = to_artifact({"x": values}, (there,), {})["x"]
    np.testing.assert_array_equal(from_artifact(made, there), values)


def test_reference_inferences_are_stacked_raw_integers() -> None:
    links = Links(inputs=(port("x", (1, 2)),), outputs=(port("y", (1, 2)),))
    samples = [{"x": np.full((1, 2), n, np.float32)} for n in range(5)]
    inputs, outputs, _ = reference_inferences(AsSource(Calls(lambda given: {"y": given["x"]}), links), samples, 3)
    assert inputs["x"].shape == (3, 1, 2)
    assert inputs["x"].dtype == np.int8
    np.testing.assert_array_equal(outputs["y"], inputs["x"])
    np.testing.assert_array_equal(inputs["x"][:, 0, 0], [0, 2, 4])


def test_a_part_is_compared_with_its_slice_of_the_source_model_s_output() -> None:
    """Of (3, 4, 100), the part holds the first two: 3 and 3.5 beside 3 and 4."""
    part = replace(port("y_part0", (1, 2)), part=Part(output="y", axis=1, start=0, stop=2))
    report = compare(
        Calls(lambda _: {"y": np.array([[3, 4, 100]], np.float32)}),
        Calls(lambda _: {"y_part0": np.array([[6, 7]], np.int8)}),
        Links(inputs=(port("x", (1, 1)),), outputs=(part,)),
        [{"x": np.zeros((1, 1), np.float32)}],
    )
    (found,) = report.outputs
    assert (found.name, found.max_error, found.peak) == ("y_part0", 0.5, 4.0)


def test_logits_are_compared_as_the_probabilities_that_they_stand_for() -> None:
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="y")
    logits = replace(port("y_logits", (1, 2)), activation=sigmoid)
    exact = np.array([[0.5, 1 / (1 + np.exp(-1.0))]], np.float32)
    links = Links(inputs=(port("x", (1, 1)),), outputs=(logits,))
    source, file = Calls(lambda _: {"y": exact}), Calls(lambda _: {"y_logits": np.array([[0, 2]], np.int8)})
    (output,) = compare(source, file, links, [{"x": np.zeros((1, 1), np.float32)}]).outputs
    assert output.max_error < 1e-6
    assert (output.name, output.source) == ("y", "y")
    assert output.step == 0.125  # a quarter of the logits': as much as a probability moves with one


def test_a_step_of_logits_is_a_smaller_step_of_a_probability_the_nearer_that_is_to_0() -> None:
    """Of 0.5 and 0.001, with steps of 0.5: 0.25 and 0.000999 as much."""
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="y")
    links = Links(inputs=(port("x", (1, 1)),), outputs=(replace(port("y_logits", (1, 2)), activation=sigmoid),))
    exact = np.array([[0.5, 0.001]])
    got = np.array([[0, -14]], np.int8)
    source, file = Calls(lambda _: {"y": exact}), Calls(lambda _: {"y_logits": got})
    (output,) = compare(source, file, links, [{"x": np.zeros((1, 1), np.float32)}]).outputs
    noise = (1 / (1 + math.exp(7)) - 0.001) ** 2 + (0.25**2 + 0.000999**2) * 0.5**2 / 12
    assert output.typical_db == pytest.approx(10 * math.log10((0.5**2 + 0.001**2) / noise))


def test_reference_inferences_tell_the_probabilities_beside_the_codes() -> None:
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="y")
    links = Links(inputs=(port("x", (1, 1)),), outputs=(replace(port("y_logits", (1, 2)), activation=sigmoid),))
    file = AsSource(Calls(lambda _: {"y_logits": np.array([[0, 2]], np.int8)}), links)
    _, outputs, whole = reference_inferences(file, [{"x": np.zeros((1, 1), np.float32)}], 3)
    assert outputs["y_logits"].tolist() == [[[0, 2]]]
    assert whole[0]["y"].dtype == np.float32
    assert whole[0]["y"][0] == pytest.approx([0.5, 1 / (1 + np.exp(-1.0))])
