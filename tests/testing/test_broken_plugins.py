"""Each clause of the contract is broken by a plugin that breaks just that."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlpuconv.registry import entries
from dlpuconv.testing.whole import broken_clauses
from tests.plugins.support import install

pytestmark = pytest.mark.slow
TARGET = """
from dataclasses import replace
from dlpuconv.plugin.rules import Hit, Rule, Severity
from dlpuconv_targets.artpec import ARTPEC9
from dlpuconv_targets.cv25 import CV25

TOY = replace(CV25, name="toy1", backend="toyback")

def rule(check=lambda view, context: (), **changed):
    plain = Rule(id="TOY-1", severity=Severity.WARN, sentence="It holds of each layer.", source="a test", check=check)
    return replace(TOY, rules=(*TOY.rules, replace(plain, **changed)))
"""
BACKEND = """
from dataclasses import replace
from pathlib import Path
from dlpuconv.plugin import UnsupportedModelError
from dlpuconv_backends.onnx_float import OnnxFloatBackend

class ToyBackend(OnnxFloatBackend):
    name = "toyback"
"""
ENTRIES = "[dlpuconv.targets]\ntoy1 = toychip:TOY\n[dlpuconv.backends]\ntoyback = toyback:ToyBackend\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, of this process and of those that it starts."""
    monkeypatch.syspath_prepend(str(tmp_path))
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    entries._installed.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    entries._installed.cache_clear()
    for name in ("toychip", "toyback"):
        sys.modules.pop(name, None)


def broken(site: Path, target: str = "", backend: str = "", of: str | None = None) -> dict[str, str]:
    """Clauses that are broken where this code follows a sound plugin's."""
    install(site, "toychip", "toychip", TARGET + target, ENTRIES)
    (site / "toyback.py").write_text(BACKEND + backend)
    return broken_clauses("toy1", of)


def test_a_plugin_that_breaks_nothing_breaks_no_clause(site: Path) -> None:
    assert broken(site, "TOY = rule()") == {}
    assert broken_clauses("toy1", "toyback") == {}


@pytest.mark.parametrize(
    ("code", "clause", "why"),
    [
        ("import numpy", "loading_it_imports_no_heavy_library", "loading it imports numpy"),
        (
            'TOY = rule(id="odd")',
            "every_rule_has_an_id_of_its_own",
            "not capital words with hyphens, such as A8-KERNEL: odd",
        ),
        ('TOY = rule(sentence="layers")', "every_rule_says_a_full_sentence", "not full sentences: TOY-1: 'layers'"),
        (
            'TOY = rule(source=" ")',
            "every_rule_names_its_source",
            "nothing says where these rules are known from: TOY-1",
        ),
        (
            "TOY = rule(lambda view, context: [] if view.tensors[0] else [])",
            "every_rule_judges_files_of_any_kind",
            "the rule TOY-1 of the target 'toy1' (distribution toychip) failed: IndexError",
        ),
        (
            "TOY = rule(lambda view, context: [1 / 0 for layer in view.layers if layer.op == 'Gemm'])",
            "no_rule_failed_to_judge_the_converted_file",
            "The rule TOY-1 of the target 'toy1' (distribution toychip) failed: ZeroDivisionError",
        ),
    ],
)
def test_a_target_that_breaks_one_clause_is_told_of_that_one(site: Path, code: str, clause: str, why: str) -> None:
    found = broken(site, code)
    assert list(found) == [f"test_{clause}"]
    assert why in found[f"test_{clause}"]


@pytest.mark.parametrize(
    ("method", "clause", "why"),
    [
        (
            """def emit(self, *arguments):
        import os
        made = super().emit(*arguments)
        return replace(made, files={**made.files, "seal.bin": os.urandom(8)})""",
            "the_same_job_gives_the_same_bytes",
            "two runs made different bytes: seal.bin",
        ),
        (
            """def prepare(self, job):
        job.model.graph.metadata_props["seen"] = "yes"
        return super().prepare(job)""",
            "what_it_was_given_is_unchanged",
            "a conversion changed the job's model",
        ),
        (
            """def prepare(self, job):
        Path(job.model.source.path).with_name("left.log").write_text("I was here")
        return super().prepare(job)""",
            "what_it_was_given_is_unchanged",
            "a conversion changed the user's file left.log",
        ),
        (
            """def prepare(self, job):
        model = job.model.copy()
        next(node for node in model.graph.graph if node.op_type == "Relu").op_type = "Abs"
        return super().prepare(replace(job, model=model))""",
            "the_file_computes_what_its_source_does",
            "the file does not do what its source does: OUT-SQNR",
        ),
        (
            """def prepare(self, job):
        for node in job.model.graph.graph:
            if node.domain:
                raise UnsupportedModelError(f"{node.name} is nothing that I know")
        return super().prepare(job)""",
            "a_refusal_lists_all_that_cannot_be_converted",
            "the refusal does not name the node 'second activation'",
        ),
        (
            """def read(self, path):
        view = super().read(path) if path.name.startswith("network") else path.read_bytes()[:1]
        return view""",
            "what_it_raises_of_damaged_files_is_an_error_of_dlpuconv",
            "it raised PluginError: read of the backend 'toyback' (distribution toychip) failed: IsADirectoryError",
        ),
        (
            """def close(self):
        if not hasattr(self, "done"):
            raise RuntimeError("nothing was prepared")
    def prepare(self, job):
        self.done = True
        return super().prepare(job)""",
            "it_can_be_closed_whatever_came_before",
            "close of the backend 'toyback' (distribution toychip) failed: RuntimeError: nothing was prepared",
        ),
        (
            """def runner(self, path):
        run = super().runner(path).run
        class Flat:
            def run(self, inputs):
                return {name: values.ravel() for name, values in run(inputs).items()}
        return Flat()""",
            "its_runner_gives_outputs_as_they_are_told",
            "'scores' is float32 (10,), and is told to be float32 (1, 10)",
        ),
        (
            """def prepare(self, job):
        job.calibration.fit.rows = job.calibration.fit.rows[::4]  # arrays are copies, but these are everybody's
        return super().prepare(job)""",
            "what_it_was_given_is_unchanged",
            "a conversion changed the job's samples",
        ),
        ("import onnxruntime", "loading_it_imports_no_heavy_library", "loading it imports onnxruntime"),
    ],
)
def test_a_backend_that_breaks_one_clause_is_told_of_that_one(site: Path, method: str, clause: str, why: str) -> None:
    found = broken(site, "", f"class ToyBackend(ToyBackend):\n    {method}\n", "toyback")
    assert list(found) == [f"test_{clause}"]
    assert why in found[f"test_{clause}"]


def test_a_backend_that_gives_outputs_of_another_type_is_told_of_that(site: Path) -> None:
    target = 'TOY = replace(ARTPEC9, name="toy1", backend="toyback", output_dtype="int8")'
    backend = """
from dlpuconv_backends.tflite import TFLiteBackend
class ToyBackend(TFLiteBackend):
    name = "toyback"
    def prepare(self, job):
        return super().prepare(replace(job, interface=replace(job.interface, output_dtype="uint8")))
"""
    assert broken(site, target, backend) == {
        "test_inputs_and_outputs_have_the_types_that_the_target_says": "the outputs are uint8, where int8 is wanted"
    }
