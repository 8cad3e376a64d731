"""Which scales of the source an artifact has, and why it has others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlpuconv.errors import CalibrationError
from dlpuconv.language.brief import listed
from dlpuconv.quantization.scales.plan import prescribed_outputs
from dlpuconv.quantization.stated.activations import stated_activations, stated_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from dlpuconv.ir.given_scales import GivenScales
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.stated.activations import StatedActivations
    from dlpuconv.quantization.tuned import Tuned

_LONGEST_LIST = 12
_KEYS: Final = ("layer", "of", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitted:
    """A scale that the source states, and that the artifact does not have.

    Attributes:
        layer: the title of the layer that has the weights or makes the activation.
        of: `weights` or `activation`.
        reason: why, to follow that.
    """

    layer: str
    of: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What became of the scales of the source.

    Attributes:
        kept: how many the artifact has, of activations and of weights.
        refitted: those that it does not have.
        measured: titles of layers whose results have a scale that the source does not state.
    """

    kept: int
    refitted: tuple[Refitted, ...]
    measured: tuple[str, ...]

    @property
    def summary(self) -> str:
        """In a line: `scales of the source: 52 kept, 3 re-fitted`."""
        more = f", {len(self.measured)} not stated" if self.measured else ""
        return f"scales of the source: {self.kept} kept, {len(self.refitted)} re-fitted{more}"

    @property
    def by_reason(self) -> Mapping[tuple[str, str], list[str]]:
        """Titles of layers by what of them was fitted anew, and why."""
        found: dict[tuple[str, str], list[str]] = {}
        for each in self.refitted:
            found.setdefault((each.of, each.reason), []).append(each.layer)
        return found

    def to_json(self) -> dict[str, Json]:
        """For manifests and `--json`."""
        return {
            "kept": self.kept,
            "refitted": [{key: getattr(each, key) for key in _KEYS} for each in self.refitted],
            "measured": list(self.measured),
        }

    @classmethod
    def from_json(cls, entry: object) -> Ledger | None:
        """What a manifest tells; None where it tells nothing, or what no conversion wrote."""
        try:
            assert isinstance(entry, dict)
            refitted = (Refitted(**{key: str(each[key]) for key in _KEYS}) for each in entry["refitted"])
            measured = map(str, entry["measured"])
            return cls(kept=int(entry["kept"]), refitted=tuple(refitted), measured=tuple(measured))
        except (AssertionError, KeyError, TypeError, ValueError):
            return None

    def told(self) -> list[str]:
        """What was fitted anew and why, a reason an entry."""
        return [f"{_subject(of, layers)} {reason}" for (of, reason), layers in self.by_reason.items()]

    def warnings(self) -> list[str]:
        """What the user should know; nothing where everything was kept."""
        return [f"{self.summary}: {'; '.join(self.told())}"] if self.refitted else []

    def demand_all(self) -> None:
        """Check that there is nothing to measure.

        Raises:
            CalibrationError: names all activations whose scales the source does not state.
        """
        if self.measured:
            count = f"{len(self.measured)} activation{'s' * (len(self.measured) > 1)}"
            raise CalibrationError(
                f"the model is quantized, but does not state the scales of {count}"
                f" ({listed(self.measured, _LONGEST_LIST)}): give calibration data to measure them on",
                id="calibration-scales-incomplete",
            )


def _subject(of: str, layers: Collection[str]) -> str:
    """Of a reason, whose verb is plural for weights and singular for an activation."""
    each = "each " if of == "activation" and len(layers) > 1 else ""
    return f"{each}{of} of {listed(layers)}"


def ledger_of(quantized: Quantized, tuned: Tuned) -> Ledger:
    """Compare an artifact's scales with those that the source states.

    Args:
        quantized: with the scales that were to be kept.
        tuned: what was quantized, with the scales of the source.
    """
    coding = quantized.scheme.activation_codes
    found = stated_activations(quantized.network, tuned.stated, coding, tuned.scaled)
    weights = [(quantized.names[node].title, layer.stated) for node, layer in quantized.layers.items()]
    refitted = list(_activations(quantized, found, tuned.stated))
    refitted += [Refitted(layer=title, of="weights", reason=each.reason) for title, each in weights if each.reason]
    kept = sum(quantized.plan.scales.get(value) == affine for value, affine in found.scales.items())
    return Ledger(
        kept=kept + sum(each.affine is not None and not each.reason for _, each in weights),
        refitted=tuple(refitted),
        measured=tuple(_measured(quantized, found)),
    )


def _activations(quantized: Quantized, found: StatedActivations, stated: GivenScales) -> Iterator[Refitted]:
    title, network, scales = _Titles(quantized), quantized.network, quantized.plan.scales
    prescribed = prescribed_outputs(network, quantized.scheme)
    for value, reason in found.reasons.items():
        yield Refitted(layer=title(value), of="activation", reason=reason)
    for value, affine in found.scales.items():
        kept = scales.get(value, affine) == affine
        if kept and stated_name(value, stated) not in stated.several:
            continue
        if kept:
            reason = "is quantized with several scales, of which the file has the one of the widest range"
        elif value in prescribed:
            reason = "needs the one scale that its kernel computes with"
        elif value in network.inputs:
            reason = "has another scale by the input's normalization"
        else:
            reason = "is tied to another one by the format"
        yield Refitted(layer=title(value), of="activation", reason=reason)


def _measured(quantized: Quantized, found: StatedActivations) -> Iterator[str]:
    """One title for each scale that only the samples tell."""
    title = _Titles(quantized)
    for values in quantized.plan.measured:
        if not any(value in found.reasons for value in values):
            yield title(values[0])


class _Titles:
    """The titles of the layers that compute activations."""

    def __init__(self, quantized: Quantized) -> None:
        self._makers, self._names = quantized.network.producers(), quantized.names

    def __call__(self, value: Value) -> str:
        maker = self._makers.get(value)
        return value.name if maker is None else self._names[maker].title
