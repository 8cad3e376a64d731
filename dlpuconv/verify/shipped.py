"""Compares a package's model on the very files that the package ships: with its source, or with its own record."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import ShapeError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.plugin import Port
from dlpuconv.verify.parity import compare_answers
from dlpuconv.verify.translate import to_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration import Sample
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.formats.package_view import Feed, PackageView
    from dlpuconv.ir import Model
    from dlpuconv.verify.parity import Answer, Links
    from dlpuconv.verify.report import ParityReport

MOST_COMPARED = 20
"""Samples: a float file that agrees on these with its source agrees on all."""

ON_ITS_FILES = "ONNX Runtime, on the package's own files"
ON_STAND_INS = "ONNX Runtime, on made-up samples: there is no calibration data"
ITS_RECORD = "its own reference/"


def compare_with_source(run: Runner, package: PackageView, links: Links, source: Model) -> ParityReport:
    """Feed the package's files, number by number as they are, and the source model with what they stand for.

    Args:
        run: runs the package's model.
        package: holds the files.
        links: how inputs and outputs correspond.
        source: the model that the package was made from.

    Raises:
        ArtifactError: one of the two models cannot run.
        CalibrationError: the package has no usable files.
        ShapeError: inputs or outputs do not fit together.
    """
    reference = OrtRunner(source.to_bytes(), source.source.name)
    # A manifest may claim scales and types; a float file has none but this.
    outputs = [replace(port, dtype="float32", scale=None, zero_point=None) for port in links.outputs]
    in_source = {port.file_name or port.name: port.name for port in outputs}

    def answers() -> Iterator[tuple[Answer, Answer]]:
        for feed in package.feeds(MOST_COMPARED):
            got = run.run(feed)
            yield (
                reference.run(_for_source(feed, links)),
                {in_source.get(name, name): value for name, value in got.items()},
            )

    return replace(
        compare_answers(answers(), outputs, calibrated=package.calibrated),
        kernels=ON_ITS_FILES if package.calibrated else ON_STAND_INS,
    )


class SourceSamples:
    """What a package ships, as its source model takes it; see `calibration.Samples`."""

    def __init__(self, package: PackageView, links: Links) -> None:
        self._package, self._links = package, links

    def __len__(self) -> int:
        """How many samples there are."""
        return min(self._package.samples or len(self._package.inferences), MOST_COMPARED)

    def __iter__(self) -> Iterator[Sample]:
        """Every sample, in the same order each time."""
        return (_for_source(feed, self._links) for feed in self._package.feeds(MOST_COMPARED))

    @property
    def digest(self) -> str:
        """Hex digest of what the files hold."""
        content = hashlib.sha256()
        for feed in self._package.feeds(MOST_COMPARED):
            for values in feed.values():
                content.update(values.tobytes())
        return content.hexdigest()


def compare_with_record(run: Runner, view: FileView, package: PackageView) -> ParityReport | None:
    """Whether the model still answers what `reference/` says; None where nothing is recorded.

    Raises:
        ArtifactError: the model cannot run.
    """
    recorded = iter(package.recorded())
    first = next(recorded, None)
    if first is None:
        return None
    outputs = [view.tensors[index] for index in view.outputs]
    ports = [
        Port(
            name=tensor.name,
            source_shape=tensor.shape,
            shape=tensor.shape,
            permutation=tuple(range(len(tensor.shape))),
            dtype=tensor.dtype,
        )
        for tensor in outputs
    ]
    answers = ((expected, run.run(feed)) for feed, expected in (first, *recorded))
    return replace(
        compare_answers(answers, ports, calibrated=package.calibrated), kernels="ONNX Runtime", beside=ITS_RECORD
    )


def _for_source(feed: Feed, links: Links) -> dict[str, npt.NDArray[np.float32]]:
    try:
        return {
            port.name: to_source(feed[port.file_name or port.name], port, links.bindings.get(port.name))
            for port in links.inputs
        }
    except (LookupError, ValueError) as error:
        raise ShapeError(f"what the manifest says of the inputs does not fit the package's model: {error}") from error
