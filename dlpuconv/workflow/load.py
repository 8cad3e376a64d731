"""load(): files as the function that their source model was, whatever was cut, split, permuted or quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.contract import contract_of_file
from dlpuconv.errors import UsageError
from dlpuconv.formats.crew import Crew
from dlpuconv.formats.detect import model_inside, read, runner
from dlpuconv.formats.files import is_folder
from dlpuconv.formats.kinds import TFLITE, kind_of
from dlpuconv.formats.manifest_file import find_manifest, read_listed
from dlpuconv.formats.unfinished import refuse_unfinished
from dlpuconv.ir import Links
from dlpuconv.ir.ports import source_shapes
from dlpuconv.registry import load_backend
from dlpuconv.verification.linking import network_of
from dlpuconv.workflow.loaded import Endpoint, LoadedNetwork
from dlpuconv.workflow.part_files import declared_shapes, read_division
from dlpuconv.workflow.reference import recorded_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dlpuconv.formats import Runner
    from dlpuconv.ir import Port
    from dlpuconv.manifest import Manifest

_UNKNOWN = (
    "there is no manifest beside the file. So names, order of axes and values are the file's own; whether a"
    " normalization was folded into it, and whether other parts of the network belong to it, is not known"
)


def load(file: Path, workers: int = 1) -> LoadedNetwork:
    """See `dlpuconv.load`.

    Raises:
        ArtifactError: the file, its manifest or a part beside it is missing, damaged or cannot run.
        MissingDependencyError: the library that runs it is not installed.
    """
    refuse_unfinished(file)
    manifest = find_manifest(file)
    return _without_manifest(file, workers) if manifest is None else _with_manifest(file, manifest, workers)


def _with_manifest(file: Path, manifest: Manifest, workers: int) -> LoadedNetwork:
    links = manifest.links
    division = read_division(manifest, file)
    network = crew_of(workers, lambda: network_of(_runner(file, manifest), links, division))
    inputs, outputs = _endpoints(links.inputs), _endpoints(links.outputs)
    if division is not None:
        known = {end.name: end.shape for end in (*inputs, *outputs)} | dict(declared_shapes(division))
        inputs, outputs = (
            tuple(Endpoint(name=name, shape=known.get(name, ())) for name in names)
            for names in (division.inputs, division.outputs)
        )
    kernels = kind_of(file.name).kernels
    return LoadedNetwork(
        file=file.name,
        inputs=inputs,
        outputs=outputs,
        kernels=kernels,
        division=division,
        preprocessing=recorded_preprocessing(manifest),
        workers=workers,
        runner=network,
    )


def _runner(file: Path, manifest: Manifest) -> Runner:
    """What runs a file; formats that not every installation knows are the backend's that the manifest names."""
    if not is_folder(file):
        return runner(file)
    if not any(file.glob("*.onnx")):
        return load_backend(manifest.backend)().runner(file)
    read_listed(file, model_inside(file).name, manifest)
    return runner(file)


def _without_manifest(file: Path, workers: int) -> LoadedNetwork:
    """What the file itself tells; the float source model of others is such a file too."""
    view = read(file)
    contract = contract_of_file(view, None)
    links = Links(inputs=tuple(feed.port for feed in contract.inputs), outputs=contract.outputs)
    coded = view.kind is TFLITE or any(port.quantization for port in (*links.inputs, *links.outputs))
    return LoadedNetwork(
        file=file.name,
        inputs=_endpoints(links.inputs),
        outputs=_endpoints(links.outputs),
        kernels=view.kind.kernels,
        notes=(f"{file.name}: {_UNKNOWN}",),
        workers=workers,
        runner=crew_of(workers, lambda: network_of(runner(file), links) if coded else runner(file)),
    )


def crew_of(workers: int, make: Callable[[], Runner]) -> Runner:
    """A runner that so many threads may use at the same time.

    Raises:
        UsageError: there must be one at least.
    """
    if workers < 1:
        raise UsageError(f"workers={workers} is not possible: give 1 or more processes", id="option-value")
    return make() if workers == 1 else Crew([make() for _ in range(workers)])


def _endpoints(ports: Iterable[Port]) -> tuple[Endpoint, ...]:
    """Values of the source model."""
    return tuple(
        Endpoint(name=name, shape=tuple(extent if extent >= 0 else None for extent in shape))
        for name, shape in source_shapes(ports).items()
    )
