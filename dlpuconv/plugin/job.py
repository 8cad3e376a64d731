"""What a backend is asked for: a model, samples, and what the file's inputs and outputs are to look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.ir.source_names import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.calibration import Calibration, Preprocessing
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.files import RestFile
    from dlpuconv.files.keep import Keep
    from dlpuconv.ir import FinalActivation, InputBinding, Layout, Model, Part
    from dlpuconv.ir.moments import Moments
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.plugin.target import Spelling


class Splitting(StrEnum):
    """Whether an input or output that one scale does not suit becomes several."""

    AUTO = "auto"
    """Where a part would get fewer than 16 of 255 steps (scores beside boxes in pixels)."""
    OFF = "off"
    """Never: they are the source model's, whatever that costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceOptions:
    """What the converted file's inputs and outputs look like.

    Attributes:
        input_dtype: `uint8`, `int8`, or another type that the target says; ignored by float backends.
        output_dtype: likewise.
        input_layout: NHWC is what cameras deliver; NCHW keeps the source model's.
        opset: of an ONNX artifact; None for the target's own choice.
        split_inputs: for integer files whose inputs mix ranges.
        split_outputs: for integer files whose outputs mix ranges.
    """

    input_dtype: str = "uint8"
    output_dtype: str = "uint8"
    input_layout: Layout | None = None
    opset: int | None = None
    split_inputs: Splitting = Splitting.AUTO
    split_outputs: Splitting = Splitting.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a backend needs to make files from one model; the same for every target of that backend.

    Attributes:
        model: in normal form, normalization folded as `bindings` tell. The backend may edit a copy of it.
        bindings: by input name: how source values become this model's values.
        calibration: samples in the *source* domain (apply the bindings), or None.
        moments: of the model's values by name, where the samples are made up and the network itself tells.
        preprocessing: for what the manifest and packages say.
        interface: dtypes and layout of inputs and outputs.
        workspace: a private temporary folder that is removed afterwards.
        cache: keeps what another conversion may need again, by keys that say all that decides it.
        progress: where long work reports.
        names: what the source model calls its nodes.
        input_parts: by name of those inputs of the model that a backend split off (`split_inputs`): what they are of
            which input of the source model.
        rests: the parts of a divided network that the camera's CPU runs, of which `model` is the chip's: an artifact of
            several files holds them, one of a single file has them beside it.
        spellings: the `Target.spelling` of every target.
        endings: by name of the source model's outputs: final activations that the model lacks, whose logits it gives.
    """

    model: Model
    bindings: Mapping[str, InputBinding]
    calibration: Calibration | None
    moments: Mapping[str, Moments] = field(default_factory=dict)
    preprocessing: Preprocessing
    interface: InterfaceOptions
    workspace: Path
    cache: Keep
    progress: Progress
    names: SourceNames = UNKNOWN
    input_parts: Mapping[str, Part] = field(default_factory=dict)
    rests: tuple[RestFile, ...] = ()
    spellings: frozenset[Spelling | None] = frozenset({None})
    endings: Mapping[str, FinalActivation] = field(default_factory=dict)
