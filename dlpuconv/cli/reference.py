"""The float model that files are compared with, read as their manifests say."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.ir import Model
    from dlpuconv.request import Request
    from dlpuconv.verification.sidecar import Sidecar


def read_reference(reference: Path, request: Request, sidecar: Sidecar | None) -> Model:
    """The float model, with the shapes of the file's manifest where the user gives none and they fit."""
    from dlpuconv.errors import ShapeError, UsageError
    from dlpuconv.frontends import load

    if sidecar is not None and not request.source.input_shapes:
        shapes = {port.name: port.source_shape for port in sidecar.inputs}
        try:
            return load(reference, replace(request.source, input_shapes=shapes))
        except (ShapeError, UsageError):
            pass  # the manifest is of another model: this one has to speak for itself
    return load(reference, request.source)


def recorded_preprocessing(sidecar: Sidecar | None) -> Preprocessing | None:
    """What the manifest says of images, if it does.

    Raises:
        ArtifactError: it says what cannot be.
    """
    from dlpuconv.calibration import make_preprocessing
    from dlpuconv.errors import ArtifactError, UsageError

    if sidecar is None or sidecar.preprocessing is None:
        return None
    try:
        return make_preprocessing(**asdict(sidecar.preprocessing))
    except UsageError as error:
        raise ArtifactError(f"the manifest {sidecar.path.name} is damaged: preprocessing: {error}") from error
