from __future__ import annotations

import io

import numpy as np

from dlpuconv.delivery import Reference


def test_reference_data_come_back_as_they_went_in_and_are_the_same_bytes_each_time() -> None:
    x = np.arange(6, dtype=np.uint8).reshape(3, 2)
    y = np.array([[1], [2], [3]], np.int8)
    reference = Reference({"images": x}, {"scores/1": y})
    content = reference.to_npz()
    with np.load(io.BytesIO(content), allow_pickle=False) as back:
        assert sorted(back) == ["input.images", "output.scores/1"]
        assert np.array_equal(back["input.images"], x)
        assert np.array_equal(back["output.scores/1"], y)
        assert back["output.scores/1"].dtype == np.int8
    assert reference.to_npz() == content
