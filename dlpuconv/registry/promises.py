"""What a Target and a Backend must be for everything behind them to hold: checked once, when they are loaded.

Python checks no annotation. A text where an enumeration belongs compares equal in one place and differs in the next; a
threshold that is not a number passes every file.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from enum import StrEnum

    from dlpuconv.plugin import Backend, ExternalCompiler, Target
    from dlpuconv.verification.rule import Rule

BESIDE = (".README.md", ".bom.json", ".json", ".model_params.h", ".recipe.toml", ".reference.npz")
"""Endings of files that a conversion writes beside a model's, by which it would be replaced if it had one."""
_MOST_SHOWN = 64  # characters of a value
DTYPES = ("uint8", "int8", "float32")
"""Of the inputs and outputs of integer files; float32 where the file itself quantizes and dequantizes."""


def wrong_with_target(target: Target, name: str) -> tuple[str, ...]:
    """Everything that keeps a target from being used, as half sentences.

    Args:
        target: as its plugin made it.
        name: of its entry point.
    """
    return tuple(_target(target, name))


def wrong_with_backend(backend: type[Backend], name: str) -> tuple[str, ...]:
    """Everything that keeps a backend from being used, as half sentences.

    Args:
        backend: as its plugin made it.
        name: of its entry point.
    """
    return tuple(_backend(backend, name))


def _target(target: Target, name: str) -> Iterator[str]:
    from dlpuconv.plugin import ExternalCompiler, Spelling
    from dlpuconv.verification.rules import UNIVERSAL_RULES

    if target.name != name:
        yield f"it calls itself {target.name!r}, but the entry point must have the same name"
    yield from _kind(
        "name", target.name, _is_file_name, "of at most 64 letters, digits and '.', '_' and '-', as files are named"
    )
    for field in ("title", "backend", "device"):
        yield from _kind(field, getattr(target, field), str)
    yield from _suffix("suffix", target.suffix)
    if target.suffix in BESIDE:
        yield f"suffix is {target.suffix!r}, as a file is called that is written beside each model"
    yield from _scheme(target.scheme)
    yield from _kind("spelling", target.spelling, Spelling, or_none=True)
    yield from _kind("calibration_required", target.calibration_required, bool)
    yield from _kind("packager", target.packager, callable, "a function, or None", or_none=True)
    yield from _kind("min_sqnr", target.min_sqnr, _is_finite, "a finite number")
    for field in ("input_dtype", "output_dtype"):
        yield from _kind(field, getattr(target, field), DTYPES.__contains__, f"one of {', '.join(DTYPES)}")
    yield from _template("run_on_camera", target.run_on_camera, ("file", "device"))
    if target.compiler is not None:
        yield from _kind("compiler", target.compiler, ExternalCompiler)
        if isinstance(target.compiler, ExternalCompiler):
            yield from _compiler(target.compiler)
    yield from _rules("rules", target.rules, UNIVERSAL_RULES)
    yield from _placement(target.placement)


def _scheme(scheme: object) -> Iterator[str]:
    from dlpuconv.ir.affine import Affine
    from dlpuconv.scheme import Coding, Granularity, Numbers, Scheme

    if not isinstance(scheme, Scheme):
        yield from _kind("scheme", scheme, Scheme)
        return
    yield from _member("scheme.numbers", scheme.numbers, Numbers)
    yield from _member("scheme.weights", scheme.weights, Granularity)
    yield from _kind("scheme.discouraged", scheme.discouraged, frozenset)
    if isinstance(scheme.discouraged, frozenset):
        for granularity in sorted(scheme.discouraged, key=str):
            yield from _member("scheme.discouraged", granularity, Granularity)
    for field in ("activation_codes", "weight_codes"):
        yield from _kind(f"scheme.{field}", getattr(scheme, field), Coding)
    for field, kind in (("by_operator", Granularity), ("prescribed", Affine)):
        told = getattr(scheme, field)
        yield from _kind(f"scheme.{field}", told, Mapping)
        for name, value in told.items() if isinstance(told, Mapping) else ():
            yield from _kind(f"scheme.{field}[{name!r}]", value, kind)


def _placement(placement: object) -> Iterator[str]:
    from dlpuconv.placement import Placement

    if not isinstance(placement, Placement):
        yield from _kind("placement", placement, Placement, or_none=True)
        return
    for field in ("accelerator", "estimate"):
        yield from _kind(f"placement.{field}", getattr(placement, field), str)
    for field in ("most_pieces", "memory"):
        yield from _kind(f"placement.{field}", getattr(placement, field), _is_count, "a whole number", or_none=True)
    yield from _kind("placement.partition", placement.partition, callable, "a function")
    for field in ("limits", "doubts"):
        yield from _rules(f"placement.{field}", getattr(placement, field))


def _rules(field: str, rules: object, others: Iterable[Rule] = ()) -> Iterator[str]:
    """What is wrong with rules that are listed beside `others`."""
    from dlpuconv.verification.rule import Rule

    if not isinstance(rules, tuple):
        yield from _kind(field, rules, tuple)
        return
    known = [rule for rule in rules if isinstance(rule, Rule)]
    for position, rule in enumerate(rules):
        if not isinstance(rule, Rule):
            yield from _kind(f"{field}[{position}]", rule, Rule)
    for rule in known:
        yield from _rule(rule, f"the rule {rule.id}")
    for name, count in Counter(str(rule.id) for rule in (*known, *others)).items():
        if count > 1:
            yield f"{count} rules have the id {name}{' (dlpuconv has one itself)' if _has(others, name) else ''}"


def _rule(rule: Rule, called: str) -> Iterator[str]:
    from dlpuconv.verification.rule import Severity

    yield from _kind(f"{called}: id", rule.id, _is_word, "a text without spaces")
    yield from _member(f"{called}: severity", rule.severity, Severity)
    for field in ("sentence", "source"):
        yield from _kind(f"{called}: {field}", getattr(rule, field), str)
    if not isinstance(rule.fix, str):
        yield from _kind(f"{called}: fix", rule.fix, callable, "a text or a function")
    yield from _kind(f"{called}: check", rule.check, callable, "a function")
    yield from _kind(f"{called}: listed", rule.listed, frozenset)
    yield from _kind(f"{called}: decisive", rule.decisive, bool)


def _compiler(compiler: ExternalCompiler) -> Iterator[str]:
    yield from _kind("compiler.executable", compiler.executable, str)
    yield from _template("compiler.produces", compiler.produces, ("stem",))
    yield from _kind("compiler.arguments", compiler.arguments, tuple)
    if isinstance(compiler.arguments, tuple):
        for argument in compiler.arguments:
            yield from _template("compiler.arguments", argument, ("file", "folder"))


def _backend(backend: type[Backend], name: str) -> Iterator[str]:
    from dlpuconv.plugin import Normalization
    from dlpuconv.scheme import Numbers

    called = getattr(backend, "name", None)
    if called != name:
        yield f"it calls itself {called!r}, but the entry point must have the same name"
    if inspect.isabstract(backend):
        yield f"it has no {' and no '.join(sorted(backend.__abstractmethods__))}"
    if backend.numbers is not None:
        yield from _member("numbers", backend.numbers, Numbers)
    if backend.suffix is not None:
        yield from _suffix("suffix", backend.suffix)
    yield from _member("normalization", backend.normalization, Normalization)
    for field in ("follows_recipes", "tells_blame"):
        yield from _kind(field, getattr(backend, field), bool)


def _suffix(field: str, value: object) -> Iterator[str]:
    if not (isinstance(value, str) and (not value or (value.startswith(".") and _is_word(value) and "/" not in value))):
        yield f"{field} is {value!r}: it begins with a dot, such as '.bin', or is '' for a folder"


def _member(field: str, value: object, kind: type[StrEnum]) -> Iterator[str]:
    if not isinstance(value, kind):
        members = " or ".join(f"{kind.__name__}.{member.name}" for member in kind)
        yield f"{field} is {value!r}, not {members}"


def _kind(
    field: str, value: object, kind: type | Callable[[Any], bool], noun: str = "", *, or_none: bool = False
) -> Iterator[str]:
    """A half sentence where a value is not of a kind: a type, or what a function says."""
    if or_none and value is None:
        return
    fits = isinstance(value, kind) if isinstance(kind, type) else kind(value)
    if not fits:
        wanted = noun or (f"a {kind.__name__}" + " or None" * or_none if isinstance(kind, type) else "")
        yield f"{field} is {_shown(value)}, not {wanted}"


def _shown(value: object) -> str:
    """A value in a message; one that would fill the screen, or is an address in memory, by its type."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN and " at 0x" not in text else f"a {type(value).__name__}"


def _template(field: str, value: object, names: tuple[str, ...]) -> Iterator[str]:
    """A half sentence where a value is no text, or one that cannot be filled in."""
    if not isinstance(value, str):
        yield from _kind(field, value, str)
        return
    try:
        value.format(**dict.fromkeys(names, ""))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        possible = " and ".join(f"{{{name}}}" for name in names)
        yield f"{field} is {value!r}, in which {possible} can be filled in, and a brace is written twice ({error!r})"


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != "" and not any(map(str.isspace, value))


def _is_file_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w[\w.-]{0,63}", value, re.ASCII) is not None


def _has(rules: Iterable[Rule], name: str) -> bool:
    return any(rule.id == name for rule in rules)
