"""The options of a job are those of `dlpuconv.convert`, and mean the same."""

from __future__ import annotations

import inspect

import pytest

import dlpuconv
from dlpuconv.batches.options import OPTIONS, check_options, request_of
from dlpuconv.errors import UsageError
from dlpuconv.jsonable import Json
from tests.error_ids import raises_error

OF_THE_JOB = {"model", "target", "calibration", "validation", "example_inputs", "progress"}


def test_a_job_takes_every_option_of_convert_and_no_other() -> None:
    assert OPTIONS.keys() == inspect.signature(dlpuconv.convert).parameters.keys() - OF_THE_JOB


def test_a_job_without_options_is_asked_what_convert_asks_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def caught(_: object, request: object, *__: object) -> object:
        asked.append(request)
        raise UsageError("enough")

    monkeypatch.setattr("dlpuconv.workflow.convert.convert", caught)
    stated: dict[str, Json] = {
        "mean": [1, 2, 3], "cut_at": "a", "input_shape": {"x": [1, 3, 8, 8]}, "overrides": {"head*": "per-channel"},
        "output_kinds": {"y": "scores"}, "report": True, "cache": False, "opset": 13, "min_sqnr": 3,
    }  # fmt: skip
    for options in ({}, stated):
        with pytest.raises(UsageError, match="enough"):
            dlpuconv.convert("m.onnx", target="cv25", progress=None, **options)  # type: ignore[arg-type]
        assert request_of("cv25", options) == asked[-1]


@pytest.mark.parametrize(
    ("options", "cause", "facts"),
    [
        ({"efort": "best"}, "option-unknown", ["'efort'", "'effort'"]),
        ({"cache": "yes"}, "option-value", ["cache is 'yes'"]),
        ({"mean": [1, "x"]}, "option-value", ["mean is 'x'"]),
        ({"mean": 10**400}, "option-value", ["mean is a number of many digits, not a number"]),
        ({"opset": True}, "option-value", ["opset is True, not a whole number"]),
        ({"input_shape": [1, 3]}, "option-value", ["input_shape is a list, not a table of shapes"]),
        ({"input_shape": {"x": ["N"]}}, "option-value", ["input_shape is 'N'"]),
        ({"overrides": "x=y"}, "option-value", ["overrides is 'x=y'"]),
        ({"overrides": {"x": "per-chanel"}}, "option-value", ["per-chanel"]),
        ({"metric": 3}, "option-value", ["metric is 3"]),
    ],
)
def test_what_no_conversion_would_take_is_refused(options: dict[str, Json], cause: str, facts: list[str]) -> None:
    with raises_error(cause, *facts):
        check_options(options)
