"""Parts for the camera's CPU as files that the chip's own runtime takes, where a backend can make such."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize

if TYPE_CHECKING:
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.division import Division
    from dlpuconv.plugin import Backend


def native_rests(backend: Backend, division: Division | None, progress: Progress) -> dict[str, bytes]:
    """The parts that the backend can write for its own runtime on a CPU, by name.

    A part of dynamic shapes, or with operators that the runtime has not, is an ONNX file alone: one line says so.
    """
    made: dict[str, bytes] = {}
    for name, rest in division.rests.items() if division and backend.makes_rests else ():
        with progress.stage(f"making the {name} for the camera's CPU"):
            try:
                made[name] = backend.rest(normalize(load(rest.model, SourceOptions(), name=name))[0])
            except DlpuconvError as error:
                progress.message(f"the {name} is an ONNX file alone: {error.problems[0]}")
    return made
