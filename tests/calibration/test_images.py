from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from dlpuconv.calibration import PixelSamples, Preprocessing, images, make_preprocessing, raw_images
from dlpuconv.ir import Layout
from tests.calibration.support import RGB_4X6, Audience, all_values, picture, read, spec, takes, write_pictures
from tests.error_ids import raises_error


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
    with raises_error("calibration-images-unreadable", "2 of 10", "10 %", "003.png"):
        read(tmp_path)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with raises_error("calibration-no-images", ".jpg, .jpeg, .png, .bmp, .webp"):
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
    with raises_error("calibration-images-unfit", ".npz", "'x'"):
        read(tmp_path, signature)  # type: ignore[arg-type] # parametrized


def test_preprocessing_for_other_channels_is_a_usage_error(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    with raises_error("preprocessing-channels", "--mean has 3 values"):
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
    with raises_error("calibration-unreadable", "Permission denied"):
        read(tmp_path)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\n%%EndComments\nshowpage\n%%EOF\n"


def test_a_picture_that_pillow_would_give_to_ghostscript_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, mark = tmp_path / "tools", tmp_path / "mark"
    tools.mkdir()
    (tools / "gs").write_text(f"#!/bin/sh\necho 10.0 >> {mark}\necho 10.0\n")
    (tools / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # what Pillow found before is forgotten
    write_pictures(tmp_path / "images", 10)
    (tmp_path / "images" / "003.png").write_bytes(EPS)
    found = read(tmp_path / "images")
    assert not mark.exists()
    assert (
        "1 of 10 images cannot be read and were skipped: "
        "003.png (a PostScript file: only PNG, JPEG, BMP and WebP are read)" in found.warnings
    )


def test_pictures_of_other_kinds_are_counted_and_named(tmp_path: Path) -> None:
    write_pictures(tmp_path, 100)
    for name, kind in (("007.png", "GIF"), ("050.png", "TIFF")):
        Image.fromarray(picture()).save(tmp_path / name, kind)
    (tmp_path / "099.png").write_bytes(EPS)
    only = "only PNG, JPEG, BMP and WebP are read"
    found = read(tmp_path)
    assert len(found.fit) + len(found.held_out) == 97
    assert (
        f"3 of 100 images cannot be read and were skipped: 007.png (a GIF file: {only}), "
        f"050.png (a TIFF file: {only}), 099.png (a PostScript file: {only})" in found.warnings
    )


def test_pictures_of_other_suffixes_are_counted_and_named_and_labels_are_not(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    for name, kind in (("a/b.tif", "TIFF"), ("c.gif", "GIF"), ("photo", "JPEG")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture()).save(tmp_path / name, kind)
    (tmp_path / "000.txt").write_text("BMW 0.1 0.2 0.3 0.4")
    os.mkfifo(tmp_path / "pipe")
    found = read(tmp_path, validation=tmp_path)
    assert len(found.fit) == 2
    assert (
        "3 pictures have other suffixes and were left out: a/b.tif (TIFF), c.gif (GIF), photo (JPEG); "
        "only PNG, JPEG, BMP and WebP are read, under names in .jpg, .jpeg, .png, .bmp, .webp" in found.warnings
    )


def test_a_folder_of_other_kinds_only_says_what_it_holds(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.tif")
    with raises_error("calibration-no-images", "1 picture", "a.tif (TIFF)"):
        read(tmp_path)


def test_a_pipe_named_like_a_picture_is_not_waited_for(tmp_path: Path) -> None:
    write_pictures(tmp_path, 10)
    os.mkfifo(tmp_path / "a.png")
    told = "1 of 11 images cannot be read and were skipped: a.png (not a regular file)"
    assert told in read(tmp_path).warnings


def test_a_single_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(EPS)
    with raises_error("calibration-kind-unknown", "a.png"):
        read(tmp_path / "a.png")


def test_large_pictures_are_decoded_one_at_a_time_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, 12, 40, 60)
    alive: list[int] = []
    most: list[int] = []
    resize = Image.Image.resize

    def counted(image: Image.Image, *args: Any, **options: Any) -> Image.Image:
        alive.append(image.width * image.height)
        most.append(sum(alive))
        made = resize(image, *args, **options)
        alive.remove(image.width * image.height)
        return made

    before = all_values(read(tmp_path))
    monkeypatch.setattr(Image.Image, "resize", counted)
    monkeypatch.setattr(images, "_WORKERS", 4)
    monkeypatch.setattr(images, "_LARGE", 40 * 60 - 1)
    np.testing.assert_array_equal(all_values(read(tmp_path)), before)
    assert most == [40 * 60] * 12
