"""Damage to plain bytes, which knows nothing of what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    type Change = Callable[[bytearray, Random], None]

_WORDS = (0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_LONGEST = 1 << 16


def damaged(content: bytes, rng: Random) -> bytes:
    """The bytes after one or several changes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 16))):
        if data:
            rng.choice(_CHANGES)(data, rng)
    return bytes(data)


def spliced(first: bytes, second: bytes, rng: Random) -> bytes:
    """The beginning of one and the end of the other."""
    return first[: rng.randrange(len(first) + 1)] + second[rng.randrange(len(second) + 1) :]


def _byte(data: bytearray, rng: Random) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def _bit(data: bytearray, rng: Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _word(data: bytearray, rng: Random) -> None:
    size = rng.choice((2, 4, 4, 8))
    at = rng.randrange(len(data))
    at -= at % size if rng.random() < 0.7 else 0
    data[at : at + size] = rng.choice(_WORDS).to_bytes(8, rng.choice(("little", "little", "big")))[:size]


def _remove(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 4, 8, 100))]


def _insert(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8)))


def _repeat(data: bytearray, rng: Random) -> None:
    at = rng.randrange(len(data))
    part = data[at : at + rng.choice((1, 4, 16, 64))]
    if len(data) < _LONGEST:
        data[at:at] = part * rng.choice((1, 2, 50))


def _move(data: bytearray, rng: Random) -> None:
    at, other, size = rng.randrange(len(data)), rng.randrange(len(data)), rng.randrange(1, 20)
    data[at : at + size] = data[other : other + size]


def _truncate(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data)) :]


_CHANGES: tuple[Change, ...] = (_byte, _byte, _bit, _word, _word, _remove, _insert, _repeat, _move, _truncate)
