from __future__ import annotations

import numpy as np

from dlpuconv.quantization.techniques.second_moments import Sums


def test_moments_and_means_are_those_of_all_positions_that_were_seen() -> None:
    x = np.array([[[1.0, 2.0], [3.0, 0.0], [5.0, 4.0]]], np.float32)
    q = x - np.array([0.5, 0.25], np.float32)
    sums, rest = Sums(), Sums()
    sums.add(x[:, :1], q[:, :1])
    sums.add(x[:, 1:], q[:, 1:])
    rest.add(x[:, :1] + 8, q[:, :1])
    plain, central = sums.moments(centred=False), sums.moments(centred=True)
    assert np.allclose(plain.read[0], q[0].T @ q[0] / 3)
    assert np.allclose(plain.drift[0], [0.5 * q[0].mean(axis=0), 0.25 * q[0].mean(axis=0)])
    assert np.allclose(central.read[0], np.cov(q[0].T, ddof=0))
    assert np.allclose(central.drift, 0.0, atol=1e-6)
    mean_x, mean_q = sums.means(rest)
    assert np.allclose(mean_x, [[(1 + 3 + 5 + 9) / 4, (2 + 0 + 4 + 10) / 4]])
    assert np.allclose(mean_q, mean_x - [[(1.5 + 8.5) / 4, (0.75 + 8.25) / 4]])


def test_the_mean_of_equal_values_is_exactly_that_value() -> None:
    sums = Sums()
    for _ in range(3):
        sums.add(np.full((1, 7, 2), 0.7, np.float32), np.full((1, 7, 2), 0.7, np.float32))
    assert not sums.moments(centred=True).read.any()
    assert sums.means(sums)[1].tolist() == [[np.float32(0.7), np.float32(0.7)]]


def test_how_many_rows_are_added_up_at_once_does_not_matter() -> None:
    random = np.random.default_rng(2)
    q = random.normal(2.0, 1.0, (3, 900_000, 2)).astype(np.float32)  # more than are held back
    x = q * np.float32(1.5)
    whole, parts = Sums(), Sums()
    whole.add(x, q)
    for begin in range(0, q.shape[1], 250_000):
        parts.add(x[:, begin : begin + 250_000], q[:, begin : begin + 250_000])
    for centred in (True, False):
        one, other = whole.moments(centred=centred), parts.moments(centred=centred)
        assert np.allclose(one.read, other.read, rtol=1e-4, atol=1e-4)
        assert np.allclose(one.drift, other.drift, rtol=1e-4, atol=1e-4)
    assert np.allclose(whole.means(whole), parts.means(parts), rtol=1e-5)


def test_some_positions_of_each_sample_are_kept_less_the_means_of_all() -> None:
    q = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    long = np.arange(260, dtype=np.float32).reshape(1, 130, 2)
    sums = Sums()
    for values in (q, long):
        sums.add(values + 2, values)
    plain, central = sums.moments(centred=False).probe, sums.moments(centred=True).probe
    assert plain.starts.tolist() == [0, 4], "at most 64 positions: every third of 130"
    assert np.allclose(plain.near, np.concatenate([q, long[:, ::3]], axis=1))
    assert np.allclose(plain.drift, 2)
    mean = np.concatenate([q, long], axis=1).mean(axis=1, keepdims=True)
    assert np.allclose(central.near, plain.near - mean, atol=1e-4)
    assert np.allclose(central.drift, 0, atol=1e-6)
