"""One metric for a module, its model and the files made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import dlpuconv
from dlpuconv.frontends import SourceOptions
from dlpuconv.frontends import load as read
from tests.error_ids import raises_error
from tests.frontends.support import build, node, value
from tests.passes.rewriting import random

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from dlpuconv.workflow.conversion import Converted

IMAGES = random(6, 3, 8, 8)


def error_of(predict: Any, data: Any) -> float:
    """How far a network is from what it should answer, negative, as higher is better."""
    images, expected = data
    return -float(np.abs(next(iter(predict(images).values())) - expected).mean())


def network() -> onnx.ModelProto:
    """image [1, 3, 8, 8] -> Conv -> Relu -> map."""
    return build(
        [node("Conv", ["image", "w"], ["a"], name="conv"), node("Relu", ["a"], ["map"], name="relu")],
        [value("image", (1, 3, 8, 8))],
        [value("map", (1, 4, 6, 6))],
        {"w": random(4, 3, 3, 3) / 5},
    )


def expected(images: Any) -> Any:
    torch = pytest.importorskip("torch")
    return torch.nn.functional.conv2d(torch.from_numpy(images), torch.from_numpy(random(4, 3, 3, 3) / 5)).relu().numpy()


@pytest.fixture(scope="module")
def converted() -> Converted:
    made = dlpuconv.convert(
        network(), target="artpec9", calibration=IMAGES, effort="fast", mean=127.5, std=51.0, cache=False
    )
    return made["artpec9"]


def test_a_model_and_its_file_are_scored_by_the_same_function(converted: Converted, tmp_path: Path) -> None:
    data = IMAGES, expected(IMAGES)
    file = tmp_path / "net.onnx"
    file.write_bytes(network().SerializeToString())
    for source in (network(), file, str(file), read(network(), SourceOptions()), dlpuconv.load(file)):
        assert dlpuconv.evaluate(source, data, error_of) == pytest.approx(0, abs=1e-5)
    score = dlpuconv.evaluate(converted, data, error_of)
    assert -0.05 < score < -1e-4  # of 8 bits
    assert dlpuconv.evaluate(converted, data, error_of, workers=2) == score


@pytest.mark.slow
def test_a_module_is_computed_by_torch_itself_and_stays_as_it_is() -> None:
    torch = pytest.importorskip("torch")

    class Doubling(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, image: Any) -> Any:
            return {"double": 2 * self.drop(image), "rest": (image, image)}

    module = Doubling()

    def metric(predict: Any, images: Any) -> float:
        by_place, by_name = predict(torch.from_numpy(images)), predict({"image": images})
        assert list(by_place) == ["double", "rest.0", "rest.1"]
        np.testing.assert_array_equal(by_place["double"], 2 * images)
        np.testing.assert_array_equal(by_name["double"], 2 * images)
        return 1.0

    assert dlpuconv.evaluate(module, IMAGES, metric) == 1.0
    assert module.training
    assert module.drop.training


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bfloat16", "float32"])
def test_a_module_gets_and_gives_numbers_of_any_type(kind: str) -> None:
    torch = pytest.importorskip("torch")

    class Picking(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("rows", torch.tensor([1, 0]))
            self.register_buffer("factor", torch.tensor(0.5, dtype=getattr(torch, kind)))

        def forward(self, image: Any) -> Any:
            return image[:, self.rows] * self.factor

    def metric(predict: Any, images: Any) -> float:
        (found,) = predict(images).values()
        np.testing.assert_allclose(found, images[:, [1, 0]] / 2, rtol=0.01)
        assert found.dtype == np.float32
        return 1.0

    assert dlpuconv.evaluate(Picking(), IMAGES, metric) == 1.0


def test_a_metric_that_fails_or_gives_no_number_is_told(converted: Converted) -> None:
    with raises_error("metric-not-a-number", "nan"):
        dlpuconv.evaluate(converted, IMAGES, lambda *_: float("nan"))
    with raises_error("option-value", "workers="):
        dlpuconv.evaluate(converted, IMAGES, error_of, workers=0)


def test_a_conversion_predicts_arrays_batches_and_pictures(converted: Converted, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    image = ((pixels.astype(np.float32) - 127.5) / 51).transpose(2, 0, 1)[None]
    wanted = converted.predict(image)["map"]
    np.testing.assert_allclose(wanted, expected(image), atol=0.1)
    for given in (tmp_path / "picture.png", str(tmp_path / "picture.png"), Image.fromarray(pixels)):
        np.testing.assert_array_equal(converted.predict(given)["map"], wanted)
    both = converted.predict({"image": [tmp_path / "picture.png", Image.fromarray(pixels)]}, workers=2)["map"]
    np.testing.assert_array_equal(both, np.concatenate([wanted, wanted]))
    np.testing.assert_array_equal(converted.predict(IMAGES[:2])["map"][1:], converted.predict(IMAGES[1])["map"])


def test_a_picture_that_cannot_be_taken_is_refused(converted: Converted, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with raises_error("picture-unreadable", "text.png"):
        converted.predict(tmp_path / "text.png")
    file = tmp_path / "net.onnx"
    file.write_bytes(network().SerializeToString())
    with raises_error("picture-not-taken"):
        dlpuconv.load(file)(image=tmp_path / "text.png")


def test_a_module_that_writes_into_its_buffers_is_evaluated_as_it_is_and_stays_so() -> None:
    torch = pytest.importorskip("torch")

    class Counting(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, image: Any) -> Any:
            self.calls.add_(1)
            return image * 2

    module = Counting()
    assert dlpuconv.evaluate(module, [(IMAGES, IMAGES * 2)] * 2, _error_of_batches) == pytest.approx(0.0)
    assert module.calls.item() == 0


def _error_of_batches(predict: Any, batches: Any) -> float:
    return float(np.mean([error_of(predict, batch) for batch in batches]))
