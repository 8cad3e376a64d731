"""Ways to write a network: the same function in other numbers, each made of another one by a technique."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlpuconv.network import CannotError
from dlpuconv.quantization.techniques.absorb import absorb
from dlpuconv.quantization.techniques.detours import take_detours
from dlpuconv.quantization.techniques.equalize import equalize
from dlpuconv.quantization.techniques.gates import scale_gates
from dlpuconv.quantization.techniques.groups import cut_layers
from dlpuconv.quantization.techniques.twins import with_layers_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.jsonable import Json
    from dlpuconv.network import Network, Node, Range
    from dlpuconv.quantization.recipe import Balance
    from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
    from dlpuconv.quantization.statistics.channels import Details

    type Made = tuple[Form, Mapping[str, Json]]
    """What a technique makes of a form, and what of that the manifest tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One of them.

    Attributes:
        network: float.
        measured: whose distributions count: those of the network, or of a twin with truer values in the same numbers.
        seen: where they are measured: there, or in a network that has the same ones but for factors.
        factors: [C] by which channels of `seen` are multiplied in `measured`, by name of the activation.
        ranges: lowest and highest values by name.
        details: by channel.
        facts: how it came about, for the manifest.
        dropped: techniques that were left out.
        whole: before layers were cut: what saturates there, saturates in the parts, and no more.
        parts: of what a cut made: the activation whose channels it has, by its name.
        scaled: activations whose channels equalization has multiplied, by name.
    """

    network: Network
    measured: Network
    seen: Network
    factors: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    ranges: Mapping[str, Range]
    details: Details
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    whole: Form | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()

    @property
    def has_twin(self) -> bool:
        """Whether distributions are measured on another network."""
        return self.measured is not self.network

    def without(self, title: str, reason: str) -> Form:
        """The same, with a note that a technique was left out."""
        return replace(self, dropped=(*self.dropped, f"{title} was left out: {reason}"))

    def rewritten(self, network: Network, measured: Network, details: Details, changed: Iterable[str]) -> Form:
        """With other networks, to be measured anew, in which the activations named in `changed` have other values."""
        moved = {name: details.range_of(name) for name in changed if name in details.channels}
        ranges = {name: moved.get(name, values) for name, values in self.ranges.items()}
        return replace(
            self, network=network, measured=measured, seen=measured, factors={}, ranges=ranges, details=details
        )


def detoured(form: Form, detours: tuple[Detour, ...]) -> Made:
    """With layers of their own for some readers.

    Raises:
        CannotError: see `take_detours`.
    """
    if unmeasured := [detour.site for detour in detours if detour.site not in form.ranges]:
        raise CannotError(f"nothing was measured of {unmeasured[0]!r} itself")
    made = take_detours(form.network, detours)
    twin = take_detours(form.measured, detours).network if form.has_twin else None
    measured = made.network if twin is None else with_layers_of(made.network, twin)
    details = form.details.picked(made.origins)
    ranges = {name: form.ranges[site] for name, (site, _) in made.origins.items()}
    after = replace(form, network=made.network, measured=measured, ranges={**form.ranges, **ranges}, details=details)
    return after, {"activations": [detour.site for detour in detours]}


def gated(form: Form, gates: tuple[Gate, ...]) -> Made:
    """With other factors at gates.

    Raises:
        CannotError: see `scale_gates`.
    """
    made = scale_gates(form.network, gates, form.details)
    measured = made.likewise(form.measured) if form.has_twin else made.network
    after = form.rewritten(made.network, measured, made.details, made.changed)
    kept = {v.name for v in made.network.values()}
    ranges = {name: found for name, found in {**after.ranges, **made.ranges}.items() if name in kept}
    return replace(after, ranges=ranges), {"gates": [gate.site for gate in gates]}


def equalized(form: Form, balance: Balance, reached: Details, kept: Collection[Node]) -> Made:
    """With channels scaled.

    Args:
        form: before.
        balance: by which factors are chosen.
        reached: all that channels reach, by which they are chosen.
        kept: layers whose weights stay as they are.

    Raises:
        CannotError: the format refuses other constants.
    """
    made = equalize(form.network, reached, balance, kept)
    measured = made.likewise(form.measured) if form.has_twin else made.network
    after = form.rewritten(made.network, measured, form.details.scaled(made.factors), made.factors)
    if not form.factors:
        after = replace(after, seen=form.seen, factors=made.factors)
    return replace(after, scaled=frozenset(made.factors)), {
        "scaled_channels": made.scaled,
        "silenced_channels": made.silenced,
    }


def absorbed(form: Form) -> Made:
    """With what channels always hold in biases.

    Raises:
        CannotError: the format refuses other constants.
    """
    made = absorb(form.network, form.details)
    measured = absorb(form.measured, form.details).network if form.has_twin else made.network
    return form.rewritten(made.network, measured, made.details, made.shifts), {"activations": len(made.shifts)}


def grouped(form: Form, groups: tuple[LayerGroups, ...]) -> Made:
    """With layers cut into groups.

    Raises:
        CannotError: see `cut_layers`.
    """
    made = cut_layers(form.network, groups)
    details = form.details.picked(made.origins)
    parts = {name: details.range_of(name) for name in made.origins if name in details.channels}
    measured = made.likewise(form.measured, groups) if form.has_twin else made.network
    after = Form(
        network=made.network,
        measured=measured,
        seen=measured,
        ranges={v.name: r for v in made.network.values() if (r := form.ranges.get(v.name, parts.get(v.name)))},
        details=details,
        facts=form.facts,
        dropped=form.dropped,
        whole=form,
        parts={name: whole for name, (whole, _) in made.origins.items()},
    )
    kept = {v.name for v in form.network.values()}
    return after, {
        "layers": {each.layer: len(set(each.of)) for each in groups},
        "moved": [name for name in made.origins if name in kept],
    }
