from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlpuconv.calibration import Resize
from dlpuconv.calibration.decode import UNREADABLE, LargePictureError, decode
from tests.calibration.support import picture

SIZE = (4, 6)


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_pixels_of_the_right_size_arrive_unchanged(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(Image.fromarray(picture()), tmp_path / f"a{suffix}", **options)
    np.testing.assert_array_equal(decode(path, SIZE, 3, Resize.STRETCH), picture())


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    stored = np.zeros((6, 4, 3), np.uint8)
    stored[:, 0] = 200  # the left column becomes the top row
    path = save(Image.fromarray(stored), tmp_path / "a.png", exif=exif)
    got = decode(path, SIZE, 3, Resize.STRETCH)
    assert (got[0] == 200).all()
    assert (got[1:] == 0).all()


def test_a_large_turned_jpeg_is_reduced_while_it_is_decoded_and_still_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((600, 400, 3), np.uint8)
    stored[:, :100] = 200
    path = save(Image.fromarray(stored), tmp_path / "a.jpg", exif=exif, quality=95)
    got = decode(path, (40, 60), 3, Resize.STRETCH)
    assert got[:9].min() > 190
    assert got[11:].max() < 10


def test_sixteen_bit_gray_keeps_its_high_byte(tmp_path: Path) -> None:
    deep = np.full(SIZE, 0x8040, np.uint16)
    path = save(Image.fromarray(deep), tmp_path / "a.png")
    assert (decode(path, SIZE, 3, Resize.STRETCH) == 0x80).all()
    assert decode(path, SIZE, 1, Resize.STRETCH).shape == (4, 6, 1)


def test_a_palette_with_transparency_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    path = save(image, tmp_path / "a.png", transparency=bytes([0, 128]))
    assert (decode(path, SIZE, 3, Resize.STRETCH) == [10, 20, 30]).all()


@pytest.mark.parametrize(("mode", "color"), [("RGBA", (10, 20, 30, 0)), ("RGBX", (10, 20, 30, 0))])
def test_alpha_is_dropped_as_training_code_does(tmp_path: Path, mode: str, color: tuple[int, ...]) -> None:
    path = save(Image.new(mode, (6, 4), color).convert("RGBA"), tmp_path / "a.png")
    assert (decode(path, SIZE, 3, Resize.STRETCH) == [10, 20, 30]).all()


def test_gray_with_alpha_and_black_and_white_are_spread_over_the_channels(tmp_path: Path) -> None:
    gray = save(Image.new("LA", (6, 4), (77, 5)), tmp_path / "la.png")
    white = save(Image.new("1", (6, 4), 1), tmp_path / "1.png")
    assert (decode(gray, SIZE, 3, Resize.STRETCH) == 77).all()
    assert (decode(white, SIZE, 3, Resize.STRETCH) == 255).all()


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = save(Image.new("CMYK", (6, 4), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=100)
    red = decode(path, SIZE, 3, Resize.STRETCH).astype(int)
    assert red[..., 0].min() > 250
    assert red[..., 1:].max() < 5


def test_a_gray_input_gets_luma(tmp_path: Path) -> None:
    path = save(Image.new("RGB", (6, 4), (255, 0, 0)), tmp_path / "a.png")
    assert (decode(path, SIZE, 1, Resize.STRETCH) == 76).all()  # 0.299 * 255


def test_letterbox_fills_with_114(tmp_path: Path) -> None:
    path = save(Image.new("RGB", (8, 4), (9, 9, 9)), tmp_path / "a.png")
    got = decode(path, (8, 8), 3, Resize.LETTERBOX)
    assert (got[:2] == 114).all()
    assert (got[2:6] == 9).all()
    assert (got[6:] == 114).all()
    assert (decode(path, (8, 8), 1, Resize.LETTERBOX)[0] == 114).all()


def test_center_crop_drops_the_sides(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 50
    path = save(Image.fromarray(pixels), tmp_path / "a.png")
    assert (decode(path, (4, 4), 3, Resize.CENTER_CROP) == 50).all()


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    """A filter of two taps would see one colour of this grid only."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[::2] = 200
    path = save(Image.fromarray(pixels), tmp_path / "a.png")
    inner = decode(path, (8, 8), 3, Resize.STRETCH)[1:-1, 1:-1].astype(int)
    assert abs(inner - 100).max() <= 2


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = save(Image.new("1", (10_001, 10_000)), tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:60])  # there is nothing to decode
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # some programs that use Pillow do
    with pytest.raises(LargePictureError, match="more than 100 million pixels"):
        decode(tmp_path / "a.png", SIZE, 3, Resize.STRETCH)


def test_a_jpeg_counts_with_the_pixels_that_remain_when_it_is_reduced(tmp_path: Path) -> None:
    path = save(Image.new("RGB", (800, 800), (9, 9, 9)), tmp_path / "a.jpg")
    assert (decode(path, (100, 100), 3, Resize.STRETCH, most=200 * 200) == 9).all()  # a quarter of each side
    with pytest.raises(LargePictureError, match="more than 39999 pixels"):
        decode(path, (100, 100), 3, Resize.STRETCH, most=200 * 200 - 1)


def test_a_header_that_claims_a_bomb_is_unreadable(tmp_path: Path) -> None:
    whole = bytearray(save(Image.fromarray(picture()), tmp_path / "a.bmp").read_bytes())
    whole[18:26] = b"\x00\x00\x10\x00" * 2  # 2**20 x 2**20
    (tmp_path / "a.bmp").write_bytes(whole)
    with pytest.raises(LargePictureError, match="more than 100 million pixels"):
        decode(tmp_path / "a.bmp", SIZE, 3, Resize.STRETCH)


@pytest.mark.parametrize("kept", [0, 3, 20, 60, 200])
def test_a_broken_file_raises_what_the_reader_expects(tmp_path: Path, kept: int) -> None:
    whole = save(Image.fromarray(picture(0, 64, 64)), tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:kept])
    with pytest.raises(UNREADABLE):
        decode(tmp_path / "b.png", SIZE, 3, Resize.STRETCH)


@pytest.mark.parametrize("suffix", [".gif", ".tiff", ".eps", ".ppm", ".ico", ".jp2"])
def test_a_picture_of_another_kind_is_refused_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    save(Image.fromarray(picture(0, 16, 16)), tmp_path / f"a{suffix}").rename(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"only PNG, JPEG, BMP and WebP are read|not an image"):
        decode(tmp_path / "a.png", SIZE, 3, Resize.STRETCH)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp"])
def test_a_picture_is_read_by_its_content_under_the_name_of_another_kind(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    save(Image.fromarray(picture()), tmp_path / f"a{suffix}", **options).rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg", SIZE, 3, Resize.STRETCH), picture())


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_the_first_frame_of_several_is_read(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    frames = [Image.fromarray(picture(number)) for number in range(3)]
    path = save(frames[0], tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(decode(path, SIZE, 3, Resize.STRETCH), picture(0))


def test_what_is_converted_takes_its_result_and_one_strip_beside_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A palette, alpha or 16 bits once cost several copies of the whole picture, one of them in float64."""
    paths = [
        save(Image.fromarray(picture(0, 400, 30)).convert("P"), tmp_path / "p.png"),
        save(Image.fromarray(picture(0, 400, 30)).convert("RGBA"), tmp_path / "rgba.png"),
        save(Image.fromarray(np.full((400, 30), 0x8040, np.uint16)), tmp_path / "deep.png"),
    ]
    rows: list[int] = []
    convert, as_array = Image.Image.convert, np.asarray

    def converted(image: Image.Image, *args: Any, **options: Any) -> Image.Image:
        rows.append(image.height)
        return convert(image, *args, **options)

    def arrays(value: Any, *args: Any, **options: Any) -> Any:
        rows.append(value.height if isinstance(value, Image.Image) else 0)
        return as_array(value, *args, **options)

    monkeypatch.setattr(Image.Image, "convert", converted)
    monkeypatch.setattr(np, "asarray", arrays)
    for path in paths:
        decode(path, SIZE, 3, Resize.STRETCH)
    assert len(rows) > 3 * 400 / 64
    assert max(rows) == 64
