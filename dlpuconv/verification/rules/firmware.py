"""A rule about the TensorFlow Lite that a camera's firmware carries, as far as that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.formats.tflite_runtimes import as_numbers, first_runtime
from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verification.rule import Context

RULE = "TFL-FIRMWARE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one firmware is known to carry.

    Attributes:
        firmware: AXIS OS, such as (10, 6).
        runtime: its TensorFlow Lite.
        source: where that is known from.
    """

    firmware: tuple[int, ...]
    runtime: str
    source: str


def firmware_rule(carried: Sequence[Carried]) -> Rule:
    """A rule that says something only where the user names a firmware.

    Newer firmware carries no older TensorFlow Lite, so that what one is known to carry is the least that later ones do:
    beyond it there is a warning.

    Args:
        carried: by rising firmware. The first one is the first that loads .tflite files at all.
    """

    def check(view: FileView, context: Context) -> Iterator[Hit]:
        if context.firmware is None:
            return
        named = ".".join(map(str, context.firmware))
        known = [entry for entry in carried if entry.firmware <= context.firmware]
        if not known:
            yield Hit(f"AXIS OS {named} loads .larod files only; .tflite came with {_text(carried[0].firmware)}")
            return
        certain = context.firmware[: len(known[-1].firmware)] == known[-1].firmware
        has = f"AXIS OS {named} has {known[-1].runtime}{'' if certain else ' or newer'}"
        yield from _too_new(view, known[-1].runtime, has, None if certain else Severity.WARN)

    return Rule(
        id=RULE,
        severity=Severity.FAIL,
        sentence="The firmware must carry a TensorFlow Lite that has these versions of the ops (--firmware).",
        source="; ".join(f"AXIS OS {_text(c.firmware)}: {c.runtime}, {c.source}" for c in carried),
        check=check,
        fix="Look for TensorFlow Lite in the firmware's bill of materials (SBOM), or use a newer firmware.",
    )


def _too_new(view: FileView, runtime: str, has: str, severity: Severity | None) -> Iterator[Hit]:
    """One hit for each op and version, at its first layer."""
    first: dict[tuple[str, int], LayerView] = {}
    for layer in view.layers:
        if not layer.custom:
            first.setdefault((layer.op, layer.version), layer)
    for (op, version), layer in first.items():
        needed = first_runtime(op, version)
        if needed is None:
            yield Hit(f"which runtime first had {op} version {version} is not known", layer.name, Severity.WARN)
        elif as_numbers(needed) > as_numbers(runtime):
            yield Hit(f"{op} version {version} came with TensorFlow Lite {needed}; {has}", layer.name, severity)


def _text(firmware: tuple[int, ...]) -> str:
    return ".".join(map(str, firmware))
