"""Before and after: boxes and masks are drawn where both sides say, on the picture that the network was given."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from dlpuconv.calibration import Preprocessing
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.reporting.pictures import picture_pairs
from dlpuconv.verification.kinds.glance import Lookout
from dlpuconv.verification.kinds.kind import Region
from tests.reporting.material import html, material, page
from tests.reporting.test_browser import SIDEWAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt
    from playwright.sync_api import Page

    from dlpuconv.reporting import Material
    from dlpuconv.verification.kinds.kind import Kinds

    type Array = npt.NDArray[np.float32]

HEAD = (
    Region(kind=OutputKind.BOXES, axis=2, start=0, stop=4),
    Region(kind=OutputKind.SCORES, axis=2, start=4, stop=6),
)
SIZE = 84
"""Of the picture: a fifth of what is drawn."""


def looked(kinds: Kinds, *answers: tuple[Mapping[str, Array], Mapping[str, Array]], value: float = 100.0) -> Lookout:
    lookout = Lookout(kinds)
    for at, (expected, got) in enumerate(answers):
        sample = np.full((1, 3, SIZE, SIZE), value + at, np.float32)
        lookout.add({"image": sample}, expected, got)
    return lookout


def detections(*rows: tuple[float, ...]) -> dict[str, Array]:
    """[1, 4, 6]: centre, extent and two scores of each row, the other rows empty."""
    found = np.zeros((1, 4, 6), np.float32)
    for at, row in enumerate(rows):
        found[0, at] = row
    return {"y": found}


def seen(folder: Path, lookout: Lookout, preprocessing: Preprocessing | None = None) -> Material:
    given = material(folder)
    assert given.report.parity is not None
    report = replace(given.report, parity=replace(given.report.parity, glance=lookout.glance))
    return replace(given, report=report, preprocessing=preprocessing)


def pixels(url: str) -> npt.NDArray[np.int64]:
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int64)


def coloured(picture: npt.NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of all that is no gray."""
    rows, columns = np.nonzero(np.ptp(picture, axis=-1) > 40)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_a_box_is_drawn_where_it_is_on_both_sides(tmp_path: Path) -> None:
    ours, theirs = detections((0.5, 0.5, 0.5, 0.25, 0.9, 0.1)), detections((0.5, 0.75, 0.5, 0.25, 0.8, 0.1))
    (pair,) = picture_pairs(seen(tmp_path, looked({"y": HEAD}, (ours, theirs)), Preprocessing()))
    assert (pair.width, pair.height, pair.name, pair.kind) == (420, 420, "y", "boxes")
    assert (pair.before_text, pair.after_text) == ("float model: 1 box", "this file: 1 box")
    before, after = pixels(pair.before), pixels(pair.after)
    assert np.abs(np.subtract(coloured(before), (105, 157, 315, 262))).max() <= 3
    assert np.abs(np.subtract(coloured(after), (105, 262, 315, 367))).max() <= 3
    assert before[5, 5].tolist() == [100, 100, 100]


def test_where_classes_pass_everywhere_the_first_score_tells_where_anything_is(tmp_path: Path) -> None:
    regions = (HEAD[0], Region(kind=OutputKind.SCORES, axis=2, start=4, stop=7))
    answer = np.full((1, 4, 7), 0.3, np.float32)  # classes pass at every place
    answer[0, :, 4] = [0.9, 0.0, 0.0, 0.0]
    answer[0, :, 6] = [0.8, 0.4, 0.9, 0.4]
    (pair,) = picture_pairs(seen(tmp_path, looked({"y": regions}, ({"y": answer}, {"y": answer}))))
    assert pair.before_text == "float model: 1 box"


def test_boxes_in_pixels_are_drawn_like_those_in_shares(tmp_path: Path) -> None:
    row = (42.0, 42.0, 42.0, 21.0, 0.9, 0.1)
    (pair,) = picture_pairs(seen(tmp_path, looked({"y": HEAD}, (detections(row), detections(row))), Preprocessing()))
    assert np.abs(np.subtract(coloured(pixels(pair.before)), (105, 157, 315, 262))).max() <= 3


def test_of_boxes_that_overlap_the_strongest_is_left_and_weak_ones_are_none(tmp_path: Path) -> None:
    rows = ((0.5, 0.5, 0.5, 0.5, 0.9, 0.1), (0.51, 0.5, 0.5, 0.5, 0.8, 0.1), (0.1, 0.1, 0.1, 0.1, 0.2, 0.1))
    (pair,) = picture_pairs(seen(tmp_path, looked({"y": HEAD}, (detections(*rows), detections(*rows[2:])))))
    assert (pair.before_text, pair.after_text) == ("float model: 1 box", "this file: 0 boxes")


def test_the_first_sample_with_something_in_it_is_shown(tmp_path: Path) -> None:
    nothing, something = detections(), detections((0.5, 0.5, 0.5, 0.5, 0.9, 0.1))
    lookout = looked({"y": HEAD}, (nothing, something), (something, something), (something, nothing))
    assert lookout.glance is not None
    assert lookout.glance.sample["image"].max() == 101.0
    (pair,) = picture_pairs(seen(tmp_path, lookout))
    assert pair.after_text == "this file: 1 box"
    unseen = looked({"y": HEAD}, (nothing, nothing), (nothing, nothing)).glance
    assert unseen is not None
    assert unseen.sample["image"].max() == 100.0


def test_masks_are_drawn_over_their_part_of_the_picture(tmp_path: Path) -> None:
    ours = np.zeros((1, 1, 42, 42), np.float32)
    ours[..., :21, :] = 0.9
    kinds = {"m": (Region(kind=OutputKind.MASKS),)}
    (pair,) = picture_pairs(seen(tmp_path, looked(kinds, ({"m": ours}, {"m": ours * 0.1})), Preprocessing()))
    assert (pair.before_text, pair.after_text) == (
        "float model: 50.0% of the picture",
        "this file: 0.0% of the picture",
    )
    assert np.abs(np.subtract(coloured(pixels(pair.before)), (0, 0, 419, 209))).max() <= 5
    assert np.ptp(pixels(pair.after), axis=-1).max() <= 10


def test_a_normalized_picture_is_shown_as_it_was(tmp_path: Path) -> None:
    row = detections((0.5, 0.5, 0.5, 0.5, 0.9, 0.1))
    lookout = looked({"y": HEAD}, (row, row), value=0.5)
    shown = picture_pairs(seen(tmp_path, lookout, Preprocessing(mean=(10.0,), std=(20.0,), stated=True)))
    assert pixels(shown[0].before)[2, 2].tolist() == [20, 20, 20]  # 0.5 * 20 + 10


@pytest.mark.parametrize("kind", [OutputKind.CLASSES, OutputKind.EMBEDDINGS, OutputKind.VALUES, OutputKind.SCORES])
def test_a_network_without_boxes_or_masks_has_no_pictures(tmp_path: Path, kind: OutputKind) -> None:
    answer = {"y": np.ones((1, 10), np.float32)}
    assert looked({"y": (Region(kind=kind),)}, (answer, answer)).glance is None
    assert page(tmp_path).pictures == ()
    assert "<img" not in html(tmp_path)


def test_what_takes_no_picture_has_none(tmp_path: Path) -> None:
    lookout = Lookout({"y": HEAD})
    row = detections((0.5, 0.5, 0.5, 0.5, 0.9, 0.1))
    lookout.add({"spectrum": np.zeros((1, 1, 49, 10), np.float32)}, row, row)
    assert picture_pairs(seen(tmp_path, lookout)) == ()


def test_numbers_that_are_none_and_shapes_that_differ_are_survived(tmp_path: Path) -> None:
    broken = detections((np.nan, np.inf, 1.0, 1.0, 0.9, 0.1))
    assert len(picture_pairs(seen(tmp_path, looked({"y": HEAD}, (broken, detections()))))) == 1
    other = {"y": np.zeros((1, 3, 6), np.float32)}
    looked({"y": HEAD}, (detections(), other), (other, detections()))
    masks = {"m": (Region(kind=OutputKind.MASKS, classes=7),)}
    assert looked(masks, ({"m": np.zeros((1, 2), np.float32)}, {"m": np.zeros((1, 2), np.float32)})).glance is None


def test_the_pictures_are_on_the_page_in_a_browser(tmp_path: Path, open_page: Callable[..., Page]) -> None:
    from dlpuconv.reporting import make_page, render

    row = detections((0.5, 0.5, 0.5, 0.5, 0.9, 0.1))
    opened = open_page(render(make_page(seen(tmp_path, looked({"y": HEAD}, (row, row))))), 390)
    images = opened.locator(".pair img")
    assert images.count() == 2
    assert [image.evaluate("(image) => image.naturalWidth") for image in images.all()] == [420, 420]
    assert opened.evaluate(SIDEWAYS) == []
