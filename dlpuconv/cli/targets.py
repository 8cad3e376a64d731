"""`dlpuconv targets`: the chips and runtimes that files can be made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from dlpuconv.cli import options as opt
from dlpuconv.registry import list_targets
from dlpuconv.scheme import Numbers

if TYPE_CHECKING:
    from dlpuconv.registry import Listed
    from dlpuconv.scheme import Scheme


def targets(
    json: opt.Json = False,
    quiet: Annotated[bool, opt.flag("--quiet", "-q", help="Print names only.")] = False,
) -> None:
    """List the chips and runtimes that files can be made for."""
    listed = list_targets()
    if json:
        from dlpuconv.cli.console import print_json

        print_json({"targets": [_as_json(entry) for entry in listed]})
        return
    if quiet:
        print(*(entry.name for entry in listed), sep="\n")
        return
    width = max((len(entry.name) for entry in listed), default=0)
    for entry in listed:
        print(f"{entry.name:{width}}  {_line(entry)}")


def _line(entry: Listed) -> str:
    if entry.target is None:
        return f"BROKEN: {entry.problem}"
    target = entry.target
    origin = "" if entry.distribution == "dlpuconv" else f" [{entry.distribution}]"
    device = f", larod device {target.device}" if target.device else ""
    return f"{target.title}: {_numbers(target.scheme)}{device}{origin}"


def _numbers(scheme: Scheme) -> str:
    """What the files compute with, one type where activations and weights have the same."""
    if scheme.numbers is Numbers.FLOAT32:
        return scheme.numbers.value
    activations, weights = scheme.activation_codes.type.name, scheme.weight_codes.type.name
    if activations == weights:
        return f"{activations}, {scheme.weights.value} weights"
    return f"{activations} activations, {weights} {scheme.weights.value} weights"


def _as_json(entry: Listed) -> dict[str, object]:
    common: dict[str, object] = {"name": entry.name, "distribution": entry.distribution}
    if entry.target is None:
        return {**common, "problem": entry.problem}
    scheme = entry.target.scheme
    return {
        **common,
        "title": entry.target.title,
        "backend": entry.target.backend,
        "device": entry.target.device,
        "numbers": scheme.numbers.value,
        "weights": scheme.weights.value,
        "activations": "float32" if scheme.numbers is Numbers.FLOAT32 else scheme.activation_codes.type.name,
        "discouraged": sorted(g.value for g in scheme.discouraged),
        "calibration_required": entry.target.calibration_required,
    }
