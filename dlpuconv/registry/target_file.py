"""A target as a TOML file: a chip in numbers and names, for whoever writes no Python.

    name = "mychip"
    base = "artpec9"
    source = "My chip's data sheet, table 3"
    operators = ["CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "AVERAGE_POOL_2D", "FULLY_CONNECTED"]
    fallback = "cpu"

    [limits]
    kernel = [1, 3, 5]

Only known keys, rules and operators; nothing in it is imported, opened or run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.formats.kinds import TFLITE
from dlpuconv.registry.entries import backend_names, target_names
from dlpuconv.registry.promises import wrong_with_target
from dlpuconv.toml_table import TomlTable, read_small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpuconv.plugin import Target
    from dlpuconv.scheme import Coding, Scheme
    from dlpuconv.verification.rule import Rule, Severity

_KEYS = (
    "name", "title", "base", "backend", "suffix", "device", "source", "operators", "fallback", "without", "min_sqnr",
    "input_dtype", "output_dtype", "scheme", "limits",
)  # fmt: skip
_OF_A_BASE = ("backend", "suffix")
_EXTENTS = ("kernel", "stride", "dilation")
_NO_LIMITS = (
    "fallback is 'none', but nothing says which layers the accelerator does not take: state operators, or a limit of"
    f" {', '.join(_EXTENTS[:-1])} or {_EXTENTS[-1]}"
)
_SCHEME = ("numbers", "weights", "discouraged", "by_operator", "activation_codes", "weight_codes")
_LIMITS = (*_EXTENTS, "axes", "partitions", "parameters_mib", "port_types")
_PORT_TYPES = ("float32", "int8", "uint8", "int16", "uint16", "int32", "int64")


class Fallback(StrEnum):
    """What becomes of a layer that the accelerator does not take."""

    CPU = "cpu"
    """The layer runs on the CPU."""
    NONE = "none"
    """The file is refused."""


def read_target(path: str, load: Callable[[str], Target]) -> Target:
    """The target that a file describes.

    Args:
        path: of the file.
        load: gives an installed target by name.

    Raises:
        UsageError: it cannot be read, or something in it means nothing.
        PluginError: its base cannot be loaded.
    """
    return parse_target(read_small(Path(path), "the target"), Path(path).name, load)


def parse_target(text: str, file: str, load: Callable[[str], Target]) -> Target:
    """The target that a text describes.

    Args:
        text: TOML.
        file: what messages call it.
        load: gives an installed target by name.

    Raises:
        UsageError: something in it means nothing.
        PluginError: its base cannot be loaded.
    """
    table = TomlTable.parse(text, file)
    table.only(_KEYS, "a target has no key")
    name = table.string("name")
    if name in target_names():
        table.refuse("name", f"{name!r} is the name of an installed target: take another, and say base = {name!r}")
    base = _base(table, name, load)
    target = replace(
        base,
        name=name,
        title=table.string("title", name),
        device=_device(table, base.device),
        scheme=_scheme(table.table("scheme"), base.scheme, base.suffix),
        min_sqnr=table.number("min_sqnr", base.min_sqnr),
        input_dtype=_dtype(table, "input_dtype", base.input_dtype),
        output_dtype=_dtype(table, "output_dtype", base.output_dtype),
        distribution="",
        described=text,
    )
    target = _with_rules(target, table)
    if problems := wrong_with_target(target, name):
        table.refuse("name", f"this target cannot be used: {'; '.join(problems)}")
    return target


def _base(table: TomlTable, name: str, load: Callable[[str], Target]) -> Target:
    """What the file states differences from: an installed target, or one without rules of its own."""
    from dlpuconv.plugin import Target
    from dlpuconv.scheme import Numbers, Scheme
    from dlpuconv.verification.rules import TFLITE_RULES

    if "base" in table.values:
        for key in _OF_A_BASE:
            if key in table.values:
                table.refuse(key, f"{key} comes from the base: leave out one of the two")
        return load(table.known("base", table.string("base"), target_names()))
    numbers = table.table("scheme").word("numbers", Numbers)
    suffix = table.string("suffix")
    return Target(
        name=name,
        title=name,
        backend=table.known("backend", table.string("backend"), backend_names()),
        scheme=Scheme(numbers=numbers),
        device=name,
        suffix=suffix,
        calibration_required=numbers is not Numbers.FLOAT32,
        rules=TFLITE_RULES if suffix == TFLITE.suffix and numbers is Numbers.INT8 else (),
    )


def _device(table: TomlTable, default: str) -> str:
    """One word: it stands in command lines that users copy."""
    device = table.string("device", default)
    if device != default and not re.fullmatch(r"[\w.:-]+", device, re.ASCII):
        table.refuse("device", f"device is {device!r}, not one word of letters, digits and '.', ':', '_' and '-'")
    return device


def _dtype(table: TomlTable, key: str, default: str) -> str:
    """Type of inputs or outputs; the base target's own type stays possible, whatever it is."""
    return table.known(key, table.string(key, default), sorted({"int8", "uint8", default}))


def _scheme(table: TomlTable, base: Scheme, suffix: str) -> Scheme:
    """The number format."""
    from dlpuconv.scheme import Granularity, Numbers

    table.only(_SCHEME, "a scheme has no key")
    words = [granularity.value for granularity in Granularity]
    discouraged = table.names("discouraged", words) if "discouraged" in table.values else base.discouraged
    by_operator = table.table("by_operator")
    by_operator.only(_operators(suffix) if by_operator.values else (), "files of this kind have no operator")
    return replace(
        base,
        numbers=table.word("numbers", Numbers, base.numbers),
        weights=table.word("weights", Granularity, base.weights),
        discouraged=frozenset(map(Granularity, discouraged)),
        by_operator={**base.by_operator, **{op: by_operator.word(op, Granularity) for op in by_operator.values}},
        activation_codes=_coding(table.table("activation_codes"), base.activation_codes),
        weight_codes=_coding(table.table("weight_codes"), base.weight_codes),
    )


def _coding(table: TomlTable, base: Coding) -> Coding:
    """How one sort of real numbers becomes codes."""
    from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16

    types = {"int8": INT8, "uint8": UINT8, "int16": INT16, "uint16": UINT16}
    table.only(("type", "symmetric", "power_of_two", "reduce_range"), "a coding has no key")
    return replace(
        base,
        type=types[table.known("type", table.values["type"], types)] if "type" in table.values else base.type,
        symmetric=table.switch("symmetric", base.symmetric),
        power_of_two=table.switch("power_of_two", base.power_of_two),
        reduce_range=table.switch("reduce_range", base.reduce_range),
    )


def _with_rules(target: Target, table: TomlTable) -> Target:
    """The target with the rules and the placement that the file states beside, or instead of, its base's."""
    from dlpuconv.placement import Placement
    from dlpuconv.verification.rule import Severity

    fallback = table.word("fallback", Fallback, Fallback.CPU)
    dropped = _dropped(target, table)
    placement = target.placement or Placement(accelerator="accelerator")
    limits, doubts, kept = (
        tuple(rule for rule in rules if rule.id not in dropped)
        for rules in (placement.limits, placement.doubts, target.rules)
    )
    severity = Severity.WARN if fallback is Fallback.CPU else Severity.FAIL
    placing = tuple(_layer_rules(target, table, severity))
    if fallback is Fallback.CPU:
        limits = (*limits, *placing)
    else:
        if not (limits or placing):
            table.refuse("fallback", _NO_LIMITS)
        kept = tuple(replace(rule, severity=severity) if rule in limits else rule for rule in kept)
    placement = replace(placement, limits=limits, doubts=doubts)
    if "partitions" in table.table("limits").values:
        placement = replace(placement, most_pieces=table.table("limits").count("partitions"))
    whole = tuple(_file_rules(target, table, placement))
    # nothing is known of the placement where neither the base nor the file says anything of it, and nothing is to be
    # told of it where what the accelerator does not take runs nowhere
    known = placement if fallback is Fallback.CPU and (target.placement or limits) else None
    return replace(target, rules=(*kept, *placing, *whole), placement=known)


def _dropped(target: Target, table: TomlTable) -> frozenset[str]:
    """Rules of the base that do not hold: those that the file names, and lists of operators where it has its own."""
    dropped = table.names("without", {rule.id for rule in target.rules}) if "without" in table.values else frozenset()
    if "operators" not in table.values or target.placement is None:
        return dropped
    return dropped | {rule.id for rule in (*target.placement.limits, *target.placement.doubts) if rule.listed}


def _layer_rules(target: Target, table: TomlTable, severity: Severity) -> Iterator[Rule]:
    """What a layer must be to run on the accelerator."""
    from dlpuconv.verification.rules.limits import layer_extents, only_operators

    if "operators" in table.values:
        names = table.names("operators", _operators(target.suffix))
        yield only_operators(_id(target, "OP"), names, table.string("source"), severity)
    limits = table.table("limits")
    for key in _EXTENTS:
        if key in limits.values:
            if target.suffix != TFLITE.suffix:
                limits.refuse(key, f"{key} is a limit of {TFLITE.suffix} files, and {target.name} takes others")
            yield layer_extents(_id(target, key), key, limits.counts(key), table.string("source"), severity)


def _file_rules(target: Target, table: TomlTable, placement: Any) -> Iterator[Rule]:
    """What the whole file must be."""
    from dlpuconv.verification.rules.limits import most_axes, most_parameters, most_pieces, port_types

    limits = table.table("limits")
    limits.only(_LIMITS, "a target has no limit")
    if "axes" in limits.values:
        yield most_axes(_id(target, "axes"), limits.count("axes"), table.string("source"))
    if "partitions" in limits.values:
        yield most_pieces(_id(target, "partitions"), placement, table.string("source"))
    if "parameters_mib" in limits.values:
        if limits.number("parameters_mib") <= 0:
            limits.refuse("parameters_mib", "parameters_mib is not above 0")
        yield most_parameters(_id(target, "parameters"), limits.number("parameters_mib"), table.string("source"))
    if "port_types" in limits.values:
        yield port_types(_id(target, "ports"), limits.names("port_types", _PORT_TYPES), table.string("source"))


def _operators(suffix: str) -> frozenset[str]:
    """Names of operators, as files of this kind have them."""
    if suffix == TFLITE.suffix:
        from dlpuconv.formats.tflite_schema import OPERATORS

        return frozenset(OPERATORS)
    import onnx.defs

    return frozenset(schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain)


def _id(target: Target, what: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "-", f"{target.name}-{what}".upper()).strip("-")
