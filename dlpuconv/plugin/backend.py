"""A way to make files for chips, as code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from dlpuconv.ir import Normalization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.analysis import Blame
    from dlpuconv.calibration import Samples
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import Model
    from dlpuconv.isolation import Attendant
    from dlpuconv.plugin.artifact import Artifact, Draft
    from dlpuconv.plugin.job import Job
    from dlpuconv.plugin.target import Target
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.sites import Proposal
    from dlpuconv.scheme import Numbers


class Prepared:
    """A backend's work that all its targets share; what is in it is the backend's own business."""


class Backend(ABC):
    """Makes a target's files. An instance serves one conversion."""

    name: ClassVar[str]
    numbers: ClassVar[Numbers | None] = None
    """The numbers of its files: targets that want others are refused at once; None where `emit` decides."""
    suffix: ClassVar[str | None] = None
    """How the names of its files end, empty for a folder: targets that want another suffix are refused at once; None
    where `emit` decides."""
    normalization: ClassVar[Normalization] = Normalization.CONV
    """How a normalization is folded when the user does not say."""
    follows_recipes: ClassVar[bool] = False
    """True where `emit` applies every technique of a recipe, so that a search for a good one makes sense."""
    tells_blame: ClassVar[bool] = False
    """True where `blame` measures what each layer loses."""
    makes_rests: ClassVar[bool] = False
    """True where `rest` makes files for the camera's CPU."""

    def warm_up(self) -> None:
        """Start what takes long to start (a worker process), while the model is being read; optional."""

    def close(self) -> None:
        """End what `warm_up` started; called exactly once, also after an error or Ctrl-C."""

    @classmethod
    def attendants(cls) -> tuple[Attendant, ...]:
        """Workers of its own, each started and asked what it runs under, for `dlpuconv doctor`; optional.

        Raises:
            BackendError: one cannot be started, or does not answer.
            MissingDependencyError: one lacks a library.
        """
        return ()

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

    def blame(self, prepared: Prepared, target: Target, recipe: Recipe, samples: Samples) -> Blame:  # noqa: ARG002
        """Measure what each layer loses under a recipe; optional.

        Args:
            prepared: what `prepare` gave.
            target: whose file is looked at.
            recipe: how the network is quantized.
            samples: in the source model's domain; the first few, of which calibration should have seen none.

        Raises:
            UsageError: this backend cannot tell.
        """
        from dlpuconv.errors import UsageError

        raise UsageError(
            f"the backend {self.name} cannot measure what each layer loses by quantization", id="backend-not-capable"
        )

    def propose(self, prepared: Prepared, target: Target, recipe: Recipe, what: Proposal) -> Recipe:  # noqa: ARG002
        """Fill in of a recipe what only measurements tell; optional.

        Args:
            prepared: what `prepare` gave.
            target: whose file will be made.
            recipe: how the network is quantized.
            what: is asked for.

        Returns:
            The recipe with it; the same one where nothing is worth it.

        Raises:
            BackendError: a network cannot be run.
        """
        return recipe

    def quantized(self, prepared: Prepared, target: Target, recipe: Recipe) -> Quantized:  # noqa: ARG002 - optional
        """The float network of a target's file under a recipe, with its scales and integers; optional.

        Args:
            prepared: what `prepare` gave.
            target: whose file would be made.
            recipe: how the network is quantized.

        Raises:
            UsageError: this backend cannot tell.
        """
        from dlpuconv.errors import UsageError

        raise UsageError(
            f"the backend {self.name} cannot tell how it quantizes a network, which training for it needs",
            id="backend-not-capable",
        )

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
            " what its file will hold, so that there is nothing to check",
            id="backend-not-capable",
        )

    def rest(self, model: Model) -> bytes:  # noqa: ARG002 - optional
        """A part of a network that runs on the camera's CPU, as a file that the backend's own runtime takes; optional.

        Args:
            model: the part, in normal form.

        Returns:
            The file, in float32, whose inputs and outputs have the names, order and layouts of the model's.

        Raises:
            DlpuconvError: this part cannot be one.
        """
        from dlpuconv.errors import UsageError

        raise UsageError(f"the backend {self.name} makes no files for the camera's CPU", id="backend-not-capable")

    def read(self, path: Path) -> FileView:
        """Read an artifact back; override it for a format that dlpuconv does not know."""
        from dlpuconv.formats.detect import read

        return read(path)

    def runner(self, path: Path) -> Runner:
        """Something that runs an artifact; override it for a format that dlpuconv does not know."""
        from dlpuconv.formats.detect import runner

        return runner(path)
