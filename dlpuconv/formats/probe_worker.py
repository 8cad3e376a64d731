"""Runs one `.tflite` file once on zeros, in a process of its own: see `probe`."""

from __future__ import annotations

import contextlib
import sys

MEMORY = 8 << 30  # bytes of address space
SECONDS = 300


def main() -> None:
    """Limit this process, load, run."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    run_tflite(sys.argv[1])


def run_tflite(path: str) -> None:
    """On LiteRT's integer kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=path, experimental_op_resolver_type=kernels, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], interpreter.get_tensor(detail["index"]) * 0)
    interpreter.invoke()


if __name__ == "__main__":
    main()
