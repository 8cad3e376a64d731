"""The techniques that come before quantization: another network, other ranges, what corrections need.

Networks and statistics are kept for the recipes that follow: a search pays for each once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.given_scales import NOT_GIVEN
from dlpuconv.network import CannotError
from dlpuconv.quantization.ranges.choice import observed_ranges, observed_values
from dlpuconv.quantization.recipe import Observer, ScaleOrigin
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import observe
from dlpuconv.quantization.statistics.spreads import Excerpts, spread_of
from dlpuconv.quantization.techniques.agreement import agreement_db
from dlpuconv.quantization.techniques.detours import choose_detours
from dlpuconv.quantization.techniques.forms import Form, absorbed, detoured, equalized, gated, grouped
from dlpuconv.quantization.techniques.gate_choice import choose_gates
from dlpuconv.quantization.tuned import Tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Network, Node, Range, Value
    from dlpuconv.quantization.given import Given
    from dlpuconv.quantization.observers import Spread
    from dlpuconv.quantization.recipe import Balance, Recipe
    from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
    from dlpuconv.quantization.statistics.observe import Gauge
    from dlpuconv.quantization.techniques.forms import Made
    from dlpuconv.scheme import Granularity

_SAME_FUNCTION_DB = 60.0
_MEASURES = "details-5"


@dataclass(frozen=True, slots=True)
class _Rewrites:
    """What of a recipe makes the network another one, in the order in which it is done."""

    detours: tuple[Detour, ...] = ()
    gates: tuple[Gate, ...] = ()
    equalize: tuple[Balance, frozenset[Node]] | None = None
    absorb: bool = False
    groups: tuple[LayerGroups, ...] = ()

    @classmethod
    def of(cls, recipe: Recipe, kept: frozenset[Node]) -> _Rewrites:
        equalize = (recipe.balance, kept) if recipe.equalize else None
        return cls(recipe.detours, recipe.gates, equalize, recipe.absorb, recipe.groups)

    @property
    def last(self) -> str:
        """The field of the one that is done last; empty where none is."""
        return next((each.name for each in reversed(fields(self)) if getattr(self, each.name)), "")

    @property
    def before(self) -> _Rewrites:
        """All rewrites except the last one."""
        return replace(self, **{self.last: _NONE[self.last]})


_NONE: Mapping[str, Any] = {each.name: each.default for each in fields(_Rewrites)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningMaterial:
    """What tuning starts from.

    Attributes:
        network: float, as it was prepared.
        measured: what is measured: the network, or one with the same activations in it whose values are truer.
        ranges: lowest and highest values by name.
        excerpts: of the values of `measured`; None where they are not at hand.
        details: by channel.
        seen: the same as far as the samples tell, where a source states how far its own samples reached.
        given: samples, and what else the backend knows.
    """

    network: Network
    measured: Network
    ranges: Mapping[str, Range]
    excerpts: Excerpts | None
    details: Details
    seen: Details
    given: Given


class Tuner:
    """Applies recipes to one prepared network."""

    def __init__(self, material: TuningMaterial) -> None:
        self._material = material
        prepared = Form(
            network=material.network,
            measured=material.measured,
            seen=material.measured,
            ranges=material.ranges,
            details=material.details,
        )
        self._forms: dict[_Rewrites, Form] = {_Rewrites(): prepared}
        self._excerpts = {} if material.excerpts is None else {material.measured: material.excerpts}
        self._spreads: dict[Network, Mapping[str, Spread]] = {}

    def apply(self, recipe: Recipe, codes: IntegerType, kept: frozenset[Node] = frozenset()) -> Tuned:
        """Do what the recipe says before quantization.

        Args:
            recipe: the techniques.
            codes: type of activations.
            kept: layers whose weights equalization is to leave as they are.

        Raises:
            BackendError: the float network cannot be run.
        """
        form = self._form(_Rewrites.of(recipe, kept))
        return Tuned(
            network=form.network,
            ranges=self._ranges(form, recipe.observer, codes),
            channels=form.details.channels,
            facts=form.facts,
            dropped=form.dropped,
            names=self._material.given.names,
            stated=self._material.given.scales if recipe.scales is ScaleOrigin.SOURCE else NOT_GIVEN,
            scaled=form.scaled,
        )

    def detours(self) -> tuple[Detour, ...]:
        """Detours with which equalization is predicted to leave less noise at the outputs."""
        return choose_detours(self._material.network, self._material.details)

    def gates(self, weights: Granularity) -> tuple[Gate, ...]:
        """Those that are worth it; nothing is measured where the network has none.

        Args:
            weights: how many scales those of a layer have.

        Raises:
            BackendError: the float network cannot be run.
        """
        if not self._material.network.gates():
            return ()
        return choose_gates(self._material.network, self._material.details, weights)

    def _form(self, rewrites: _Rewrites) -> Form:
        """The prepared network, or a rewritten one; each is made once."""
        if rewrites not in self._forms:
            self._forms[rewrites] = self._rewritten(self._form(rewrites.before), rewrites)
        return self._forms[rewrites]

    def _rewritten(self, before: Form, rewrites: _Rewrites) -> Form:
        """The form after the last rewrite if the format can do it without changing the function; else with a note."""
        title, technique = self._technique(rewrites)
        try:
            after, facts = technique(before)
        except CannotError as refusal:
            return before.without(title, str(refusal))
        given = self._material.given
        with given.progress.stage(f"checking the network after {title}"):
            agreement = agreement_db(self._material.network, after.network, given.feeds())
        if not agreement >= _SAME_FUNCTION_DB:  # NaN is no agreement either
            return before.without(title, f"it changed the float network (to {agreement:.0f} dB)")
        told: Json = {**facts, "float_agreement_db": round(agreement, 1)}
        return replace(after, facts={**after.facts, title: told})

    def _technique(self, rewrites: _Rewrites) -> tuple[str, Callable[[Form], Made]]:
        """What the last one is called, and how it is done."""
        match rewrites:
            case _Rewrites(groups=groups) if groups:
                return "grouping", lambda form: grouped(form, groups)
            case _Rewrites(absorb=True):
                return "absorption", absorbed
            case _Rewrites(equalize=(balance, kept)):
                return "equalization", lambda form: equalized(form, balance, self._reached(form), kept)
            case _Rewrites(gates=gates) if gates:
                return "scaling gates", lambda form: gated(form, gates)
            case _:
                return "taking detours", lambda form: detoured(form, rewrites.detours)

    def _reached(self, form: Form) -> Details:
        """All that channels reach in the network and where it is measured: no clip may begin to act in either."""
        if form.has_twin:
            return form.details.widened(self._measure(form.network))
        return form.details.widened(self._material.seen) if form.network is self._material.network else form.details

    def _measure(self, network: Network) -> Details:
        """Channels of a network."""
        values = detailed_values(network)
        counts = [value.channels for value in values]

        def measured() -> npt.NDArray[np.float64]:
            channels = Channels(counts)
            self._observe(network, values, channels)
            return channels.result().astype(np.float32)

        table = self._stored(f"{Channels.name} {network.key}", values, measured, sum(counts))
        return Details.unpack(values, table, self._material.given.evidence)

    def _ranges(self, form: Form, observer: Observer, codes: IntegerType) -> Mapping[str, Range]:
        """What the scales must hold."""
        if observer is Observer.MINMAX:
            return form.ranges
        if form.whole is None:
            return observed_ranges(form.network, form.ranges, self._spread(form), observer, codes)
        whole = self._ranges(form.whole, observer, codes)
        chosen = {name: whole.get(form.parts.get(name, name)) for name in form.ranges}
        return {name: held.clamped_to(chosen[name] or held) for name, held in form.ranges.items()}

    def _spread(self, form: Form) -> Mapping[str, Spread]:
        if form.measured not in self._spreads:
            values = [v for v in observed_values(form.seen) if v.name in form.ranges]
            rows = self._stored(
                f"{Excerpts.name} {form.seen.key} {_digest(form.factors)}",
                values,
                lambda: self._excerpts_of(form.seen, values).rows([v.name for v in values], form.factors),
                len(values),
            )
            self._spreads[form.measured] = {v.name: spread_of(row) for v, row in zip(values, rows, strict=True)}
        return self._spreads[form.measured]

    def _excerpts_of(self, network: Network, values: list[Value]) -> Excerpts:
        """Excerpts of a network's values; it is run once, whatever factors its channels get."""
        if network not in self._excerpts:
            self._excerpts[network] = Excerpts(values, self._material.given.samples)
            self._observe(network, values, self._excerpts[network])
        return self._excerpts[network]

    def _observe(self, network: Network, values: list[Value], gauge: Gauge) -> None:
        given = self._material.given
        with given.progress.stage("measuring channels", given.samples) as step:
            observe(network, values, given.feeds(), [gauge], step)

    def _stored(
        self, what: str, values: list[Value], find: Callable[[], npt.NDArray[np.floating[Any]]], rows: int
    ) -> npt.NDArray[np.float64]:
        """What is found out about activations on all samples, from the cache where it is there."""
        given = self._material.given
        key = f"{_MEASURES} {json.dumps([v.name for v in values])} {what} {given.digest}"
        stored = given.cache.once(key, lambda: {_MEASURES: find()}, lambda kept: _has_rows(kept.get(_MEASURES), rows))
        return stored[_MEASURES].astype(np.float64)


def _has_rows(stored: npt.NDArray[np.generic] | None, rows: int) -> bool:
    return stored is not None and stored.ndim == 2 and len(stored) == rows


def _digest(factors: Mapping[str, npt.NDArray[np.float64]]) -> str:
    found = hashlib.sha256()
    for name in sorted(factors):
        found.update(json.dumps(name).encode())
        found.update(factors[name].tobytes())
    return found.hexdigest()
