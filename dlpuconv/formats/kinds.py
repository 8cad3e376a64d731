"""The kinds of files: what each is called, what runs it here, and how Python does. Nothing here is heavy."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What is the same for all files of a format.

    Attributes:
        name: `FileView.format`.
        suffix: of a file's name; empty for a folder.
        title: for people.
        kernels: what runs such files here.
        answers: what the file gives, and on what, to end a sentence with.
        python: beginning of a module, with `{file}` (a literal) to be filled in, that defines `infer(*values)`, which
            gives a list of outputs.
        integers: activations are codes that the file itself gives scales, and applications feed and read such codes.
    """

    name: str
    suffix: str
    title: str
    kernels: str
    answers: str
    python: str
    integers: bool = False


_IN_LITERT = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

# The plain integer kernels: what the report was measured on.
network = Interpreter({file}, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
network.allocate_tensors()


def infer(*codes):
    for port, value in zip(network.get_input_details(), codes):
        network.set_tensor(port["index"], value)
    network.invoke()
    return [network.get_tensor(port["index"]) for port in network.get_output_details()]
"""
_IN_ONNX_RUNTIME = """\
import numpy as np
import onnxruntime

network = onnxruntime.InferenceSession({file})


def infer(*values):
    return network.run(None, {{port.name: value for port, value in zip(network.get_inputs(), values)}})
"""

TFLITE = FileKind(
    name="tflite",
    suffix=".tflite",
    title="TensorFlow Lite",
    kernels="LiteRT, BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    answers="the codes that the file gives for them on TensorFlow Lite's integer kernels",
    python=_IN_LITERT,
    integers=True,
)
ONNX = FileKind(
    name="onnx",
    suffix=".onnx",
    title="ONNX",
    kernels="ONNX Runtime",
    answers="what the file gives for them in ONNX Runtime",
    python=_IN_ONNX_RUNTIME,
)
PACKAGE = replace(ONNX, name="package", suffix="", title="a package folder")
"""A folder for a chip maker's compiler, whose model is ONNX."""

KINDS = {kind.name: kind for kind in (TFLITE, ONNX, PACKAGE)}


def kind_of(file: str) -> FileKind:
    """The kind that a file's name says; ONNX for a folder's, and for any other."""
    return TFLITE if file.endswith(TFLITE.suffix) else ONNX
