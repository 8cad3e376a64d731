"""Pictures in a folder, as `--calibration` reads them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import octets, values
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "RGB", "F", "I;16", "CMYK"),
    "PPM": ("1", "L", "RGB"),
    "TGA": ("L", "RGB"),
    "ICO": ("RGBA",),
}
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "WEBP": ".webp"}
_SIZE = 17, 11
_CHUNKS = (
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"iCCP",
    b"eXIf",
    b"zTXt",
    b"iTXt",
    b"acTL",
    b"fcTL",
    b"fdAT",
)


class Pictures(Reader):
    """One damaged picture among others in a folder, for a model of colour pictures and one of gray ones."""

    name = "pictures"
    share = 25

    @override
    def prepare(self) -> None:
        from PIL import Image

        from dlpuconv.calibration import make_preprocessing
        from dlpuconv.ir import Layout, Signature, ValueSpec

        Image.init()
        specs = [
            ValueSpec(name="x", shape=(1, channels, 8, 8), dtype="float32", layout=Layout.NCHW) for channels in (3, 1)
        ]
        self._signatures = [Signature((spec,), (spec,)) for spec in specs]
        self._preprocessing = [
            make_preprocessing(resize=resize, color="rgb") for resize in ("stretch", "letterbox", "center-crop")
        ]
        self._gray = make_preprocessing(color="gray")
        self._seeds = [(kind, _picture(kind, mode)) for kind, modes in _MODES.items() for mode in modes]
        self._seeds += [("JPEG", _turned(orientation)) for orientation in (3, 6)]

    @override
    def make(self, rng: Random) -> Files:
        kind, content = rng.choice(self._seeds)
        action = rng.random()
        if kind == "PNG" and action < 0.6:
            content = _png_changed(content, rng)
        elif action < 0.9:
            content = octets.damaged(content, rng)
        else:
            content = octets.spliced(content, rng.choice(self._seeds)[1], rng)
        suffix = _SUFFIXES.get(kind, ".png") if rng.random() < 0.9 else rng.choice(list(_SUFFIXES.values()))
        return {f"p{rng.randrange(6)}{suffix}": content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.calibration import open_calibration
        from dlpuconv.display.progress import Silent

        (path,) = folder.iterdir()
        number = int(path.stem[1:])
        found = open_calibration(
            str(folder),
            signature=self._signatures[number % 2],
            preprocessing=self._gray if number % 2 else self._preprocessing[number // 2],
            progress=Silent(),
        )
        if found is not None:
            for sample in found.fit:
                if sample["x"].shape != (1, 1 if number % 2 else 3, 8, 8):
                    raise AssertionError("a picture that was read is not of the input's shape")
        return 0


def _picture(kind: str, mode: str) -> bytes:
    from PIL import Image

    made = io.BytesIO()
    ramp = Image.linear_gradient("L").resize(_SIZE)
    (Image.new(mode, _SIZE) if mode in ("I;16", "I", "F", "PA") else ramp.convert(mode)).save(made, kind)
    return made.getvalue()


def _turned(orientation: int) -> bytes:
    from PIL import Image

    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.linear_gradient("L").resize(_SIZE).save(made, "JPEG", exif=exif)
    return made.getvalue()


def _png_changed(content: bytes, rng: Random) -> bytes:
    """Chunks that were changed, moved, made or left out, each with the right checksum."""
    chunks = _chunks(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(chunks))
        match rng.randrange(5):
            case 0 if len(chunks) > 1:
                del chunks[at]
            case 1:
                chunks.insert(rng.randrange(len(chunks) + 1), chunks[at])
            case 2:
                body = rng.choice(
                    (b"", b"\0", rng.randbytes(20), zlib.compress(bytes(1000)), values.text(rng).encode())
                )
                chunks.insert(rng.randrange(len(chunks) + 1), (rng.choice(_CHUNKS), body))
            case 3 if chunks[0][0] == b"IHDR" and len(chunks[0][1]) == 13:
                chunks[0] = (b"IHDR", _header(rng))
            case _:
                chunks[at] = (chunks[at][0], octets.damaged(chunks[at][1], rng))
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return content[:8] + body


def _header(rng: Random) -> bytes:
    width, height = (_SIZE[i] if rng.random() < 0.5 else values.integer(rng) & 0xFFFFFFFF for i in range(2))
    depth, colour = rng.choice((0, 1, 2, 4, 8, 16, 32)), rng.choice((0, 2, 3, 4, 6, 7))
    return struct.pack(">IIBBBBB", width, height, depth, colour, *(rng.choice((0, 0, 0, 1, 255)) for _ in range(3)))


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 8 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return found
