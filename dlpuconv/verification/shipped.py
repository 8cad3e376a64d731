"""Compares a package with its source on the very files that it ships."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError, ShapeError
from dlpuconv.verification.linking import link_source
from dlpuconv.verification.parity import compare_answers
from dlpuconv.verification.source_runner import float_runner
from dlpuconv.verification.translate import to_source
from dlpuconv.verification.wholes import wholes_maker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration import Sample, Samples
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.formats.package_view import Feed, PackageView
    from dlpuconv.ir import Links
    from dlpuconv.manifest import Manifest
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.parity import Answer
    from dlpuconv.verification.question import Question

MOST_COMPARED = 20
"""Samples: a float file that agrees on these with its source agrees on all."""

ON_ITS_FILES = "ONNX Runtime, on the package's own files"
ON_STAND_INS = "ONNX Runtime, on synthetic samples: there are no calibration data"


def compare_with_source(
    run: Runner, view: FileView, question: Question, manifest: Manifest | None
) -> tuple[ParityReport, Samples]:
    """Feed the package's files, number by number as they are, and the source model with what they stand for.

    Args:
        run: runs the package's model.
        view: of a package.
        question: has the source model.
        manifest: what the manifest says.

    Returns:
        The figures, and the samples that they were taken on, as the source takes them.

    Raises:
        ArtifactError: one of the two models cannot run.
        CalibrationError: the package has no usable files.
        ShapeError: inputs or outputs do not fit together.
    """
    package, source = view.package, question.reference
    if package is None or source is None:
        raise ArtifactError(
            "a comparison needs the source model, and a package that ships samples", id="comparison-needs-source"
        )
    links, _ = link_source(run, view, question, manifest)
    reference = float_runner(source)
    # A manifest may claim scales and types; a float file has none but this.
    outputs = [replace(port, dtype="float32", quantization=None) for port in links.outputs]
    in_source = {port.name_in_file: port.name for port in outputs}

    wholes = wholes_maker(source, question.division, question.kinds, question.tail)()

    def answers() -> Iterator[tuple[Answer, Answer, Answer]]:
        for feed in package.feeds(MOST_COMPARED):
            got, sample = run.run(feed), _for_source(feed, links)
            yield (
                sample,
                reference.run(sample),
                {in_source.get(name, name): value for name, value in got.items()},
            )

    parity = replace(
        compare_answers(answers(), outputs, wholes=wholes, calibrated=package.calibrated),
        calibrated=package.calibrated and question.calibrated,
        kernels=ON_ITS_FILES if package.calibrated else ON_STAND_INS,
    )
    return parity, SourceSamples(package, links)


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


def _for_source(feed: Feed, links: Links) -> dict[str, npt.NDArray[np.float32]]:
    try:
        return {
            port.name: to_source(feed[port.name_in_file], port, links.bindings.get(port.name)) for port in links.inputs
        }
    except (LookupError, ValueError) as error:
        raise ShapeError(
            f"what the manifest says of the inputs does not fit the package's model: {error}", id="manifest-misfit"
        ) from error
