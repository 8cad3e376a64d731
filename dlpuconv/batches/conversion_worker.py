"""The one conversion of a fresh process, which ends with it: a task of the worker protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.isolation.serve import Arrays, Facts
    from dlpuconv.workflow.conversion import Conversion, Converted


def convert(facts: Facts, _: Arrays) -> tuple[Facts, Arrays]:
    """Convert a model for a target; what is made goes into a folder.

    Args:
        facts: model, target, calibration, validation, options, folder, and the URL of the store, which keeps what jobs
            share.
    """
    from dlpuconv.batches.options import request_of
    from dlpuconv.batches.passing import is_passing
    from dlpuconv.batches.store import open_store
    from dlpuconv.display.wording import python_words
    from dlpuconv.errors import DlpuconvError, OutputError
    from dlpuconv.files.keep import NOTHING
    from dlpuconv.workflow.convert import convert as run
    from dlpuconv.workflow.run import Data

    try:
        with python_words():
            request = replace(request_of(facts["target"], facts["options"]), starts_early=False)
            if request.cache is not NOTHING:
                request = replace(request, cache=open_store(facts["store"]))
            data = Data(calibration=facts["calibration"] or None, validation=facts["validation"] or None)
            done = run(facts["model"], request, data).in_python_words()
        return _told(done, Path(facts["folder"])), {}
    except DlpuconvError as error:
        return {"refused": error.to_json(), "passing": is_passing(error)}, {}
    except OSError as error:  # of a step that has no sentence for it
        if not is_passing(error):
            raise
        told = OutputError(f"the conversion could not go on: {error.strerror or error}", id="system-refused")
        return {"refused": told.to_json(), "passing": True}, {}


def _told(done: Conversion, folder: Path) -> Facts:
    from dlpuconv.files.content import lend_contents

    made = done.artifacts[0]
    files = made.files()
    if made.inside is not None:
        files[f"{made.stem}.html"] = made.to_html().encode()
    lend_contents(files, folder)
    return {"made": _figures(made), "files": sorted(files)}


def _figures(made: Converted) -> Mapping[str, Any]:
    report = made.report
    return {
        "verdict": _verdict(made),
        "reasons": list(report.reasons or report.warnings),
        "status": 0 if report.passed else 1,
        "sqnr_db": _finite(report.parity.min_sqnr if report.parity else None),
        "metric": _finite(report.metric.value if report.metric else None),
        "float_metric": _finite(report.metric.source if report.metric else None),
        "macs": sum(layer.macs for layer in report.placement.layers) if report.placement else None,
        "artifact_size": made.size,
    }


def _verdict(made: Converted) -> str:
    """`warn` for a file that passes, of which there is something that the user should read."""
    if made.report.passed and made.report.warnings:
        return "warn"
    return made.report.verdict.value


def _finite(value: float | None) -> float | None:
    from dlpuconv.jsonable import finite

    return None if value is None else finite(value)


TASKS = {"convert": convert}
