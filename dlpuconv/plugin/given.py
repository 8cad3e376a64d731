"""A job as the quantizer takes it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from dlpuconv import __version__
from dlpuconv.calibration import Origin, StatisticsCache
from dlpuconv.ir.moments import moments_of_nodes
from dlpuconv.quantization.given import Given
from dlpuconv.quantization.inputs import feeds, prescribed_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network
    from dlpuconv.plugin.job import Job


def given_of(
    job: Job, network: Network, permutations: Mapping[str, tuple[int, ...]], *, codes: IntegerType, runtime: str
) -> Given:
    """The samples of a job, and what it knows beside them.

    Args:
        job: with calibration.
        network: made from the job's model; its inputs have the source's names.
        permutations: by input name; axis i of the network's input is axis permutation[i] of the source's.
        codes: of activations.
        runtime: distribution that runs the network; its version is part of the key of cached statistics.
    """
    calibration = job.calibration
    assert calibration is not None
    endings = {ending.logits: ending for ending in job.endings.values()}
    made_by = f"dlpuconv {__version__} {runtime} {version(runtime)}"
    return Given(
        feeds=lambda: feeds(calibration.fit, job.bindings, network.inputs, permutations, job.input_parts),
        samples=len(calibration.fit),
        evidence=len(calibration.fit) if calibration.origin is Origin.GIVEN else 0,
        measures=calibration.measures,
        digest=f"{made_by} {calibration.fit.digest} {sorted(job.bindings.items())}{sorted(permutations.items())}"
        f"{sorted(job.input_parts)}",
        cache=StatisticsCache(job.cache),
        progress=job.progress,
        inputs=prescribed_inputs(job.bindings, codes),
        moments=moments_of_nodes(job.model, job.moments),
        scales=job.model.scales,
        names=job.names,
        endings=tuple(endings.get(spec.name) for spec in job.model.signature.outputs),
    )
