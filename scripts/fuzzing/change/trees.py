"""Damage to JSON and TOML as trees, and to their texts."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from scripts.fuzzing.change import octets, values

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    type Slot = tuple[Any, Any]
    """A container, and the key or index in it."""

_DEPTHS = (2, 40, 200, 1000, 3000, 100_000)


class Raw(str):
    """A text that is written as it is: numbers of thousands of digits, brackets within brackets."""

    __slots__ = ()


def changed(tree: Any, rng: Random) -> Any:
    """A copy of a tree after one or several changes."""
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        slots = _slots(root)
        container, key = rng.choice(slots)
        _change(container, key, slots, rng)
    return root[0]


def _slots(root: Any) -> list[Slot]:
    found: list[Slot] = []
    waiting: list[Any] = [root]
    while waiting:
        container = waiting.pop()
        keys = range(len(container)) if isinstance(container, list) else container
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], dict | list):
                waiting.append(container[key])
    return found


def _change(container: Any, key: Any, slots: list[Slot], rng: Random) -> None:
    match rng.randrange(9):
        case 0 if not (isinstance(container, list) and len(container) == 1):
            del container[key]
        case 1 if isinstance(container, dict):
            container[values.text(rng)] = scalar(rng)
        case 2 if isinstance(container, dict):
            container[values.text(rng)] = container.pop(key)
        case 3 if isinstance(container, list):
            container.insert(rng.randrange(len(container) + 1), copy.deepcopy(container[key]))
        case 4:
            other, place = rng.choice(slots)
            if place in other if isinstance(other, dict) else place < len(other):
                container[key] = copy.deepcopy(other[place])
        case 5:
            container[key] = [container[key]] if rng.random() < 0.5 else {values.text(rng): container[key]}
        case 6 if isinstance(container[key], bool | int | float) or rng.random() < 0.1:
            container[key] = number(rng)
        case _:
            container[key] = scalar(rng)


def number(rng: Random) -> Any:
    """Any number."""
    return values.integer(rng) if rng.random() < 0.6 else rng.choice((values.real(rng), rng.choice(values.HUGE)))


def scalar(rng: Random) -> Any:
    """A value of any type."""
    match rng.randrange(9):
        case 0 | 1:
            return number(rng)
        case 2 | 3:
            return values.text(rng)
        case 4:
            return rng.choice((True, False, None))
        case 5:
            return rng.choice(([], {}, [[]], [0], [None], {"": ""}))
        case 6:
            depth = rng.choice(_DEPTHS)
            return rng.choice((Raw("[" * depth + "]" * depth), Raw('{"a":' * depth + "1" + "}" * depth)))
        case 7:
            return Raw(rng.choice(("", "-")) + "9" * rng.choice((400, 4300, 4301, 20_000)))
        case _:
            return [rng.choice((number, values.text))(rng) for _ in range(rng.choice((1, 3, 100)))]


def to_json(tree: Any) -> bytes:
    """JSON with what JSON cannot hold as well: NaN, lone surrogates, raw texts."""
    return "".join(_json(tree)).encode("utf-8", "surrogatepass")


def _json(tree: Any) -> list[str]:
    if isinstance(tree, Raw):
        return [tree]
    if isinstance(tree, dict):
        inside = [part for key, value in tree.items() for part in (",", json.dumps(str(key)), ":", *_json(value))]
        return ["{", *inside[1:], "}"]
    if isinstance(tree, list | tuple):
        inside = [part for value in tree for part in (",", *_json(value))]
        return ["[", *inside[1:], "]"]
    return [json.dumps(tree)]


def to_toml(tree: dict[str, Any]) -> bytes:
    """TOML; a dict at the top level is a table."""
    plain = [f"{_key(key)} = {_toml(value)}" for key, value in tree.items() if not isinstance(value, dict)]
    tables = [(key, value) for key, value in tree.items() if isinstance(value, dict)]
    lines = [*plain]
    for key, table in tables:
        lines += [f"[{_key(key)}]", *(f"{_key(name)} = {_toml(value)}" for name, value in table.items())]
    return "\n".join((*lines, "")).encode("utf-8", "surrogatepass")


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, Raw):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "''" if value is None else str(value)


def written(tree: Any, writer: Callable[[Any], bytes], rng: Random) -> bytes:
    """A tree after changes, sometimes with damage to its text as well."""
    content = writer(changed(tree, rng))
    return octets.damaged(content, rng) if rng.random() < 0.2 else content
