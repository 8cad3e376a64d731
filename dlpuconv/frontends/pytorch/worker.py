"""What the worker that exports programs does, in a process of its own: see `program_file`. Not to be imported."""

from __future__ import annotations

import importlib
import io
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import DlpuconvError, ModelError
from dlpuconv.frontends.options import SourceOptions
from dlpuconv.frontends.pytorch.sources import export
from dlpuconv.isolation.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task


def prepare() -> None:
    """Import torch before the limits of the first question hold."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # no pickle is left to load; if torch finds one, safely
    import torch.export  # noqa: F401


def export_program(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """`program`, what `plain_archive` made of a `.pt2` file -> `model`, a serialized ModelProto.

    Facts: `input_names` and `output_names`. What is the user's to act on is an answer as well: `refused`, and the
    `status` and the `id` of the error.
    """
    options = SourceOptions(input_names=tuple(facts["input_names"]), output_names=tuple(facts["output_names"]))
    try:
        content = _converted(arrays["program"].tobytes(), options)
    except DlpuconvError as error:
        return refused(error), {}
    return {}, {"model": np.frombuffer(content, np.uint8)}


def _converted(content: bytes, options: SourceOptions) -> bytes:
    import torch.export

    with suppress(ImportError):  # it registers the operators of programs that `convert_pt2e` made
        importlib.import_module("torch.ao.quantization.fx._decomposed")
    try:
        program = torch.export.load(io.BytesIO(content))
    except MemoryError:
        raise
    except Exception as error:  # whatever torch says of a file that it did not write
        text = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise ModelError(f"torch.export.load cannot read it: {text}", id="pytorch-file-unreadable") from error
    made: bytes = export(program, None, options, None).proto.SerializeToString()
    return made


TASKS: Mapping[str, Task] = {"export": export_program}
