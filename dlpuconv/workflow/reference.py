"""What finished files are compared with, and on: the float model and samples, read as their manifests say."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.calibration import Preprocessing, make_preprocessing, open_calibration
from dlpuconv.calibration.open import is_made_up
from dlpuconv.errors import ArtifactError, CalibrationError, ShapeError, UsageError
from dlpuconv.formats.files import is_folder
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.ports import source_shapes

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import Model, Signature
    from dlpuconv.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonData:
    """What the user gives beside a file, to see whether it computes what it should.

    Attributes:
        reference: the float model, as anything that `frontends.load` reads; None for none.
        data: samples, as anything that `open_calibration` reads; None for none.
        example_inputs: what the reference's `forward` takes, for an `nn.Module`, as `convert` takes it.
        source: shapes and cuts of the reference.
        preprocessing: of images; None for what the manifest says.
    """

    reference: Any = None
    data: Any = None
    example_inputs: Any = None
    source: SourceOptions = field(default_factory=SourceOptions)
    preprocessing: Preprocessing | None = None

    @property
    def made_up(self) -> bool:
        """True where the data are a word that stands for synthetic samples."""
        return is_made_up(self.data)

    @property
    def is_folder(self) -> bool:
        """True where the data are a folder, of images."""
        return isinstance(self.data, str | os.PathLike) and is_folder(Path(self.data))

    def model(self, manifest: Manifest | None) -> Model:
        """The float model, with the shapes of a file's manifest where the user gives none and they fit."""
        if manifest is not None and not self.source.input_shapes:
            shapes = source_shapes(manifest.links.inputs)
            try:
                return self._load(replace(self.source, input_shapes=shapes))
            except (ShapeError, UsageError):
                pass  # the manifest is of another model: this one has to speak for itself
        return self._load(self.source)

    def samples(self, signature: Signature, preprocessing: Preprocessing, progress: Progress) -> Calibration:
        """The samples; all of them are held out, since nothing is calibrated here.

        Raises:
            CalibrationError: there are none, or they cannot be used.
        """
        found = open_calibration(
            None, validation=self.data, signature=signature, preprocessing=preprocessing, progress=progress
        )
        if found is None:
            raise CalibrationError("there are no samples to compare the files on")
        return found

    def _load(self, options: SourceOptions) -> Model:
        return load(self.reference, options, example_inputs=self.example_inputs)


def recorded_preprocessing(manifest: Manifest | None) -> Preprocessing | None:
    """What the manifest says of images, if it does.

    Raises:
        ArtifactError: it says what cannot be.
    """
    if manifest is None or manifest.images is None:
        return None
    try:
        return make_preprocessing(**asdict(manifest.images))
    except UsageError as error:
        raise ArtifactError(f"the manifest {manifest.name} is damaged: preprocessing: {error}") from error
