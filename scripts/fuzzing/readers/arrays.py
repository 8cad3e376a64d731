"""Calibration data in `.npy` and `.npz` files, as `--calibration` reads them."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, override

import numpy as np

from scripts.fuzzing.change import octets, values
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_DTYPES = (
    "<f4", "<f4", "<f4", "<f8", "<f2", "|u1", "|i1", "<i8", ">f4", "|b1", "<c8", "|O", "|S4", "<U3", "<M8[s]",
    "<m8[ns]", "|V4", "<f16", "<g", "<i4", ">i2", "f", "", "<f4,<f4", "<99", "|V0", "<U0", "|S0", "<U999999999",
    "(2,)<f4",
)  # fmt: skip
_METHODS = (*[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED] * 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ODD_METHODS = (1, 6, 9, 93, 95, 96, 97, 98, 99, 65535)
_SHAPES = ((4, 1, 4), (4, 4), (1, 1, 4), (1, 4), (4,), (0, 4), (), (8, 1, 4), (4, 1, 3, 8, 8), (2, 3, 8, 8), (3, 8, 8))
_ORDERS = ("False",) * 20 + ("True", "True", "True", "0", "2")
_NAMES = ("x", "x", "x", "image", "y", "x.npy", "", "../x", "X", "arr_0", "é")


class Arrays(Reader):
    """Damaged arrays for a model of one plain input, and for one of a picture and a plain input."""

    name = "arrays"
    share = 30

    @override
    def prepare(self) -> None:
        from dlpuconv.calibration import make_preprocessing
        from dlpuconv.ir import Layout, Signature, ValueSpec

        plain = ValueSpec(name="x", shape=(1, 4), dtype="float32", layout=Layout.PLAIN)
        image = ValueSpec(name="image", shape=(1, 3, 8, 8), dtype="float32", layout=Layout.NCHW)
        self._signatures = Signature((plain,), (plain,)), Signature((image, plain), (plain,))
        self._preprocessing = make_preprocessing(preset="imagenet")

    @override
    def make(self, rng: Random) -> Files:
        if rng.random() < 0.4:
            return {"c.npy": _array(rng)}
        return {"c.npz": _archive(rng)}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.calibration import open_calibration
        from dlpuconv.display.progress import Silent

        (path,) = folder.iterdir()
        signature = self._signatures[path.suffix == ".npz" and b"image" in path.read_bytes()]
        found = open_calibration(str(path), signature=signature, preprocessing=self._preprocessing, progress=Silent())
        if found is not None:
            for samples in (found.fit, found.held_out):
                for sample in samples:
                    _demand_finite(sample)
        return 0


def _demand_finite(sample: object) -> None:
    if not isinstance(sample, dict) or not all(np.isfinite(value).all() for value in sample.values()):
        raise AssertionError("a sample that was read is no dict of finite numbers")


def _array(rng: Random) -> bytes:
    """An `.npy` whose header and content fit one another, or not."""
    shape = _SHAPES[0] if rng.random() < 0.5 else rng.choice(_SHAPES)
    kind = "<f4" if rng.random() < 0.6 else rng.choice(_DTYPES)
    body = np.random.default_rng(rng.randrange(4)).standard_normal(shape).astype("<f4").tobytes()
    said = tuple(values.integer(rng) if rng.random() < 0.04 else extent for extent in shape)
    header = f"{{'descr': {_descr(kind, rng)}, 'fortran_order': {rng.choice(_ORDERS)}, "
    header += f"'shape': {said!r}, }}"
    if rng.random() < 0.1:
        header = _odd_header(header, rng)
    if rng.random() < 0.15:
        body = octets.damaged(body, rng)
    elif rng.random() < 0.1:
        body = np.resize(np.array([np.nan, np.inf, 1e38, -1e38], "<f4"), len(body) // 4).tobytes()
    content = _framed(header, body, rng)
    return octets.damaged(content, rng) if rng.random() < 0.2 else content


def _descr(kind: str, rng: Random) -> str:
    if rng.random() < 0.95:
        return repr(kind)
    return rng.choice(
        ("[('a', '<f4')]", "[('a', '<f4', (2, 2))]", "[]", "None", "('<f4', (2,))", "[('', '|O')]", "1", "{}")
    )


def _odd_header(header: str, rng: Random) -> str:
    match rng.randrange(5):
        case 0:
            return header.replace("shape", values.text(rng))
        case 1:
            return header[: rng.randrange(len(header))]
        case 2:
            return "(" * rng.choice((10, 200, 9000)) + header
        case 3:
            return header.replace(
                "(", rng.choice(("[", "((", "(9" * 50, "(-", "(1e9, ", "(True, ", "(" + "9" * 4400 + ","))
            )
        case _:
            return octets.damaged(header.encode(), rng).decode("latin-1")


def _framed(header: str, body: bytes, rng: Random) -> bytes:
    version = (1, 0) if rng.random() < 0.8 else rng.choice(((2, 0), (2, 0), (3, 0), (0, 0), (255, 255)))
    text = header.encode("utf-8", "replace").ljust(118 - 10 if len(header) < 108 else len(header)) + b"\n"
    length = len(text) if rng.random() < 0.95 else abs(values.integer(rng))
    size = struct.pack("<H", length & 0xFFFF) if version == (1, 0) else struct.pack("<I", length & 0xFFFFFFFF)
    return b"\x93NUMPY" + bytes(version) + size + text + body


def _archive(rng: Random) -> bytes:
    """An `.npz` of one member or several."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            entry = zipfile.ZipInfo(f"{rng.choice(_NAMES)}.npy" if rng.random() < 0.95 else values.text(rng) or "e")
            entry.compress_type = rng.choice(_METHODS)
            archive.writestr(entry, _array(rng))
    content = made.getvalue()
    if rng.random() < 0.15:
        content = _other_method(content, rng)
    return octets.damaged(content, rng) if rng.random() < 0.3 else content


def _other_method(content: bytes, rng: Random) -> bytes:
    """Members that say of themselves that they are packed in another way, or encrypted."""
    data = bytearray(content)
    number = rng.choice((*_ODD_METHODS, *_METHODS))
    flags = rng.choice((0, 0, 1, 8, 32, 64, 0x800, 0xFFFF))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(magic)
        if place >= 0 and rng.random() < 0.9:
            struct.pack_into("<HH", data, place + at, flags, number)
    return bytes(data)
