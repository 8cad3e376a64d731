"""What other programs read: JUnit XML, CSV and Parquet say the same as the records."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from dlpuconv.batches.results.csv_file import to_csv
from dlpuconv.batches.results.junit import to_junit
from dlpuconv.batches.results.merit import by_need
from dlpuconv.batches.results.parquet_file import to_parquet
from tests.batches.results.records import ALL, CRASHED, FAILED, PASSED, REFUSED, WARNED, record

SCHEMA = json.loads((Path(__file__).parent / "junit.schema.json").read_text("utf-8"))
EVIL = "]]></failure><error/>\x00\x1b[2J\ud800&\"'\u202e"


def plain(element: ET.Element) -> dict[str, Any]:
    """An element as JSON has it."""
    text = {"text": element.text} if element.text else {}
    return {"tag": element.tag, "attributes": element.attrib, "children": [plain(each) for each in element], **text}


def cases(xml: bytes) -> dict[str, list[str]]:
    """What each test is marked with."""
    return {
        case.attrib["name"]: [each.tag for each in case if each.tag != "system-out"]
        for case in ET.fromstring(xml).iter("testcase")
    }


def test_a_failing_verdict_is_a_failure_and_a_job_without_a_file_an_error() -> None:
    assert cases(to_junit(ALL)) == {
        PASSED.name: [], WARNED.name: [], FAILED.name: ["failure"], CRASHED.name: ["error"], REFUSED.name: ["error"],
    }  # fmt: skip


def test_junit_keeps_to_its_schema_and_its_counts_are_those_of_its_tests() -> None:
    root = ET.fromstring(to_junit((*ALL, record("good.artpec9"))))
    jsonschema.validate(plain(root), SCHEMA)
    for part in (root, *root.iter("testsuite")):
        assert int(part.attrib["tests"]) == len(list(part.iter("testcase")))
        assert int(part.attrib["failures"]) == len(list(part.iter("failure")))
        assert int(part.attrib["errors"]) == len(list(part.iter("error")))
    assert root.attrib["tests"] == "6"


def test_the_schema_refuses_what_is_no_junit() -> None:
    root = ET.fromstring(to_junit(ALL))
    next(root.iter("testcase")).attrib["verdict"] = "pass"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain(root), SCHEMA)


def test_junit_tells_every_reason() -> None:
    (failure,) = ET.fromstring(to_junit([FAILED])).iter("failure")
    assert failure.attrib["message"] == "The output agrees to 3 dB.; It clips."
    assert (failure.text or "").splitlines() == list(FAILED.reasons)
    (error,) = ET.fromstring(to_junit([REFUSED])).iter("error")
    assert error.attrib == {"type": "UnsupportedModelError", "message": "there is no Foo on this chip"}


def test_hostile_names_and_messages_are_text_in_junit() -> None:
    hostile = replace(CRASHED, name=EVIL, model=EVIL, error=EVIL, error_kind=EVIL, target=EVIL)
    xml = to_junit([hostile])
    jsonschema.validate(plain(ET.fromstring(xml)), SCHEMA)
    assert list(cases(xml).values()) == [["error"]]


def read_csv(records: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(records).decode(), newline="")))


def test_csv_has_a_row_a_job_in_the_order_of_need_and_nothing_where_nothing_was_measured() -> None:
    rows = read_csv(ALL)
    assert [row["name"] for row in rows] == [CRASHED.name, REFUSED.name, FAILED.name, WARNED.name, PASSED.name]
    assert [row["standing"] for row in rows] == ["crashed", "refused", "fail", "warn", "pass"]
    assert [row["sqnr_db"] for row in rows] == ["", "", "3.0", "30.0", "30.0"]
    assert [float(row["drop"]) for row in rows[3:]] == pytest.approx([0.2, 0.01])


def test_an_axis_that_only_this_matrix_has_is_a_column() -> None:
    fine = record("net.artpec8", axes={"model": "net", "target": "artpec8", "granularity": "per-tensor"})
    assert [row["axis.granularity"] for row in read_csv([fine, PASSED])] == ["", "per-tensor"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_is_no_formula_in_a_spreadsheet(start: str) -> None:
    (row,) = read_csv([record(f"{start}cmd|' /C calc'!A0")])
    assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "cmd|' /C calc'!A0" in row["name"]


def test_parquet_has_the_rows_of_the_csv_with_types() -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(io.BytesIO(to_parquet(ALL)))
    rows = read_csv(ALL)
    assert table.column_names == list(rows[0])
    assert table.column("name").to_pylist() == [row["name"] for row in rows]
    assert table.schema.field("macs").type == pa.int64()
    assert table.schema.field("sqnr_db").type == pa.float64()
    assert table.column("sqnr_db").to_pylist() == [None, None, 3.0, 30.0, 30.0]


def test_no_records_are_an_empty_table_in_every_form() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    assert read_csv([]) == []
    assert pq.read_table(io.BytesIO(to_parquet([]))).num_rows == 0
    jsonschema.validate(plain(ET.fromstring(to_junit([]))), SCHEMA)


def test_records_are_ordered_by_standing_then_drop_then_noise() -> None:
    lossy, noisy = record("lossy", metric=0.5, float_metric=0.9), record("noisy", sqnr_db=12.0)
    assert [each.name for each in by_need([PASSED, noisy, lossy])] == ["lossy", PASSED.name, "noisy"]
    assert [each.name for each in by_need([record("b"), noisy, record("a")])] == ["noisy", "a", "b"]
