"""Values at the borders of what can be: where readers go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

INTEGERS = (
    *range(-3, 10), 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 224, 255, 256, 257, 1000, 4096, 32767,
    32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 - 1, 2**32, 2**40, 2**53, 2**62,
    2**63 - 1, -(2**63),
)  # fmt: skip
HUGE = (2**63, 2**64 - 1, 2**64, -(2**64), 10**30, 10**400)
REALS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 1e-45, -1e-45, 1e-30, 1e30, 3.4028234e38, 3.5e38, -3.5e38, 1e300, 2.0**31, 2.0**63,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "x", "y", "0", "-1", "1", "2", "nan", "inf", "-inf", "1e999", "true", "none", "NaN", "*", "[", "[!", "]",
    "**", "{}", "{0}", "%s", "a,b", "a=b", "=", ",", ".", "..", "../../etc/passwd", "/etc/passwd", "/dev/zero",
    "/dev/stdin", "a/b", "a\\b", "a:b", "a;b", "a\nb", "a\tb", "\r", "\0", "\x1b[31mred", "\x7f", "é", "名前", "\u202e",
    "\u2028", "\ufeff", "\U0001f600", "²", "٣", "१२", "a" * 300, "b" * 5000, "9" * 5000, "-" + "9" * 4400, "a/" * 200,
    "<script>", "&amp;", "'", '"', "'''", '"""', "#", "\\", "$(x)", "`x`", "uint8", "int8", "float32", "image",
    "1,3,8,8",
)  # fmt: skip


def integer(rng: Random) -> int:
    """An integer that matters, or a small change of one."""
    found: int = rng.choice(INTEGERS)
    return found if rng.random() < 0.9 else found + rng.randint(-2, 2)


def real(rng: Random) -> float:
    """A number that matters."""
    return rng.choice(REALS) if rng.random() < 0.8 else rng.uniform(-10, 10)


def text(rng: Random) -> str:
    """A text that matters."""
    return rng.choice(TEXTS)
