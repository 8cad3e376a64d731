"""The techniques that come before quantization: another network, other ranges, what corrections need.

Networks and statistics are kept for the recipes that follow: a search pays for each once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.decibel import MOST_DB, Powers
from dlpuconv.network import CannotError
from dlpuconv.quantization.ranges.choice import observed_ranges, observed_values
from dlpuconv.quantization.recipe import Observer
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import observe
from dlpuconv.quantization.statistics.spreads import Spreads, spread_of
from dlpuconv.quantization.techniques.absorb import absorb
from dlpuconv.quantization.techniques.equalize import equalize
from dlpuconv.quantization.techniques.gate_choice import choose_gates
from dlpuconv.quantization.techniques.gates import scale_gates
from dlpuconv.quantization.techniques.groups import cut_layers
from dlpuconv.quantization.tuned import Tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Feed, Network, Range, Value
    from dlpuconv.quantization.given import Given
    from dlpuconv.quantization.observers import Spread
    from dlpuconv.quantization.recipe import Balance, Recipe
    from dlpuconv.quantization.sites import Gate, LayerGroups

_SAME_FUNCTION_DB = 60.0
_COMPARED = 6
_MEASURES = "details-4"


@dataclass(frozen=True, slots=True)
class _Rewrites:
    """What of a recipe makes the network another one, in the order in which it is done."""

    gates: tuple[Gate, ...] = ()
    equalize: Balance | None = None
    absorb: bool = False
    groups: tuple[LayerGroups, ...] = ()

    @classmethod
    def of(cls, recipe: Recipe) -> _Rewrites:
        return cls(recipe.gates, recipe.balance if recipe.equalize else None, recipe.absorb, recipe.groups)

    @property
    def last(self) -> str:
        """The field of the one that is done last; empty where none is."""
        return next((each.name for each in reversed(fields(self)) if getattr(self, each.name)), "")

    @property
    def before(self) -> _Rewrites:
        """Those in front of the last one."""
        return replace(self, **{self.last: _NONE[self.last]})


_NONE: Mapping[str, Any] = {each.name: each.default for each in fields(_Rewrites)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningMaterial:
    """What tuning starts from.

    Attributes:
        network: float, as it was prepared.
        measured: what is measured: the network, or one with the same activations in it whose values are truer.
        ranges: lowest and highest values by name.
        spreads: distributions by name.
        details: by channel.
        given: samples, and what else the backend knows.
    """

    network: Network
    measured: Network
    ranges: Mapping[str, Range]
    spreads: Mapping[str, Spread]
    details: Details
    given: Given


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One way to write the network: the same function in other numbers.

    Attributes:
        network: float.
        measured: what distributions are measured on: the network, or `Material.measured` in the same other numbers.
        ranges: lowest and highest values by name.
        details: by channel.
        facts: how it came about, for the manifest.
        dropped: rewrites that were left out.
        whole: before layers were cut: what saturates there, saturates in the parts, and no more.
        parts: of what a cut made: the activation whose channels it has, by its name.
    """

    network: Network
    measured: Network
    ranges: Mapping[str, Range]
    details: Details
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    whole: _Form | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    def rewritten(self, network: Network, measured: Network, details: Details, changed: Iterable[str]) -> _Form:
        """With other networks, in which the activations named in `changed` have other values."""
        moved = {name: details.range_of(name) for name in changed if name in details.channels}
        ranges = {name: moved.get(name, values) for name, values in self.ranges.items()}
        return replace(self, network=network, measured=measured, ranges=ranges, details=details)


class Tuner:
    """Applies recipes to one prepared network."""

    def __init__(self, material: TuningMaterial) -> None:
        self._material = material
        prepared = _Form(
            network=material.network, measured=material.measured, ranges=material.ranges, details=material.details
        )
        self._forms: dict[_Rewrites, _Form] = {_Rewrites(): prepared}
        self._spreads: dict[Network, Mapping[str, Spread]] = {material.measured: material.spreads}

    def apply(self, recipe: Recipe, codes: IntegerType) -> Tuned:
        """Do what the recipe says before quantization.

        Args:
            recipe: the techniques.
            codes: type of activations.

        Raises:
            BackendError: the float network cannot be run.
        """
        form = self._form(_Rewrites.of(recipe))
        return Tuned(
            network=form.network,
            ranges=self._ranges(form, recipe.observer, codes),
            channels=form.details.channels,
            facts=form.facts,
            dropped=form.dropped,
            names=self._material.given.names,
        )

    def gates(self) -> tuple[Gate, ...]:
        """Those that are worth it; nothing is measured where the network has none.

        Raises:
            BackendError: the float network cannot be run.
        """
        if not self._material.network.gates():
            return ()
        return choose_gates(self._material.network, self._reached(self._form(_Rewrites()).details))

    def _form(self, rewrites: _Rewrites) -> _Form:
        """The prepared network, or a rewritten one; each is made once."""
        if rewrites not in self._forms:
            self._forms[rewrites] = self._rewritten(self._form(rewrites.before), rewrites)
        return self._forms[rewrites]

    def _rewritten(self, before: _Form, rewrites: _Rewrites) -> _Form:
        """With the last one done."""
        title, technique = {
            "gates": ("scaling gates", lambda form: self._gated(form, rewrites.gates)),
            "groups": ("grouping", lambda form: self._grouped(form, rewrites.groups)),
            "equalize": ("equalization", lambda form: self._equalized(form, rewrites.equalize)),
            "absorb": ("absorption", self._absorbed),
        }[rewrites.last]
        return self._without_what_cannot_be(title, before, technique)

    @staticmethod
    def _without_what_cannot_be(title: str, before: _Form, technique: Callable[[_Form], _Form]) -> _Form:
        """What a technique makes; what was there before, with a note, where the format refuses an edit."""
        try:
            return technique(before)
        except CannotError as refusal:
            return replace(before, dropped=(*before.dropped, f"{title} was left out: {refusal}"))

    def _gated(self, form: _Form, gates: tuple[Gate, ...]) -> _Form:
        made = scale_gates(form.network, gates, self._reached(form.details))
        facts: dict[str, Json] = {"gates": [gate.site for gate in gates]}
        measured = made.network if form.measured is form.network else made.likewise(form.measured)
        changed = form.rewritten(made.network, measured, made.details, made.changed)
        changed = replace(changed, ranges={**changed.ranges, **made.ranges})
        return self._checked("scaling gates", form, changed, facts)

    def _grouped(self, form: _Form, groups: tuple[LayerGroups, ...]) -> _Form:
        made = cut_layers(form.network, groups)
        details = form.details.picked(made.origins)
        measured = made.network if form.measured is form.network else made.likewise(form.measured, groups)
        parts = {name: details.range_of(name) for name in made.origins if name in details.channels}
        ranges = {v.name: r for v in made.network.values() if (r := form.ranges.get(v.name, parts.get(v.name)))}
        origins = {name: whole for name, (whole, _) in made.origins.items()}
        cut = _Form(network=made.network, measured=measured, ranges=ranges, details=details, whole=form, parts=origins)
        after = replace(cut, facts=form.facts, dropped=form.dropped)
        kept = {v.name for v in form.network.values()}
        facts: dict[str, Json] = {
            "layers": {each.layer: len(set(each.of)) for each in groups},
            "moved": [name for name in made.origins if name in kept],
        }
        return self._checked("grouping", form, after, facts)

    def _equalized(self, form: _Form, balance: Balance | None) -> _Form:
        assert balance is not None
        made = equalize(form.network, self._reached(form.details), balance)
        facts: dict[str, Json] = {"scaled_channels": made.scaled, "silenced_channels": made.silenced}
        details = form.details.scaled(made.factors)
        measured = made.network if form.measured is form.network else made.likewise(form.measured)
        return self._checked("equalization", form, form.rewritten(made.network, measured, details, made.factors), facts)

    def _absorbed(self, form: _Form) -> _Form:
        made = absorb(form.network, form.details)
        facts: dict[str, Json] = {"activations": len(made.shifts)}
        same = form.measured is form.network
        measured = made.network if same else absorb(form.measured, form.details).network
        changed = form.rewritten(made.network, measured, made.details, made.shifts)
        return self._checked("absorption", form, changed, facts)

    def _checked(self, title: str, before: _Form, after: _Form, facts: Mapping[str, Json]) -> _Form:
        """The rewritten network where it computes the same, else the one before with a note."""
        given = self._material.given
        with given.progress.stage(f"checking the network after {title}"):
            agreement = agreement_db(self._material.network, after.network, given.feeds())
        if not agreement >= _SAME_FUNCTION_DB:  # NaN is no agreement either
            told = f"{title} was left out: it changed the float network (to {agreement:.0f} dB)"
            return replace(before, dropped=(*before.dropped, told))
        told_facts: Json = {**facts, "float_agreement_db": round(agreement, 1)}
        return replace(after, facts={**after.facts, title: told_facts})

    def _reached(self, details: Details) -> Details:
        """With all that channels reach in the network and where it is measured: no clip may begin to act in either."""
        if self._material.measured is self._material.network:
            return details
        return details.widened(self._measure(self._material.network))

    def _measure(self, network: Network) -> Details:
        """Channels of a network as it was prepared."""
        values = detailed_values(network)
        counts = [value.channels for value in values]
        table = self._observe(network, values, Channels(counts), sum(counts))
        return Details.unpack(values, table, self._material.given.evidence)

    def _ranges(self, form: _Form, observer: Observer, codes: IntegerType) -> Mapping[str, Range]:
        """What the scales must hold."""
        if observer is Observer.MINMAX:
            return form.ranges
        if form.whole is None:
            return observed_ranges(form.network, form.ranges, self._spread(form), observer, codes)
        whole = self._ranges(form.whole, observer, codes)
        chosen = {name: whole.get(form.parts.get(name, name)) for name in form.ranges}
        return {name: held.clamped_to(chosen[name] or held) for name, held in form.ranges.items()}

    def _spread(self, form: _Form) -> Mapping[str, Spread]:
        network = form.measured
        if network not in self._spreads:
            values = [v for v in observed_values(network) if v.name in form.ranges]
            rows = self._observe(network, values, Spreads(self._material.given.samples), len(values))
            self._spreads[network] = {v.name: spread_of(row) for v, row in zip(values, rows, strict=True)}
        return self._spreads[network]

    def _observe(
        self, network: Network, values: list[Value], observer: Channels | Spreads, rows: int
    ) -> npt.NDArray[np.float64]:
        """What an observer finds out on all samples, from the cache where it is there."""
        given = self._material.given
        key = f"{_MEASURES} {observer.name} {json.dumps([v.name for v in values])} {network.key} {given.digest}"
        stored = (given.cache.get(key) or {}).get(observer.name)
        if stored is None or stored.ndim != 2 or len(stored) != rows:
            with given.progress.stage("measuring channels", given.samples) as step:
                found = observe(network, values, given.feeds(), [observer], step).values
            stored = found[observer.name].astype(np.float32)
            given.cache.put(key, {observer.name: stored})
        return stored.astype(np.float64)  # through float32 in any case: a cached run must give the same bytes


def agreement_db(one: Network, other: Network, feeds: Iterable[Feed]) -> float:
    """Smallest signal-to-noise ratio, in dB, of any output of two float networks over a few samples."""
    few = [feed for _, feed in zip(range(_COMPARED), feeds, strict=False)]
    pairs = zip(*([[np.array(v) for v in found] for found in n.run(few, n.outputs)] for n in (one, other)), strict=True)
    powers = [Powers() for _ in one.outputs]
    for first, second in pairs:
        for sums, a, b in zip(powers, first, second, strict=True):
            sums.add(a, b)
    # None is an output that is silent in one and not in the other; NaN gives the lowest ratio.
    ratios = (sums.decibels for sums in powers if sums.noise)
    return min((-MOST_DB if ratio is None else ratio for ratio in ratios), default=MOST_DB)
