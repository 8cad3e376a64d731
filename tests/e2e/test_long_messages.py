"""Models with long names and many faults: what is printed can be read, and programs get all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from dlpuconv import check
from dlpuconv.cli import main
from dlpuconv.errors import ModelError
from dlpuconv.language.brief import MOST_MESSAGE, MOST_NAME

FAULTS = 50


def faulty(path: Path, name: str, op: str = "Nonsense") -> Path:
    """A chain of operators that nobody knows, or that lack an input, under long names."""
    nodes = [
        helper.make_node(op, [f"v{n}"] if op == "Nonsense" else [f"v{n}", f"gone{n}"], [f"v{n + 1}"], name=f"{name}{n}")
        for n in range(FAULTS)
    ]
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, 4]) for port in ("v0", f"v{FAULTS}")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("op", "status", "cause"), [("Nonsense", 5, "division-impossible"), ("Add", 3, "graph-inconsistent")]
)
def test_what_is_printed_is_short_and_json_holds_every_problem_in_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], op: str, status: int, cause: str
) -> None:
    name = "\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 300
    assert main(["check", str(faulty(tmp_path / "m.onnx", name, op)), "-t", "cv25", "--json"]) == status
    out, err = capsys.readouterr()
    (printed,) = err.splitlines()
    line = printed.removesuffix(f" [{cause}]")
    assert line != printed
    assert len(line) <= len("error: ") + MOST_MESSAGE
    assert " more" in line
    assert "x" * (MOST_NAME + 1) not in line
    error = json.loads(out)["error"]
    assert error["id"] == cause
    assert error["message"].startswith(line.removeprefix("error: ")[:20])
    assert len(error["problems"]) == FAULTS
    assert all(f"{'x' * 300}{n}" in text for n, text in enumerate(error["problems"]))
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in out


def test_an_exception_holds_every_problem(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        check(faulty(tmp_path / "m.onnx", "x" * 300, "Add"), target="cv25")
    assert len(caught.value.problems) == FAULTS
    assert all(f"{'x' * 300}{n}" in text for n, text in enumerate(caught.value.problems))
    assert len(str(caught.value)) <= MOST_MESSAGE
    assert "x" * (MOST_NAME + 1) not in str(caught.value)
    assert re.search(r"and \d+ more", str(caught.value))
