"""Files of `torch.save`: weights for a module of the user's own or, where the user allows it, a whole module.

A stranger may have made them, and they are pickles. They are read in another process, by torch's reader that knows
nothing but tensors, unless the user allows more.
"""

from __future__ import annotations

import hashlib
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import ModelError, UnsupportedModelError, UsageError
from dlpuconv.files.regular import open_regular
from dlpuconv.frontends.onnx_file import Acquired, content_of, parse
from dlpuconv.frontends.options import shape_flag
from dlpuconv.frontends.pytorch.sources import demand, export, is_module
from dlpuconv.ir import Source
from dlpuconv.isolation import GIBIBYTE, ExcessError, Launch, Limits, TaskError, WorkerError, pool
from dlpuconv.isolation.refusals import raise_refused
from dlpuconv.named_function import first_line, named_function, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.isolation.messages import Message

_TASKS = Path(__file__).with_name("checkpoint_worker.py")
_SAFE = Launch(title="torch.load", tasks=_TASKS, has_folder=True, environment=(("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1"),))
_TRUSTING = Launch(title="torch.load of a pickle", tasks=_TASKS, has_folder=True)
_LIMITS = Limits(memory=8 * GIBIBYTE, seconds=1800, by_the_clock=True)
_COPIES = 8  # of the weights: read, exported, optimized, serialized
_OLD_PICKLE = b"\x80\x02"
_DISTRIBUTED = "module."


def is_checkpoint(path: Path) -> bool:
    """Whether the file has the structure that torch.save or torch.jit.save writes."""
    try:
        with open_regular(path) as file:
            if file.read(len(_OLD_PICKLE)) == _OLD_PICKLE:
                return True
            return any(name.endswith("/data.pkl") for name in zipfile.ZipFile(file).namelist())
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile):
        return False


def read_checkpoint(path: Path, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX form of the module that a file's weights belong to, or that it holds.

    Raises:
        ModelError: torch cannot read the file, its weights are those of another module, or that cannot be exported.
        UnsupportedModelError: it is TorchScript, or a module that no conversion exists for.
        UsageError: it is not said what makes the module, or what shapes it takes.
        MissingDependencyError: torch or onnxscript is missing.
    """
    _screen_script(path)
    if not options.factory and not options.allow_pickle:
        raise UsageError(
            f"{path} was written by torch.save: for weights (a state dict) give --model MODULE:FUNCTION, which makes"
            " the torch.nn.Module that they belong to; a whole module needs --allow-pickle, since reading it runs"
            " whatever code the file holds",
            id="pytorch-needs-factory",
        )
    if not options.input_shapes:
        raise UsageError(
            f"{path} does not say which input shape its network takes: give {shape_flag('', (1, 3, 'H', 'W'))}",
            id="pytorch-needs-shape",
        )
    for library in ("torch", "onnxscript"):
        demand(library, f"reading {path.name}")
    content = content_of(path)
    proto = _with_factory(content, options, path) if options.factory else _pickled(content, options, path)
    source = Source(name=name or path.stem or "model", sha256=hashlib.sha256(content).hexdigest(), path=str(path))
    return Acquired(proto=proto, source=source)


def _screen_script(path: Path) -> None:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            script = any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return
    if script:
        raise UnsupportedModelError(
            f"{path} is TorchScript, which PyTorch no longer develops: convert the torch.nn.Module that it was made"
            " from, or save it with torch.export.save",
            id="pytorch-torchscript",
        )


def _with_factory(content: bytes, options: SourceOptions, path: Path) -> onnx.ModelProto:
    """The user's module with the file's weights, exported in this process: its code is the user's own."""
    import torch

    module, title = _made(options.factory)
    found = _asked("tensors", content, options, path).arrays
    if all(name.startswith(_DISTRIBUTED) for name in found):  # saved from DataParallel
        found = {name.removeprefix(_DISTRIBUTED): array for name, array in found.items()}
    try:
        module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in found.items()})
    except RuntimeError as error:
        told = " ".join(str(error).split())
        raise ModelError(
            f"the weights in {path} are not those of what {title} makes: {told}", id="pytorch-weights-misfit"
        ) from error
    shapes = {key: torch.zeros(shape) for key, shape in options.input_shapes.items()}
    return export(module, (shapes[""],) if "" in shapes else shapes, options, None).proto


def _made(factory: Callable[[], Any] | str) -> tuple[Any, str]:
    """The user's module, and what to call that which makes it."""
    if isinstance(factory, str):
        failed = partial(ModelError, id="pytorch-factory-failed")
        make = named_function("--model", factory, "my_package.nets:make_net", failed)
        title = f"--model {factory}"
    else:
        make, title = factory, f"the factory {getattr(factory, '__qualname__', type(factory).__qualname__)}"
    try:
        module = make()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise ModelError(
            f"{title} failed{place_of(error)}: {first_line(error)}", id="pytorch-factory-failed"
        ) from error
    if not is_module(module):
        raise UsageError(
            f"{title} returned a {type(module).__name__}, not a torch.nn.Module", id="pytorch-factory-type"
        )
    return module, title


def _pickled(content: bytes, options: SourceOptions, path: Path) -> onnx.ModelProto:
    """The module that the file holds, which is read and exported elsewhere: it may run anything."""
    return parse(_asked("export", content, options, path).arrays["model"].tobytes(), str(path))


def _asked(task: str, content: bytes, options: SourceOptions, path: Path) -> Message:
    """A worker's answer.

    Raises:
        ModelError: the file cannot be read.
        UnsupportedModelError: no conversion exists for what it holds.
        UsageError: the user's names do not fit.
    """
    try:
        with pool.borrowed(_TRUSTING if options.allow_pickle else _SAFE) as worker:
            answer = worker.ask(
                task,
                _LIMITS.for_size(len(content), _COPIES),
                {"file": np.frombuffer(content, np.uint8)},
                trusted=options.allow_pickle,
                folder=str(Path.cwd()),
                shapes=dict(options.input_shapes),
                input_names=options.input_names,
                output_names=options.output_names,
            )
    except (TaskError, ExcessError) as error:
        raise ModelError(f"{path} cannot be read: {error}", id="pytorch-file-unreadable") from error
    except WorkerError as error:
        raise ModelError(f"{path}: the file is damaged: {_SAFE.title} {error}", id="pytorch-file-damaged") from error
    except OSError as error:
        raise ModelError(
            f"{path}: the process that reads it cannot be started: {error.strerror or error}", id="reader-unavailable"
        ) from error
    raise_refused(answer.facts, str(path))
    return answer
