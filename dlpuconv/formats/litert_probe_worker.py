"""Runs one `.tflite` file once, in a process of its own: see `litert_probe`."""

from __future__ import annotations

import contextlib
import sys

MEMORY = 8 << 30  # bytes of address space
SECONDS = 300


def main() -> int:
    """Limit this process, load, run; an exception that LiteRT raises is for the caller to meet again."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with contextlib.suppress(RuntimeError, ValueError):
        interpreter = Interpreter(
            model_path=sys.argv[1],
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            num_threads=1,
        )
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], interpreter.get_tensor(detail["index"]) * 0)
        interpreter.invoke()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
