"""What kind of picture a file holds, by its first bytes: a name proves nothing."""

from __future__ import annotations

HEAD = 16
"""How many bytes tell the kind."""

READ = ("PNG", "JPEG", "BMP", "WEBP")
"""The kinds that are decoded, as Pillow names them: its other decoders, of which one starts Ghostscript, never run."""

READ_IN_WORDS = "only PNG, JPEG, BMP and WebP are read"

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance",
    b"qoif": "QOI",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}
"""What follows `ftyp` in the files of one family."""


def kind_of(head: bytes) -> str | None:
    """The kind of picture that begins with these bytes; None for what is no picture that is known here.

    Args:
        head: the first `HEAD` bytes.
    """
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":  # reserved there; text may begin with these letters too
        return "BMP"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
