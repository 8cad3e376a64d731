"""Records as JUnit XML, which CI servers show as tests: a failing verdict is a failure, a job without a file an error.

The form is the one that Jenkins' xUnit plugin checks (junit-10.xsd), which GitLab, GitHub actions and others read.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dlpuconv.batches.record import Outcome
from dlpuconv.batches.results.merit import Standing, reason, standing
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlpuconv.batches.record import JobRecord


def to_junit(records: Iterable[JobRecord], title: str = "dlpuconv batch") -> bytes:
    """One suite a model, one test a job.

    Args:
        records: to tell.
        title: of the whole.
    """
    ordered = sorted(records, key=lambda each: (each.model, each.name))
    root = ET.Element("testsuites", {"name": printable(title), **_counts(ordered)})
    for model, jobs in groupby(ordered, key=lambda each: each.model):
        listed = list(jobs)
        suite = ET.SubElement(root, "testsuite", {"name": printable(model), **_counts(listed), "skipped": "0"})
        for record in listed:
            _add_case(suite, record)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(records: Sequence[JobRecord]) -> dict[str, str]:
    return {
        "tests": str(len(records)),
        "failures": str(sum(standing(record) is Standing.FAIL for record in records)),
        "errors": str(sum(record.outcome is not Outcome.CONVERTED for record in records)),
        "time": _seconds(sum(record.circumstances.seconds for record in records)),
    }


def _add_case(suite: ET.Element, record: JobRecord) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": printable(f"dlpuconv.{record.target}"),
            "name": printable(record.name),
            "time": _seconds(record.circumstances.seconds),
        },
    )
    found = standing(record)
    if not found.good:
        trouble = "failure" if found is Standing.FAIL else "error"
        told = ET.SubElement(
            case,
            trouble,
            {
                "type": printable(record.error_id or record.error_kind or found.value),
                "message": printable(reason(record)),
            },
        )
        told.text = "\n".join(printable((*record.reasons, *([record.error] if record.error else []))))
    ET.SubElement(case, "system-out").text = _facts(record)


def _facts(record: JobRecord) -> str:
    """What was measured, a line each."""
    told = {"SQNR (dB)": record.sqnr_db, "metric": record.metric, "float metric": record.float_metric}
    lines = [f"{name}: {value:g}" for name, value in told.items() if value is not None]
    size = [] if record.artifact_size is None else [f"bytes: {record.artifact_size}"]
    return "\n".join(printable((*lines, *size, f"key: {record.key}", f"host: {record.circumstances.host}")))


def _seconds(value: float) -> str:
    return f"{value:.3f}"
