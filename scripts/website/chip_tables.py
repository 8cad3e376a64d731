"""The tables of docs/chips/: what a target says of its chip, in the place that its page leaves for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.plugin import Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dlpuconv.plugin import Coding, Target
    from dlpuconv.verification.rule import Rule

_PLACE = re.compile(r"(<!-- generated: (?P<what>scheme|rules) (?P<target>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DISTRIBUTION = "dlpuconv"


def filled(page: Path) -> str:
    """The text of a page with every table as it should be."""
    targets = {target.name: target for target in built_in()}

    def table(found: re.Match[str]) -> str:
        target = targets[found["target"]]
        rows = scheme(target) if found["what"] == "scheme" else own_rules(target, [*targets.values()])
        return f"{found[1]}\n{chr(10).join(rows)}\n\n{found[4]}"

    return _PLACE.sub(table, page.read_text("utf-8"))


def built_in() -> list[Target]:
    """The targets that dlpuconv brings."""
    from dlpuconv.registry import list_targets

    return [entry.target for entry in list_targets() if entry.distribution == _DISTRIBUTION and entry.target]


def scheme(target: Target) -> Iterator[str]:
    """What a file for the chip is."""
    numbers = target.scheme
    yield f"| `--target {target.name}` | |"
    yield "|---|---|"
    yield f"| file | {f'`model.{target.name}{target.suffix}`' if target.suffix else f'folder `model.{target.name}`'} |"
    yield f"| made by the backend | `{target.backend}` |"
    if target.device:
        yield f"| larod device | `{target.device}` |"
    yield f"| numbers | {numbers.numbers.value} |"
    if numbers.numbers is Numbers.INT8:
        yield f"| default granularity of weights | {numbers.weights.value} |"
        refused = ", ".join(sorted(each.value for each in numbers.discouraged)) or "none"
        yield f"| granularities that `verify` refuses | {refused} |"
        yield f"| activations | {_codes(numbers.activation_codes)} |"
        yield f"| codes of weights | {_codes(numbers.weight_codes)} |"
        yield f"| default types of inputs and outputs | {target.input_dtype}, {target.output_dtype} |"
    yield f"| calibration data | {'needed' if target.calibration_required else 'for the package, if given'} |"
    yield f"| least signal-to-noise ratio of plain values | {target.min_sqnr:g} dB |"
    if target.compiler is not None:
        yield f"| completed by | `{target.compiler.executable}`, where it is installed |"


def _codes(coding: Coding) -> str:
    zero = "zero point 0" if coding.symmetric else "with a zero point"
    return f"{coding.type.bits} bits, {coding.lowest} to {coding.highest}, {zero}"


def own_rules(target: Target, others: Sequence[Target]) -> Iterator[str]:
    """The rules that are about this chip, and not about the format of its file."""
    shared = {rule.id for other in others if not _is_kin(other, target) for rule in other.rules}
    yield "| rule | severity | what must hold | source |"
    yield "|---|---|---|---|"
    for rule in target.rules:
        if rule.id not in shared:
            yield _row(rule)
    yield ""
    yield f"All rules, with what to do about each: [{target.title}](../rules/{target.name}.md)."


def _is_kin(other: Target, target: Target) -> bool:
    """Whether two targets have the very same rules, or are one."""
    return other.name == target.name or other.rules == target.rules


def _row(rule: Rule) -> str:
    cells = (f"`{rule.id}`", rule.severity.value, rule.sentence, rule.source)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
