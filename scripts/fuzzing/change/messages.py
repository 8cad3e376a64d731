"""Damage to protobuf messages, field by field, by what their descriptors say."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor as Kind  # type: ignore[import-untyped] # it brings no types

from scripts.fuzzing.change import octets, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

_INTEGERS = frozenset({Kind.TYPE_INT32, Kind.TYPE_INT64, Kind.TYPE_UINT32, Kind.TYPE_UINT64, Kind.TYPE_ENUM})
_REALS = frozenset({Kind.TYPE_FLOAT, Kind.TYPE_DOUBLE})
_MOST = 3000
"""Messages that are looked at in one file."""


def changed(message: Any, donor: Any, names: Sequence[str], rng: Random) -> None:
    """Change a message in place, in one place or several.

    Args:
        message: of any kind.
        donor: another of its kind; parts are taken from it.
        names: what texts are replaced by, beside others.
        rng: decides.
    """
    gifts: dict[str, list[Any]] = {}
    for part in _parts(donor):
        gifts.setdefault(part.DESCRIPTOR.full_name, []).append(part)
    own = [*names, *_names(message)]
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 8))):
        parts = list(_parts(message))
        part = rng.choice(parts)
        fields = [*part.DESCRIPTOR.fields]
        present = [field for field, _ in part.ListFields()]
        field = rng.choice(present if present and rng.random() < 0.8 else fields)
        with contextlib.suppress(ValueError, TypeError):  # what protobuf itself does not let be
            _change(part, field, gifts, own, rng)


def _parts(message: Any) -> Iterator[Any]:
    waiting, count = [message], 0
    while waiting and count < _MOST:
        part = waiting.pop()
        count += 1
        yield part
        for field, value in part.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else (value,))


def _names(message: Any) -> list[str]:
    """What the message calls its values."""
    found: dict[str, None] = {}
    for part in _parts(message):
        for name in ("input", "output", "name"):
            if name in part.DESCRIPTOR.fields_by_name:
                value = getattr(part, name)
                for text in [value] if isinstance(value, str) else list(value):
                    if isinstance(text, str):
                        found[text] = None
    return list(found)


def _change(part: Any, field: Any, gifts: dict[str, list[Any]], names: list[str], rng: Random) -> None:
    if rng.random() < 0.08:
        part.ClearField(field.name)
    elif field.is_repeated:
        _change_list(getattr(part, field.name), field, gifts, names, rng)
    elif field.message_type is not None:
        fitting = gifts.get(field.message_type.full_name)
        if fitting and rng.random() < 0.7:
            getattr(part, field.name).CopyFrom(rng.choice(fitting))
        else:
            getattr(part, field.name).SetInParent()
    else:
        setattr(part, field.name, _value(field, getattr(part, field.name), names, rng))


def _change_list(items: Any, field: Any, gifts: dict[str, list[Any]], names: list[str], rng: Random) -> None:
    at = rng.randrange(len(items)) if len(items) else 0
    action = rng.randrange(6)
    if action == 0 and len(items):
        del items[at]
    elif action == 1 and len(items):
        items.extend([items[at]] * rng.choice((1, 1, 2, 50)))
    elif action == 2 and len(items) > 1:
        other = rng.randrange(len(items))
        kept = [type(item).FromString(item.SerializeToString()) if field.message_type else item for item in items]
        kept[at], kept[other] = kept[other], kept[at]
        del items[:]
        items.extend(kept)
    elif field.message_type is not None:
        fitting = gifts.get(field.message_type.full_name) or list(items)
        if fitting:
            items.append(rng.choice(fitting))
    elif action == 3 or not len(items):
        items.append(_value(field, None, names, rng))
    else:
        items[at] = _value(field, items[at], names, rng)


def _value(field: Any, before: Any, names: list[str], rng: Random) -> Any:
    if field.type in _INTEGERS:
        if field.name in ("data_type", "elem_type", "type") and rng.random() < 0.8:
            return rng.randrange(0, 27)
        if field.name == "version" and rng.random() < 0.7:
            return rng.randrange(0, 30)
        return values.integer(rng)
    if field.type in _REALS:
        return values.real(rng)
    if field.type == Kind.TYPE_STRING:
        return rng.choice(names) if names and rng.random() < 0.75 else values.text(rng)
    content = bytes(before or b"")
    if content and rng.random() < 0.6:
        return octets.damaged(content, rng)
    return rng.choice((b"", b"\0", b"\xff" * 8, content * 2, content[: len(content) // 2], values.text(rng).encode()))
