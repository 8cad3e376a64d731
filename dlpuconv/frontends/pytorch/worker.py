"""Makes the ONNX form of one exported program, stdin to stdout, in a process of its own: see `program_file`.

    worker.py OPTIONS

stdin is what `plain_archive` made of a `.pt2` file; OPTIONS is JSON: input_names and output_names. The exit status is
that of the error if there is one, and its message is written instead.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))  # this project, wherever it lies: nothing else is added

from dlpuconv.errors import DlpuconvError, ModelError
from dlpuconv.frontends.options import SourceOptions
from dlpuconv.frontends.pytorch.sources import export

_MEMORY = 8 << 30  # bytes beside the libraries, and
_COPIES = 8  # of the weights: read, decomposed, optimized, serialized


def main(options: SourceOptions) -> int:
    """Limit this process, load, export, write."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # no pickle is left to load; if torch finds one, safely
    content = sys.stdin.buffer.read()
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # what libraries print is no answer
        try:
            answer.write(_converted(content, options))
        except DlpuconvError as error:
            answer.write(str(error).encode("utf-8", "replace"))
            return error.status
    return 0


def _converted(content: bytes, options: SourceOptions) -> bytes:
    import torch.export

    _limit(_MEMORY + _COPIES * len(content))
    try:
        program = torch.export.load(io.BytesIO(content))
    except Exception as error:  # whatever torch says of a file that it did not write
        text = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise ModelError(f"torch.export.load cannot read it: {text}") from error
    made: bytes = export(program, None, options, None).proto.SerializeToString()
    return made


def _limit(most: int) -> None:
    """Let this process take so many bytes more."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + most, taken + most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    names = SourceOptions(input_names=tuple(given["input_names"]), output_names=tuple(given["output_names"]))
    raise SystemExit(main(names))
