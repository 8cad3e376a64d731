"""What a plugin is: a Target (frozen data: a chip) or a Backend (code: a way to make a file for it).

A distribution registers targets under the entry-point group `dlpuconv.targets` (a `Target` value) and backends
under `dlpuconv.backends` (a `Backend` subclass). The built-in ones are registered in the same way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from dlpuconv.scheme import Granularity, Numbers, Scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dlpuconv.analysis import Blame
    from dlpuconv.calibration import Calibration, Preprocessing, Samples
    from dlpuconv.content import Content, StoredFile
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import InputBinding, Layout, Model
    from dlpuconv.ir.moments import Moments
    from dlpuconv.package import Packager
    from dlpuconv.placement import Placement
    from dlpuconv.progress import Progress
    from dlpuconv.quantization import Recipe
    from dlpuconv.verify.rule import Rule

type Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Normalization(StrEnum):
    """Where a stated normalization goes, so that the artifact takes raw 0-255 pixels."""

    CONV = "conv"
    """Into the first convolution; into operators in front where that costs more than 40 dB at the borders."""
    OP = "op"
    """Into operators in front of the network: exact."""
    OFF = "off"
    """Nowhere: the artifact takes normalized values."""


class OutputSplitting(StrEnum):
    """Whether an output that one scale does not suit becomes several."""

    AUTO = "auto"
    """Where a part would get fewer than 16 of 255 steps (scores beside boxes in pixels)."""
    OFF = "off"
    """Never: outputs are the source model's, whatever that costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCompiler:
    """A vendor's tool that turns our file into the chip's own, run when it is on PATH.

    Attributes:
        executable: its name.
        arguments: with `{file}` and `{folder}` (of the result) to be filled in.
        produces: file name of the result, with `{stem}`.
    """

    executable: str
    arguments: tuple[str, ...]
    produces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A chip, as data.

    Attributes:
        name: on the command line.
        title: for people.
        backend: name of the backend that makes its file.
        scheme: what the chip wants of its numbers.
        device: the larod device that runs the file.
        suffix: what follows `<model>.<target>` in the artifact's name: `.tflite`, or nothing for a folder.
        calibration_required: False where the chip's own compiler quantizes.
        rules: what the verifier demands of a file for this chip.
        placement: what decides where a layer runs; None where nothing is known of that.
        compiler: the vendor's tool that the file still has to pass, if any.
        run_on_camera: the command that runs the file, with `{file}` and `{device}`.
        packager: writes the texts of a package folder for the vendor's compiler, if the chip takes one.
        min_sqnr: dB that every output must reach where the user does not say: float files have no excuse.
    """

    name: str
    title: str
    backend: str
    scheme: Scheme
    device: str
    suffix: str
    calibration_required: bool = True
    rules: tuple[Rule, ...] = ()
    placement: Placement | None = None
    compiler: ExternalCompiler | None = None
    run_on_camera: str = "larod-client -g {file} -c {device} -R 1 -i ''"
    packager: Packager | None = None
    min_sqnr: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceOptions:
    """What the converted file's inputs and outputs look like.

    Attributes:
        input_dtype: `uint8` or `int8`; ignored by float backends.
        output_dtype: `uint8` or `int8`; ignored by float backends.
        input_layout: NHWC is what cameras deliver; NCHW keeps the source model's.
        opset: of an ONNX artifact; None for the target's own choice.
        split_outputs: for integer files whose outputs mix ranges.
    """

    input_dtype: str = "uint8"
    output_dtype: str = "uint8"
    input_layout: Layout | None = None
    opset: int | None = None
    split_outputs: OutputSplitting = OutputSplitting.AUTO


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
        cache: folder for statistics by content hash, or None.
        progress: where long work reports.
    """

    model: Model
    bindings: Mapping[str, InputBinding]
    calibration: Calibration | None
    moments: Mapping[str, Moments] = field(default_factory=dict)
    preprocessing: Preprocessing
    interface: InterfaceOptions
    workspace: Path
    cache: Path | None
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The slice of a source model's output that an output of the artifact holds: `source[..., start:stop, ...]`.

    Attributes:
        output: name in the source model.
        axis: of the source model's output.
        start: first index along that axis.
        stop: index after the last one.
    """

    output: str
    axis: int
    start: int
    stop: int

    @property
    def index(self) -> tuple[slice, ...]:
        """What to put in brackets behind the source's array."""
        return (*(slice(None) for _ in range(self.axis)), slice(self.start, self.stop))


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input or output of an artifact, beside the one of the source model that it stands for.

    Attributes:
        name: in the source model, and in the artifact unless `file_name` says otherwise; a part has a new one.
        source_shape: in the source model; the slice's, for a part.
        shape: in the artifact.
        permutation: artifact axis i is source axis permutation[i] (`numpy.transpose` argument from source to artifact).
        dtype: in the artifact.
        scale: real value of one step; None for float.
        zero_point: None for float.
        file_name: in the artifact, where the source's name does not suit the chip's tools; empty: the same.
        part: which slice of a source model's output this is; None for a whole one.
    """

    name: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]
    permutation: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None
    file_name: str = ""
    part: Part | None = None

    @property
    def name_in_file(self) -> str:
        """Name in the artifact."""
        return self.file_name or self.name

    @property
    def source_name(self) -> str:
        """Name in the source model of the input or output that this is, or is a part of."""
        return self.part.output if self.part else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a backend made, not delivered yet.

    Attributes:
        files: content by relative path. One entry named "" for an artifact that is one file.
        inputs: in the source model's order.
        outputs: in the source model's order; the parts of one in theirs.
        bindings: as in the job.
        warnings: what the user should know.
        facts: more for the manifest: op counts, folded normalization, rewritten ops, ...
        dropped: what of the recipe could not be done, and why.
        stored: more files by relative path, too large together for memory.
    """

    files: Mapping[str, bytes] = field(repr=False)
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bindings: Mapping[str, InputBinding]
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    stored: Mapping[str, StoredFile] = field(default_factory=dict, repr=False)

    @property
    def contents(self) -> dict[str, Content]:
        """Every file by relative path."""
        return {**self.files, **self.stored}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A target's file before anything was measured: its layers are those of the real one, its numbers mean nothing.

    Attributes:
        view: what the file would hold.
        sources: for each layer of it, the node of the source model that it comes from; empty for one that was added.
        warnings: what the user should know.
    """

    view: FileView
    sources: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Prepared:
    """A backend's work that all its targets share; what is in it is the backend's own business."""


class Backend(ABC):
    """Makes a target's files. An instance serves one conversion."""

    name: ClassVar[str]
    numbers: ClassVar[Numbers | None] = None
    """What its files compute in: targets that want another kind are refused at once; None where `emit` decides."""
    normalization: ClassVar[Normalization] = Normalization.CONV
    """How a normalization is folded when the user does not say."""
    follows_recipes: ClassVar[bool] = False
    """True where `emit` applies every technique of a recipe, so that a search for a good one makes sense."""
    tells_blame: ClassVar[bool] = False
    """True where `blame` measures what each layer loses."""

    def warm_up(self) -> None:
        """Start what takes long to start (a worker process), while the model is being read; optional."""

    def close(self) -> None:
        """End what `warm_up` started; called exactly once, also after an error or Ctrl-C."""

    @abstractmethod
    def prepare(self, job: Job) -> Prepared:
        """Do what no target changes: lowering, clean-up, statistics.

        Raises:
            UnsupportedModelError: lists every construct that cannot be converted.
            BackendError: a tool failed.
        """

    @abstractmethod
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """Make one target's artifact. Same inputs, same bytes.

        Raises:
            UnsupportedModelError: lists every construct that the target's numbers have no form for.
        """

    def blame(self, prepared: Prepared, recipe: Recipe, samples: Samples) -> Blame:  # noqa: ARG002 - optional
        """Measure what each layer loses under a recipe; optional.

        Args:
            prepared: what `prepare` gave.
            recipe: how the network is quantized.
            samples: in the source model's domain; the first few, of which calibration should have seen none.

        Raises:
            UsageError: this backend cannot tell.
        """
        from dlpuconv.errors import UsageError

        raise UsageError(f"the backend {self.name} cannot tell what its layers lose")

    def draft(self, job: Job, targets: Sequence[Target]) -> tuple[Draft, ...]:  # noqa: ARG002 - optional
        """Make files without samples, to see where a chip would run their layers; optional.

        Args:
            job: without calibration.
            targets: of this backend.

        Returns:
            One draft for each target.

        Raises:
            UnsupportedModelError: lists every construct that cannot be converted.
            BackendError: a tool failed.
            UsageError: this backend cannot tell.
        """
        from dlpuconv.errors import UsageError

        raise UsageError(
            f"the backend {self.name} of {', '.join(target.name for target in targets)} cannot tell before a conversion"
            " what its file will hold"
        )

    def read(self, path: Path) -> FileView:
        """Read an artifact back; override it for a format that dlpuconv does not know."""
        from dlpuconv.formats.detect import read

        return read(path)

    def runner(self, path: Path) -> Runner:
        """Something that runs an artifact; override it for a format that dlpuconv does not know."""
        from dlpuconv.formats.detect import runner

        return runner(path)


__all__ = [
    "Artifact",
    "Backend",
    "Draft",
    "ExternalCompiler",
    "Granularity",
    "InterfaceOptions",
    "Job",
    "Normalization",
    "OutputSplitting",
    "Part",
    "Port",
    "Prepared",
    "Scheme",
    "Target",
]
