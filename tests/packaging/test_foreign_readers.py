"""Nothing that is not written in Python reads a stranger's model in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.foreign_readers import foreign_readers

REPOSITORY = Path(__file__).parents[2]
ROOTS = ("dlpuconv", "backends", "targets")

IN_WORKERS = (
    "dlpuconv/isolation/tasks/",
    # Scripts that are started as processes of their own, and what only these import.
    "backends/dlpuconv_backends/lowering/worker.py",
    "backends/dlpuconv_backends/savedmodel/kernels.py",
    "backends/dlpuconv_backends/savedmodel/replay.py",
    "backends/dlpuconv_backends/savedmodel/worker.py",
    "dlpuconv/frontends/pytorch/checkpoint_worker.py",
    "dlpuconv/frontends/pytorch/worker.py",
    "dlpuconv/frontends/tensorflow/worker/",
)
"""Where it belongs."""


def modules_that_read() -> dict[str, list[str]]:
    """Every module that reaches such a reader, with where and which."""
    found = {}
    for root in ROOTS:
        for path in sorted((REPOSITORY / root).rglob("*.py")):
            if places := foreign_readers(path.read_text("utf-8")):
                name = path.relative_to(REPOSITORY).as_posix()
                found[name] = [f"line {place.line}: {place.name}" for place in places]
    return found


def test_no_foreign_code_reads_models_outside_workers() -> None:
    assert not {name: places for name, places in modules_that_read().items() if not name.startswith(IN_WORKERS)}


@pytest.mark.parametrize(
    "code",
    [
        "import onnx\nonnx.checker.check_model(m)",
        "import onnx.checker\nonnx.checker.check_model(m)",
        "import onnx.checker as c\nc.check_model(m)",
        "from onnx import checker\nchecker.check_model(m)",
        "from onnx import checker as c",
        "from onnx.checker import check_model as check\ncheck(m)",
        "from onnx import *",
        "import onnx as o\nc = o.checker",
        "import onnx\no = onnx\np = o\np.checker.check_model(m)",
        "import onnx\ngetattr(onnx, 'checker').check_model(m)",
        "import onnx\ngetattr(onnx.checker, 'check_model', None)(m)",
        "import onnx\ngetattr(onnx, name)",
        "import onnx\nvars(onnx)['checker']",
        "import onnx\nonnx.__dict__['checker']",
        "import sys\nsys.modules['onnx.checker'].check_model(m)",
        "from sys import modules\nmodules['onnx'].checker",
        "import importlib\nimportlib.import_module('onnx.checker')",
        "from importlib import import_module as load\nload('onnx').checker.check_model(m)",
        "__import__('onnx').checker",
        "import operator, onnx\noperator.attrgetter('checker')(onnx)",
        "import onnx\nif (c := onnx.checker):\n    c.check_model(m)",
        "def f():\n    import onnx\n    return onnx.checker.check_model",
        "class A:\n    from onnx import checker",
        "try:\n    import cv2\nexcept ImportError:\n    pass",
        "import onnx\nf = lambda m: onnx.shape_inference.infer_shapes(m)",
        "from onnx.shape_inference import infer_shapes_path",
        "from onnx import inliner, version_converter",
        "import onnx.parser",
        "import onnx.compose",
        "from onnx.onnx_cpp2py_export import checker",
        "import onnxruntime as ort\nort.InferenceSession(b)",
        "from onnxruntime import InferenceSession as S",
        "import onnxruntime\nonnxruntime.capi.onnxruntime_pybind11_state.InferenceSession(o, b, True, False)",
        "from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession",
        "from onnxruntime.quantization import shape_inference",
        "from ai_edge_litert.interpreter import Interpreter",
        "import ai_edge_litert.interpreter as litert\nlitert.Interpreter(model_content=b)",
        "from ai_edge_litert import interpreter",
        "import tensorflow as tf",
        "from tensorflow.lite import Interpreter",
        "import torch\ntorch.load(f)",
        "import torch\nprogram = torch.export.load(f)",
        "from torch import jit\njit.load(f)",
        "from torch.export import load",
        "import h5py\nh5py.File(f)",
        "import tf2onnx.convert",
        "import onnxoptimizer",
        "from onnx_ir.passes.common import CheckerPass",
        "from ai_edge_litert.interpreter import Interpreter, OpResolverType",
        "import pickle\npickle.loads(b)",
        "from pickle import Unpickler",
    ],
)
def test_every_spelling_is_found(code: str) -> None:
    assert foreign_readers(code)


@pytest.mark.parametrize(
    "code",
    [
        "import onnx\nonnx.load_model_from_string(b)",
        "from onnx.reference import ReferenceEvaluator",
        "import onnx\ntry:\n    pass\nexcept onnx.checker.ValidationError:\n    pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tensorflow",
        "import onnxruntime\nonnxruntime.SessionOptions()",
        "from ai_edge_litert import schema_py_generated as schema\nschema.Model()",
        "import torch\ntorch.export.export(m, ())",
        "import onnx\ngetattr(onnx.TensorProto, name)",
        "import json\njson.load(f)",
        "checker = 1\nchecker.check_model",
        "from dlpuconv.formats import checker",
    ],
)
def test_what_is_read_in_python_is_left_alone(code: str) -> None:
    assert not foreign_readers(code)
