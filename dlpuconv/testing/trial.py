"""One conversion for the contract: what two runs made, and whether anything that they were given was changed."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.files.content import Content
    from dlpuconv.plugin import Artifact, Backend, Job, Recipe, Target
    from dlpuconv.workflow.conversion import Converted
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data

    type Digests = Mapping[str, str]
    """SHA-256 by name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A started backend, its target, and the job that it gets for the small network.

    Attributes:
        backend: started; it is closed afterwards.
        target: the chip.
        job: what `prepare` takes.
        recipe: what `emit` takes.
    """

    backend: Backend
    target: Target
    job: Job
    recipe: Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """What is known after the small network was converted.

    Attributes:
        converted: the file and its report.
        made: what two backends made of the same job.
        answers: what the runner gave for outputs that are told otherwise, as sentences.
        changed: what is not as it was before: of the model, the samples, the user's files.
    """

    converted: Converted
    made: tuple[Digests, Digests]
    answers: tuple[str, ...]
    changed: tuple[str, ...]


@contextmanager
def opened(target: str, backend: str | None, folder: Path) -> Iterator[Opened]:
    """A backend with a job for the small network in a folder."""
    from dlpuconv.plugin import Recipe
    from dlpuconv.workflow import run
    from dlpuconv.workflow.jobs import fold

    with run.opened(folder / "network.onnx", _request(target, backend), _data(folder), None) as begun:
        ((started, (chip,)),) = begun.backends
        _, job = fold(started, [chip], begun)
        yield Opened(started, chip, job, Recipe(granularity=chip.scheme.weights))


@contextmanager
def filled_folder() -> Iterator[Path]:
    """A folder that holds the small network and its samples."""
    import numpy as np
    import onnx

    from dlpuconv.testing import network

    with TemporaryDirectory(prefix="dlpuconv-contract-") as name:
        folder = Path(name)
        onnx.save(network.network(), folder / "network.onnx")
        np.savez(folder / "samples.npz", pixels=network.samples())
        yield folder


def try_out(target: str, backend: str | None) -> TrialRun:
    """Convert the small network: stage by stage, with an eye on what the backend is given, then as a user does."""
    from dlpuconv.workflow.convert import convert

    with filled_folder() as folder:
        before = _digests({path.name: path for path in folder.iterdir()})
        made, changed, answers = [], set[str](), set[str]()
        for _ in range(2):
            with opened(target, backend, folder) as given:
                artifact, altered = _emitted(given)
                made.append(_digests(artifact.contents))
                changed |= altered
                answers |= set(_other_answers(given, artifact))
        done = convert(folder / "network.onnx", _request(target, backend), _data(folder), None)
        after = _digests({path.name: path for path in folder.iterdir()})
        changed |= {f"the user's file {name}" for name in before.keys() | after if before.get(name) != after.get(name)}
        (converted,) = done.artifacts
        first, second = made
        return TrialRun(
            converted=converted,
            made=(first, second),
            answers=tuple(sorted(answers)),
            changed=tuple(sorted(changed)),
        )


def _emitted(given: Opened) -> tuple[Artifact, set[str]]:
    """What a backend makes, and what of its job is another one afterwards."""
    before = _state(given.job)
    prepared = given.backend.prepare(given.job)
    artifact = given.backend.emit(prepared, given.target, given.recipe)
    after = _state(given.job)
    return artifact, {name for name, value in before.items() if after[name] != value}


def _other_answers(given: Opened, artifact: Artifact) -> Iterator[str]:
    """Outputs that the runner gives in another shape or type than the artifact tells of the file's."""
    from dlpuconv.files.content import lend_contents
    from dlpuconv.verification.linking import in_source_names
    from dlpuconv.verification.translate import to_artifact

    if given.job.calibration is None:
        return
    with TemporaryDirectory(prefix="dlpuconv-contract-") as name:
        place = Path(name, f"network{given.target.suffix}")
        lend_contents(artifact.contents, place)
        sample = to_artifact(next(iter(given.job.calibration.fit)), artifact.inputs, artifact.bindings)
        found = in_source_names(given.backend.runner(place), artifact.links).run(sample)
    for port in artifact.outputs:
        values = found[port.name]
        if (values.shape, str(values.dtype)) != (port.shape, port.dtype):
            yield f"{port.name!r} is {values.dtype} {values.shape}, and is told to be {port.dtype} {port.shape}"


def _state(job: Job) -> Digests:
    """The parts of a job that a backend might change."""
    state = {"the job's model": hashlib.sha256(job.model.to_bytes()).hexdigest()}
    if job.calibration is not None:
        content = hashlib.sha256()
        for sample in job.calibration.fit:
            for name in sorted(sample):
                content.update(sample[name].tobytes())
        state["the job's samples"] = content.hexdigest()
    return state


def _digests(contents: Mapping[str, Content | Path]) -> Digests:
    from dlpuconv.files.content import sha256_of

    return {
        name: hashlib.sha256(content.read_bytes()).hexdigest() if isinstance(content, Path) else sha256_of(content)
        for name, content in contents.items()
    }


def _request(target: str, backend: str | None) -> Request:
    from dlpuconv.workflow.option_values import make_request

    return make_request(
        targets=(target,), backend=backend, input_shape={}, cut_at=(), resize="stretch", color="rgb", mean=None,
        std=None, preset=None, effort="fast", cache=False,
    )  # fmt: skip


def _data(folder: Path) -> Data:
    from dlpuconv.workflow.run import Data

    return Data(calibration=folder / "samples.npz")
