"""Whether a network is fed what it was trained on: what its own numbers say of right and wrong normalizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.calibration import make_preprocessing, open_calibration
from dlpuconv.calibration.stored import ImageSamples
from dlpuconv.display.progress import Silent
from dlpuconv.input_fit import find_misfits
from dlpuconv.passes import normalize
from tests.passes.rewriting import floats, model

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.ir import Model
    from dlpuconv.verification.misfit import Misfit

IMAGENET = make_preprocessing(preset="imagenet")
UNIT = make_preprocessing(preset="0-1")
PIXELS = make_preprocessing(preset="0-255")
AS_IT_IS = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
HEAD = "(float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] z)"
REMEMBERS = f"""{HEAD} {{
    y = Conv (x, w)
    [the_norm] n = BatchNormalization (y, gamma, beta, mu, var)
    z = Relu (n)
}}"""
FOLDED = f"""{HEAD} {{
    [first] y = Conv (x, w, b)
    z = Clip (y, zero, six)
}}"""
PLAIN = f"""{HEAD} {{
    y = Conv (x, w, b)
    z = Relu (y)
}}"""


def remembering(made: Preprocessing) -> Model:
    """A network that was trained on pixels of mean 127 and deviation 60, normalized so."""
    mean, std = (np.asarray(values) for values in made.per_channel(3))
    return model(
        REMEMBERS,
        w=AS_IT_IS,
        gamma=floats(1, 1, 1),
        beta=floats(0, 0, 0),
        mu=((127 - mean) / std).astype(np.float32),
        var=np.square(60 / std).astype(np.float32),
    )


def folded(graph: str = FOLDED, bias: float = 1.0) -> Model:
    constants = {} if graph == PLAIN else {"zero": np.float32(0), "six": np.float32(6)}
    return model(graph, w=AS_IT_IS, b=floats(bias, -bias, bias), **{k: np.asarray(v) for k, v in constants.items()})


def pictures(mean: int = 127, deviation: int = 60) -> npt.NDArray[np.uint8]:
    """[8, 8, 3]: half of the pixels brighter than the mean by `deviation`, half as much darker."""
    checks = np.indices((8, 8)).sum(0) % 2 * 2 - 1
    return np.repeat((mean + deviation * checks)[..., None], 3, -1).astype(np.uint8)


def misfits(network: Model, made: Preprocessing, picture: npt.NDArray[np.uint8] | None = None) -> tuple[Misfit, ...]:
    spec = network.signature.inputs[0]
    spool = ImageSamples.pixel_spool(spec)
    for _ in range(3):
        spool.append({"pixels": pictures() if picture is None else picture})
    return find_misfits(network, normalize(network)[0], ImageSamples(spool, spec, made), made)


def arrays(network: Model, values: Any, made: Preprocessing) -> tuple[Misfit, ...]:
    found = open_calibration(values, signature=network.signature, preprocessing=made, progress=Silent())
    assert found is not None
    return find_misfits(network, normalize(network)[0], found.fit, made)


@pytest.mark.parametrize("preset", ["imagenet", "0-1", "-1-1", "0-255"])
def test_the_normalization_of_training_is_not_doubted(preset: str) -> None:
    made = make_preprocessing(preset=preset)
    assert misfits(remembering(made), made) == ()
    assert misfits(remembering(made), make_preprocessing(preset=preset, color="bgr")) == ()


@pytest.mark.parametrize(
    ("trained", "stated", "figure"),
    [
        ("0-1", "0-255", "255 times as widely"),
        ("imagenet", "0-255", "57.4 times as widely"),  # the middle of 58.395, 57.12 and 57.375
        ("0-255", "0-1", "255 times as narrowly"),
        ("imagenet", "0-1", "4.44 times as narrowly"),
        ("0-1", "imagenet", "4.44 times as widely"),
    ],
)
def test_a_batch_normalization_tells_the_preset_that_it_was_trained_with(
    trained: str, stated: str, figure: str
) -> None:
    (found,) = misfits(remembering(make_preprocessing(preset=trained)), make_preprocessing(preset=stated))
    assert found.input == "x"
    assert found.presets == (trained,)
    spread = f"on the samples, the values that reach the batch normalization 'the_norm' spread {figure} as in training"
    assert found.detail == f"{spread}; --preset {trained} would fit"


def test_no_normalization_at_all_is_raw_pixels() -> None:
    (found,) = misfits(remembering(UNIT), make_preprocessing())
    assert found.presets == ("0-1",)


@pytest.mark.parametrize(("trained", "stated"), [("0-1", "-1-1"), ("-1-1", "0-1"), ("imagenet", "-1-1")])
def test_what_other_pictures_could_do_as_well_is_not_doubted(trained: str, stated: str) -> None:
    assert misfits(remembering(make_preprocessing(preset=trained)), make_preprocessing(preset=stated)) == ()


def test_dull_pictures_are_not_taken_for_another_normalization() -> None:
    """A deviation of 15 instead of 60 is what 0-1 makes of ImageNet's as well; no contrast at all tells nothing."""
    assert misfits(remembering(IMAGENET), IMAGENET, pictures(deviation=15)) == ()
    assert misfits(remembering(make_preprocessing(preset="-1-1")), make_preprocessing(preset="-1-1"),
                   pictures(deviation=14)) == ()  # fmt: skip
    assert misfits(remembering(UNIT), UNIT, pictures(deviation=1)) == ()
    assert misfits(remembering(UNIT), UNIT, pictures(60, 30)) == ()


def test_a_normalization_far_from_every_preset_is_doubted_without_naming_one() -> None:
    tiny = make_preprocessing(mean=127, std=60 * 255)
    assert misfits(remembering(tiny), tiny) == ()
    (found,) = misfits(remembering(tiny), UNIT)
    assert found.presets == ()
    assert found.detail.endswith("spread 60 times as widely as in training; none of the presets is known to fit")


def test_numbers_behind_identities_and_in_constant_nodes_are_read() -> None:
    hidden = REMEMBERS.replace(
        "y = Conv", "m = Constant <value_floats = [0.5, 0.5, 0.5]> () v = Identity (var) y = Conv"
    )
    network = model(
        hidden.replace("mu, var", "m, v"),
        w=AS_IT_IS,
        gamma=floats(1, 1, 1),
        beta=floats(0, 0, 0),
        var=floats(0.06, 0.06, 0.06),
    )
    assert misfits(network, UNIT) == ()
    assert [found.presets for found in misfits(network, PIXELS)] == [("0-1",)]


def test_a_batch_normalization_of_the_input_itself_tells_as_well() -> None:
    first = model(
        f"{HEAD} {{ n = BatchNormalization (x, gamma, beta, mu, var) z = Relu (n) }}",
        gamma=floats(1, 1, 1),
        beta=floats(0, 0, 0),
        mu=floats(0.5, 0.5, 0.5),
        var=floats(0.055, 0.055, 0.055),
    )
    assert misfits(first, UNIT) == ()
    assert [found.presets for found in misfits(first, PIXELS)] == [("0-1",)]


def test_a_network_that_was_never_trained_remembers_nothing() -> None:
    fresh = model(REMEMBERS, w=AS_IT_IS, gamma=floats(1, 1, 1), beta=floats(0, 0, 0), mu=floats(0, 0, 0),
                  var=floats(1, 1, 1))  # fmt: skip
    assert misfits(fresh, PIXELS) == ()


def test_channels_that_never_moved_tell_nothing() -> None:
    network = remembering(UNIT)
    still = model(
        REMEMBERS,
        w=AS_IT_IS * floats(0, 1, 1).reshape(3, 1, 1, 1),
        gamma=floats(1, 1, 1),
        beta=floats(0, 0, 0),
        mu=floats(0, 0.5, 0.5),
        var=floats(0, 0.055, 0.055),
    )
    assert misfits(still, UNIT) == misfits(network, UNIT) == ()
    assert [found.presets for found in misfits(still, PIXELS)] == [("0-1",)]


# -- where batch normalization was folded away -----------------------------------------------------------------------


def test_biases_that_took_in_a_batch_normalization_are_of_its_outputs_size() -> None:
    """A deviation of 60 becomes 0.24 (0-1), 0.47 (-1-1) or 1.04 (imagenet): 0.47, 0.94 and 2.1 times biases of 0.5."""
    for preset in ("imagenet", "0-1", "-1-1"):
        assert misfits(folded(), make_preprocessing(preset=preset)) == ()
    (found,) = misfits(folded(bias=0.5), PIXELS)
    assert found.presets == ("-1-1", "imagenet", "0-1")
    assert found.detail == (
        "on the samples, the output of the first convolution 'first' varies 120 times as much as its biases, which are"
        " of about its size after training; --preset -1-1, imagenet or 0-1 would fit; which of them is right cannot be"
        " told from the network"
    )


def test_a_network_of_raw_pixels_is_starved_by_normalized_ones() -> None:
    assert misfits(folded(bias=60), PIXELS) == ()
    (found,) = misfits(folded(bias=60), UNIT)
    assert found.presets == ("0-255",)
    assert "varies 255 times as little as its biases" in found.detail


def test_small_biases_of_networks_without_batch_normalization_mean_nothing() -> None:
    assert misfits(folded(PLAIN, bias=0.1), PIXELS) == ()
    assert misfits(folded(bias=0.0), PIXELS) == ()


# -- arrays ----------------------------------------------------------------------------------------------------------


def test_arrays_are_judged_as_they_are() -> None:
    raw = np.stack([pictures().transpose(2, 0, 1)] * 5)
    made = [
        arrays(remembering(UNIT), values, stated)
        for values, stated in (
            (raw / 255, make_preprocessing()),
            (raw / 255, UNIT),
            (raw.astype(np.float32), make_preprocessing()),
            (raw + 0.25, make_preprocessing()),
        )
    ]
    assert [[found.presets for found in misfit] for misfit in made] == [[], [], [("0-1",)], [()]]


def test_inputs_that_are_no_pictures_and_several_pictures_are_left_alone() -> None:
    vector = model("(float[1, 3] x) => (float[1, 3] z) { z = BatchNormalization (x, one, one, one, one) }",
                   one=floats(1, 1, 1))  # fmt: skip
    assert arrays(vector, np.arange(12.0).reshape(4, 3) * 1e6, make_preprocessing()) == ()
    two = model(
        "(float[1, 3, 8, 8] x, float[1, 3, 8, 8] y) => (float[1, 3, 8, 8] z)"
        " { s = Add (x, y) z = BatchNormalization (s, one, one, one, one) }",
        one=floats(1, 1, 1),
    )
    values = np.random.default_rng(0).normal(0, 1e6, (4, 3, 8, 8))
    assert arrays(two, {"x": values, "y": values}, make_preprocessing()) == ()
