"""Damage to TensorFlow Lite files, object by object, through the schema's object API."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.fuzzing.change import octets, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_UNPACKABLE = (AssertionError, AttributeError, IndexError, OverflowError, RuntimeError, TypeError, ValueError,
               struct.error)  # fmt: skip
"""What the generated code raises where a value cannot be written."""


def changed(content: bytes, donor: bytes, rng: Random) -> bytes:
    """The file after changes to one or several of its objects; after damage to its bytes where those cannot be written.

    Args:
        content: a sound file.
        donor: another one; parts are taken from it.
        rng: decides.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers.builder import BuilderSizeError

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    gifts = schema.ModelT.InitFromPackedBuf(donor, 0) if rng.random() < 0.3 else model
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        _change_one(model, gifts, rng)
    builder = flatbuffers.Builder(1 << 12)
    try:
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
    except (*_UNPACKABLE, BuilderSizeError):
        return octets.damaged(content, rng)


def _change_one(model: Any, gifts: Any, rng: Random) -> None:
    parts = [part for part in _objects(model) if vars(part)]
    if rng.random() < 0.2:  # what most rules compute with
        parts = [part for part in parts if hasattr(part, "zeroPoint")] or parts
    part = rng.choice(parts)
    names = [name for name, value in vars(part).items() if value is not None] or list(vars(part))
    name = rng.choice(names if rng.random() < 0.85 else list(vars(part)))
    value = getattr(part, name)
    if rng.random() < 0.07:
        setattr(part, name, None)
    elif isinstance(value, list | np.ndarray):
        setattr(part, name, _changed_list(value, gifts, rng))
    elif isinstance(value, bytes):
        setattr(part, name, values.text(rng).encode("utf-8", "surrogatepass"))
    elif isinstance(value, bool):
        setattr(part, name, not value)
    elif isinstance(value, int):
        setattr(part, name, rng.randrange(-1, 12) if rng.random() < 0.5 else values.integer(rng))
    elif isinstance(value, float):
        setattr(part, name, values.real(rng))
    elif value is not None:
        fitting = [other for other in _objects(gifts) if type(other).__module__ == type(value).__module__]
        setattr(part, name, rng.choice(fitting) if rng.random() < 0.2 else _like(value, fitting, rng))


def _like(value: Any, fitting: list[Any], rng: Random) -> Any:
    same = [other for other in fitting if type(other) is type(value)]
    return rng.choice(same) if same else value


def _objects(root: Any) -> Iterator[Any]:
    """Every object of the file once."""
    waiting, seen = [root], {id(root)}
    while waiting:
        part = waiting.pop()
        yield part
        for value in vars(part).values():
            inside = value if isinstance(value, list) else [value]
            for item in inside:
                if hasattr(item, "Pack") and id(item) not in seen:
                    seen.add(id(item))
                    waiting.append(item)


def _changed_list(items: Any, gifts: Any, rng: Random) -> Any:
    kept = list(items)
    at = rng.randrange(len(kept)) if kept else 0
    action = rng.randrange(6)
    if action == 0 and kept:
        del kept[at]
    elif action == 1 and kept:
        kept[at:at] = [kept[at]] * rng.choice((1, 1, 3, 30))
    elif action == 2 and len(kept) > 1:
        other = rng.randrange(len(kept))
        kept[at], kept[other] = kept[other], kept[at]
    elif kept and hasattr(kept[0], "Pack"):
        kept.append(rng.choice([other for other in _objects(gifts) if type(other) is type(kept[0])] or kept))
    else:
        kept = _changed_numbers(items, kept, at, rng)
    return np.asarray(kept, items.dtype) if isinstance(items, np.ndarray) else kept


def _changed_numbers(items: Any, kept: list[Any], at: int, rng: Random) -> list[Any]:
    real = isinstance(items, np.ndarray) and items.dtype.kind == "f"
    new = values.real(rng) if real else rng.choice((values.integer(rng), rng.randrange(-1, 12)))
    if isinstance(items, np.ndarray) and not real:
        limits = np.iinfo(items.dtype)
        new = min(max(int(new), int(limits.min)), int(limits.max))
    if not kept or (at == 0 and len(kept) < 6 and new % 2 == 1):
        return [*kept, new]
    kept[at] = new
    return kept
