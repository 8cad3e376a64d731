"""Signal-to-noise ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlpuconv.decibel import MOST_DB, Powers, SampleRatios, ratio_db, share_db


def test_sums_run_over_samples() -> None:
    powers = Powers()
    powers.add(np.array([3.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
    powers.add([1.0, 0.0], [0.5, 0.0])
    assert (powers.signal, powers.noise) == (10.0, 0.5)
    assert powers.decibels == pytest.approx(10 * math.log10(20))


def test_codes_are_not_summed_in_their_own_narrow_type() -> None:
    powers = Powers()
    powers.add(np.full(1000, 127, np.int8), np.full(1000, -128, np.int8))
    assert (powers.signal, powers.noise) == (127**2 * 1000, 255**2 * 1000)


def test_without_signal_or_without_noise_there_is_no_ratio() -> None:
    assert ratio_db(0.0, 1.0) is None
    assert ratio_db(1.0, 0.0) is None
    assert Powers().decibels is None


def test_ratios_that_say_nothing_more_are_cut() -> None:
    assert ratio_db(1e300, 1e-300) == MOST_DB
    assert ratio_db(1e-300, math.inf) == -MOST_DB


def test_a_share_of_a_hundredth_is_twenty_decibels() -> None:
    assert share_db(0.01) == pytest.approx(20)
    assert share_db(0.0) == math.inf


def test_labels_are_averaged_by_their_share() -> None:
    """Right (60 dB, a noise of 1e-6), and wrong throughout (0 dB, a noise of 1): half of it is 3 dB."""
    assert SampleRatios((60.0, 0.0), (1.0, 1.0), of_noise=True).typical_db == pytest.approx(3.0103, abs=1e-3)


def test_samples_weigh_as_much_as_they_have_signal() -> None:
    assert SampleRatios((10.0, 30.0), (3.0, 1.0)).typical_db == pytest.approx(15.0)
    assert SampleRatios((10.0, 30.0), (0.0, 0.0)).typical_db is None
