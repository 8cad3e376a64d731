"""Infers the shapes of one ONNX model, stdin to stdout, in a process of its own: see `onnx_shapes`.

    onnx_shapes_worker.py [strict] [values]

strict: operators that do not fit their inputs are an error; values: small values are computed on the way.

ONNX's inference trusts its input. Some files end the process (a division by zero, a call that never returns), others
ask for all memory there is.
"""

from __future__ import annotations

import contextlib
import sys

MEMORY = 3 << 29  # bytes of address space: 1.5 GiB, of which Python and ONNX take a third
SECONDS = 20
LARGEST_RESULT = 64 << 20
NOT_INFERRED = 3
"""Exit status where the operators do not fit their inputs; what ONNX says of it is written instead of the model."""


def main() -> int:
    """Limit this process, infer, write."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(
            sys.stdin.buffer.read(), strict_mode="strict" in sys.argv, data_prop="values" in sys.argv
        )
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "replace"))
        return NOT_INFERRED
    content = inferred if isinstance(inferred, bytes) else inferred.SerializeToString()
    if len(content) > LARGEST_RESULT:
        return NOT_INFERRED
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
