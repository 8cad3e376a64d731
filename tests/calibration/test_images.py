from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dlpuconv.calibration import PixelSamples, Preprocessing, make_preprocessing, raw_images
from dlpuconv.errors import CalibrationError, UsageError
from dlpuconv.ir import Layout
from tests.calibration.support import RGB_4X6, Audience, all_values, picture, read, spec, takes, write_pictures


def test_images_are_normalized_into_the_models_layout(tmp_path: Path) -> None:
    (pixels,) = write_pictures(tmp_path, 1)
    made = make_preprocessing(mean="10,20,30", std="2,4,8")
    (sample,) = read(tmp_path, preprocessing=made).fit
    expected = (pixels.astype(np.float32) - [10, 20, 30]) / [2, 4, 8]
    np.testing.assert_allclose(sample["x"], expected.transpose(2, 0, 1)[None], rtol=1e-6)
    assert sample["x"].dtype == np.float32
    assert sample["x"].flags.c_contiguous


def test_a_model_of_nhwc_gets_nhwc(tmp_path: Path) -> None:
    (pixels,) = write_pictures(tmp_path, 1)
    (sample,) = read(tmp_path, takes(spec(1, 4, 6, 3, layout=Layout.NHWC))).fit
    np.testing.assert_array_equal(sample["x"], pixels[None])


def test_bgr_models_get_blue_first_while_the_camera_delivers_rgb(tmp_path: Path) -> None:
    (pixels,) = write_pictures(tmp_path, 1)
    found = read(tmp_path, preprocessing=make_preprocessing(color="bgr", preset="0-255")).fit
    (sample,) = found
    np.testing.assert_array_equal(sample["x"][0], pixels[..., ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(next(raw_images(found)), pixels)


def test_a_one_channel_model_gets_gray(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    found = read(tmp_path, takes(spec(1, 1, 4, 6))).fit
    (sample,) = found
    assert sample["x"].shape == (1, 1, 4, 6)
    assert isinstance(found, PixelSamples)
    assert found.pixels(0).shape == (4, 6, 1)


def test_folders_are_read_recursively_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    for name, target in (("000.png", "b/000.PNG"), ("001.png", "a/z.Png"), ("002.png", "a/b/c.png")):
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / name, tmp_path / target)
    found = read(tmp_path, validation=tmp_path).fit
    for got, number in zip(raw_images(found), (2, 1, 0), strict=True):
        np.testing.assert_array_equal(got, picture(number))


def test_hidden_files_and_other_files_are_left_alone(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "._000.png").write_bytes(b"a fork")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "x.png").write_bytes(b"gone")
    (tmp_path / "labels.txt").write_text("cat")
    assert len(read(tmp_path, validation=tmp_path).fit) == 1


def test_every_fifth_image_is_held_out_and_never_fitted(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path, 11)
    found = read(tmp_path)
    np.testing.assert_array_equal(list(raw_images(found.held_out)), [pictures[4], pictures[9]])
    assert len(found.fit) == 9
    fitted = {image.tobytes() for image in raw_images(found.fit)}
    assert not fitted & {image.tobytes() for image in raw_images(found.held_out)}


def test_samples_can_be_read_again_and_again(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    found = read(tmp_path)
    first, second = all_values(found), all_values(found)
    np.testing.assert_array_equal(first, second)


def test_a_few_unreadable_images_are_listed_and_skipped(tmp_path: Path) -> None:
    write_pictures(tmp_path, 10)
    (tmp_path / "003.png").write_bytes(b"no image")
    audience = Audience()
    found = read(tmp_path, audience=audience)
    assert len(found.fit) + len(found.held_out) == 9
    told = "1 of 10 images cannot be read and were skipped: 003.png (not an image)"
    assert told in found.warnings
    assert told in audience.messages


def test_more_than_a_tenth_unreadable_is_an_error(tmp_path: Path) -> None:
    write_pictures(tmp_path, 10)
    for name in ("003.png", "007.png"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:60])
    with pytest.raises(CalibrationError, match=r"2 of 10 images in .* cannot be read, more than 10 %: 003.png \("):
        read(tmp_path)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"no images in .*looked for .jpg, .jpeg, .png, .bmp, .webp"):
        read(tmp_path)


def test_a_limit_takes_images_from_everywhere(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path, 9)
    found = read(tmp_path, limit=3, validation=tmp_path).fit
    np.testing.assert_array_equal(list(raw_images(found)), [pictures[0], pictures[4], pictures[8]])


@pytest.mark.parametrize(
    "signature",
    [
        takes(spec(1, 5)),
        takes(spec(1, 3, 4, 6), spec(1, 3, name="y")),
        takes(spec(1, 4, 4, 6)),
        takes(spec(2, 3, 4, 6)),
    ],
)
def test_images_for_a_model_that_takes_something_else_ask_for_an_npz(tmp_path: Path, signature: object) -> None:
    write_pictures(tmp_path, 1)
    with pytest.raises(CalibrationError, match=r"cannot feed this model, .*give an .npz with the keys? 'x'"):
        read(tmp_path, signature)  # type: ignore[arg-type] # parametrized


def test_preprocessing_for_other_channels_is_a_usage_error(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    with pytest.raises(UsageError, match="--mean has 3 values"):
        read(tmp_path, takes(spec(1, 1, 4, 6)), preprocessing=make_preprocessing(preset="imagenet"))


def test_the_digest_follows_content_and_preprocessing_but_not_names(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", 2)
    write_pictures(tmp_path / "b", 2)
    (tmp_path / "b" / "000.png").rename(tmp_path / "b" / "0000.png")

    def digest(folder: str, preprocessing: Preprocessing | None = None) -> str:
        return read(tmp_path / folder, validation=tmp_path / "a", preprocessing=preprocessing).fit.digest

    assert digest("a") == digest("b")
    assert digest("a") != digest("a", make_preprocessing(preset="imagenet"))
    before = digest("b")
    write_pictures(tmp_path / "b", 3)
    assert digest("b") != before


def test_progress_shows_every_image(tmp_path: Path) -> None:
    write_pictures(tmp_path, 7)
    audience = Audience()
    read(tmp_path, RGB_4X6, audience=audience)
    assert audience.stages == [("reading calibration samples", 7)]
    assert audience.steps == 7


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def closed(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(CalibrationError, match="cannot be read: Permission denied"):
        read(tmp_path)
