"""What a user asks for, as small frozen values that the pipeline reads and nobody changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.calibration import Preprocessing
from dlpuconv.files.keep import NOTHING, Keep
from dlpuconv.frontends import SourceOptions
from dlpuconv.manifest import RequestRecord
from dlpuconv.plugin import InterfaceOptions, Normalization

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Target
    from dlpuconv.quantization import Override, Recipe
    from dlpuconv.scheme import Granularity
    from dlpuconv.workflow.metric import Metric


MIXED = "auto"
"""What users say for per tensor wherever that is good enough."""


class Effort(StrEnum):
    """How long to look for good numbers."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


class Tail(StrEnum):
    """What becomes of operators that have no form on the chip."""

    AUTO = "auto"
    """The rest of the network, from where they begin, becomes a model of its own for the camera's CPU."""
    OFF = "off"
    """The network is refused."""


class FinalActivations(StrEnum):
    """Whether integer files leave the Sigmoid or Softmax that ends an output to whoever reads it."""

    AUTO = "auto"
    """Where that at least halves how many pairs of the highest scores are swapped or tied."""
    KEEP = "keep"
    """The outputs are probabilities, in steps of 1/256."""
    CUT = "cut"
    """The outputs are logits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationOptions:
    """What the user wants of the numbers.

    Attributes:
        granularity: of weights; None for the target's own.
        mixed: per tensor, with scales for each channel in the layers that need them.
        overrides: by layer, the last match decides.
        effort: how many recipes are tried.
        recipe: one that is to be used as it is, without a search; it has granularities of its own.
        recipe_file: where it was read, if from a file.
        metric: the user's own, which then decides between recipes; None for the signal-to-noise ratio.
    """

    granularity: Granularity | None = None
    mixed: bool = False
    overrides: tuple[Override, ...] = ()
    effort: Effort = Effort.BALANCED
    recipe: Recipe | None = None
    recipe_file: Path | None = None
    metric: Metric | None = None

    @property
    def wanted_granularity(self) -> str | None:
        """The option as the user gave it."""
        if self.mixed:
            return MIXED
        return self.granularity.value if self.granularity else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOptions:
    """How strict the verifier is.

    Attributes:
        min_sqnr: dB on the final outputs below which parity fails; None for the target's own.
        ignore: ids of rules that do not count.
        strict: warnings fail.
        layers: look at every layer too, for a report.
        kinds: of outputs, as the user states them, by name; the graph tells the others.
    """

    min_sqnr: float | None = None
    ignore: frozenset[str] = frozenset()
    strict: bool = False
    layers: bool = False
    kinds: Mapping[str, OutputKind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversion.

    Attributes:
        targets: names, in the order that results are wanted.
        source: shapes and cuts.
        tail: what becomes of operators that have no form on the chip; None where the user did not say.
        final_activation: what becomes of the Sigmoid or Softmax that ends an output.
        preprocessing: what the network expects of an image.
        normalization: where a stated normalization goes; None for the backend's own choice.
        quantization: numbers.
        interface: layout of inputs and outputs, and what else decides their form.
        input_dtype: of the file's inputs; None for the target's own.
        output_dtype: of its outputs; likewise.
        verification: how strict.
        backend: another backend than the target's own.
        cache: keeps what other conversions may need again; a job of a batch is given the store of the batch.
        bom: a bill of materials is wanted.
        starts_early: workers start before it is known whether they are needed, which is faster where a processor
            has nothing else to do, and slower where others wait for it, as in a batch.
    """

    targets: tuple[str, ...]
    source: SourceOptions = field(default_factory=SourceOptions)
    tail: Tail | None = None
    final_activation: FinalActivations = FinalActivations.AUTO
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    normalization: Normalization | None = None
    quantization: QuantizationOptions = field(default_factory=QuantizationOptions)
    interface: InterfaceOptions = field(default_factory=InterfaceOptions)
    input_dtype: str | None = None
    output_dtype: str | None = None
    verification: VerificationOptions = field(default_factory=VerificationOptions)
    backend: str | None = None
    cache: Keep = NOTHING
    bom: bool = False
    starts_early: bool = True

    @property
    def divides(self) -> bool:
        """Whether the network may be divided; what the user cuts off is not wanted, unless the user says so."""
        return self.tail is Tail.AUTO or (self.tail is None and not self.source.cut_at)

    def interface_for(self, target: Target) -> InterfaceOptions:
        """What the inputs and outputs of a target's file look like."""
        return replace(
            self.interface,
            input_dtype=self.input_dtype or target.input_dtype,
            output_dtype=self.output_dtype or target.output_dtype,
        )

    def record(self, target: Target) -> RequestRecord:
        """For the manifest: everything that decides what is made, and nothing about this machine."""
        interface = self.interface_for(target)
        shapes: dict[str, Json] = {name: list(shape) for name, shape in self.source.input_shapes.items()}
        layout = interface.input_layout
        content: dict[str, Json] = {
            "input_shape": shapes,
            "cut_at": list(self.source.cut_at),
            **({"signature": self.source.signature} if self.source.signature else {}),
            **({"tail": self.tail.value} if self.tail else {}),
            **(
                {"final_activation": self.final_activation.value}
                if self.final_activation is not FinalActivations.AUTO
                else {}
            ),
            "fold_preprocess": self.normalization.value if self.normalization else None,
            "granularity": self.quantization.wanted_granularity,
            "overrides": [f"{o.pattern}={o.granularity.value}" for o in self.quantization.overrides],
            "effort": self.quantization.effort.value,
            "recipe_given": self.quantization.recipe is not None,
            "metric": self.quantization.metric.name if self.quantization.metric else None,
            "max_drop": self.quantization.metric.max_drop if self.quantization.metric else None,
            "input_dtype": interface.input_dtype,
            "output_dtype": interface.output_dtype,
            "input_layout": layout.value if layout else None,
            "opset": interface.opset,
            "split_inputs": interface.split_inputs.value,
            "split_outputs": interface.split_outputs.value,
            "min_sqnr": self.verification.min_sqnr,
            "ignore": [*sorted(self.verification.ignore)],
            "strict": self.verification.strict,
            "output_kinds": {name: kind.value for name, kind in self.verification.kinds.items()},
        }
        return RequestRecord(
            effort=self.quantization.effort.value,
            recipe_given=self.quantization.recipe is not None,
            granularity=self.quantization.wanted_granularity,
            split_outputs=interface.split_outputs.value,
            output_kinds=self.verification.kinds,
            content=content,
        )
