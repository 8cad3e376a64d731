"""What finished files are compared with, and on: the float model and samples, read as their manifests say."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.calibration import Preprocessing, make_preprocessing, open_calibration
from dlpuconv.calibration.computed import behind_front
from dlpuconv.calibration.open import is_made_up
from dlpuconv.division.files import content_of
from dlpuconv.errors import ArtifactError, CalibrationError, ShapeError, UsageError
from dlpuconv.formats.files import is_folder
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.whole import chip_part, read_whole
from dlpuconv.ir.ports import source_shapes
from dlpuconv.workflow.dividing import Reading
from dlpuconv.workflow.part_files import divided_likewise, static_shapes

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.division import Division
    from dlpuconv.ir import Signature
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

    def reading(self, manifest: Manifest | None, division: Division | None) -> Reading:
        """The float model, with the shapes of a file's manifest where the user gives none and they fit.

        Args:
            manifest: of the file.
            division: how the file's network is divided: the model is divided likewise, unless the user says where it
                ends.

        Raises:
            UsageError: the user says so, and the file takes what the front gives.
        """
        if self.source.cut_at:
            if division is not None and division.front is not None:
                raise UsageError(
                    "--cut-at cannot be given for a file that is a middle part of a divided network: the reference is"
                    " divided as its manifest says. Leave the option out",
                    id="options-conflict",
                )
            division = None
        if manifest is not None and not self.source.input_shapes:
            shapes = source_shapes(manifest.links.inputs)
            if division is not None:
                shapes |= static_shapes(division)
            try:
                return self._read(replace(self.source, input_shapes=shapes), division)
            except (ShapeError, UsageError):
                pass  # the manifest is of another model: this one has to speak for itself
        return self._read(self.source, division)

    def samples(
        self,
        signature: Signature,
        preprocessing: Preprocessing,
        progress: Progress,
        division: Division | None = None,
    ) -> Calibration:
        """The samples; all of them are held out, since nothing is calibrated here.

        Args:
            signature: of the user's network.
            preprocessing: of images.
            progress: where long work reports.
            division: how it is divided: the samples hold what the front makes of them, too.

        Raises:
            CalibrationError: there are none, or they cannot be used.
        """
        found = open_calibration(
            None, validation=self.data, signature=signature, preprocessing=preprocessing, progress=progress
        )
        if found is None:
            raise CalibrationError(
                "no samples were given on which the files could be compared", id="calibration-no-samples"
            )
        if division is None or division.front is None:
            return found
        return behind_front(found, content_of(division.front))

    def _read(self, options: SourceOptions, division: Division | None) -> Reading:
        if division is None:
            source = load(self.reference, options, example_inputs=self.example_inputs)
            return Reading(source=source, division=None, signature=source.signature)
        whole = read_whole(self.reference, options, example_inputs=self.example_inputs)
        own = divided_likewise(whole, division)
        return Reading(source=chip_part(whole, own), division=own, signature=whole.signature)


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
        raise ArtifactError(
            f"the manifest {manifest.name} is damaged: preprocessing: {error}", id="manifest-damaged"
        ) from error
