"""The search for a recipe knows no format: a stranger's backend that makes ONNX files is searched like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from tests.plugins.support import dlpuconv, install

pytestmark = pytest.mark.slow
CHIP = """
from dataclasses import replace
import numpy as np, onnx_ir
from onnx import numpy_helper
from dlpuconv.plugin import Artifact, Backend, Port, Prepared
from dlpuconv_targets.cv25 import CV25

class OnnxBackend(Backend):
    name, suffix, follows_recipes = "toyonnx", ".onnx", True
    def prepare(self, job):
        prepared = Prepared()
        prepared.job = job
        return prepared
    def emit(self, prepared, target, recipe):
        model = onnx_ir.to_proto(prepared.job.model.graph)
        step = 0.2 if recipe.bias_correction == "off" else 0.02 if recipe.rounding == "nearest" else 0.002
        for tensor in model.graph.initializer:
            rounded = np.rint(numpy_helper.to_array(tensor) / step) * step
            tensor.CopyFrom(numpy_helper.from_array(rounded.astype(np.float32), tensor.name))
        signature = prepared.job.model.signature
        ends = [[Port(name=s.name, source_shape=s.shape, shape=s.shape, permutation=tuple(range(len(s.shape))),
                      dtype="float32") for s in specs] for specs in (signature.inputs, signature.outputs)]
        files = FILES(model.SerializeToString())
        return Artifact(files=files, inputs=tuple(ends[0]), outputs=tuple(ends[1]), bindings=prepared.job.bindings)

TOY = replace(CV25, name="toy1", backend="toyonnx", suffix=".onnx", rules=(), packager=None, min_sqnr=20.0)
FILES = lambda content: {"": content}
"""
ENTRIES = "[dlpuconv.targets]\ntoy1 = toychip:TOY\n[dlpuconv.backends]\ntoyonnx = toychip:OnnxBackend\n"


def test_an_onnx_backend_that_follows_recipes_is_searched(tmp_path: Path) -> None:
    graph = parser.parse_graph("g (float[1, 3, 8, 8] x) => (float[1, 4, 8, 8] y) { y = Conv (x, w) }")
    weights = np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(weights, "w"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(1).normal(size=(20, 3, 8, 8)).astype(np.float32))
    install(tmp_path / "site", "toychip", "toychip", CHIP, ENTRIES)
    done = dlpuconv(
        tmp_path / "site",
        *("convert", str(tmp_path / "m.onnx"), "--target", "toy1", "--output", str(tmp_path / "out"), "--json"),
        *("--calibration", str(tmp_path / "x.npz"), "--effort", "balanced"),
    )
    told = json.loads(done.stdout)
    assert told["failures"] == [], done.stderr
    manifest = json.loads((tmp_path / "out" / "m.toy1.json").read_text())
    trials = manifest["trials"]
    chosen = [trial["recipe"] for trial in trials if trial["chosen"]]
    assert len(trials) > 1
    assert [(recipe["bias_correction"], recipe["rounding"]) for recipe in chosen] == [("analytic", "learned")]
    assert onnx.load(tmp_path / "out" / "m.toy1.onnx").graph.node[0].op_type == "Conv"
