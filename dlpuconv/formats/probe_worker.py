"""Runs one file once on zeros, in a process of its own: see `probe`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

MEMORY = 8 << 30  # bytes of address space
SECONDS = 300


def main() -> None:
    """Limit this process, load, run."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path = Path(sys.argv[1])
    with path.open("rb") as stream:
        header = stream.read(8)
    (run_tflite if header[4:] == b"TFL3" else run_onnx)(path)


def run_tflite(path: Path) -> None:
    """On LiteRT's integer kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=kernels, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], interpreter.get_tensor(detail["index"]) * 0)
    interpreter.invoke()


def run_onnx(path: Path) -> None:
    """In ONNX Runtime."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    shapes = {
        port.name: [d if isinstance(d, int) and d > 0 else 1 for d in port.shape] for port in session.get_inputs()
    }
    types = {port.name: port.type.removeprefix("tensor(").removesuffix(")") for port in session.get_inputs()}
    names = {"float": "float32", "double": "float64"}
    session.run(None, {name: np.zeros(shape, names.get(types[name], types[name])) for name, shape in shapes.items()})


if __name__ == "__main__":
    main()
