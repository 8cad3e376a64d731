"""Which of torch's objects can be converted, and what to give instead of the others."""

from __future__ import annotations

import hashlib
import sys
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import MissingDependencyError, ModelError, UnsupportedModelError
from dlpuconv.frontends.onnx_file import Acquired
from dlpuconv.ir import Source
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    import onnx

    from dlpuconv.frontends.options import SourceOptions

_QUANTIZED = "torch.ao.nn.quantized.", "torch.ao.nn.intrinsic.quantized."


def is_module(value: object) -> bool:
    """True for a `torch.nn.Module`; torch is not imported to find out."""
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def is_source(value: object) -> bool:
    """True for a `torch.nn.Module` or an `ExportedProgram`; torch is not imported to find out."""
    program: Any = sys.modules.get("torch.export")
    return is_module(value) or (program is not None and isinstance(value, program.ExportedProgram))


def export(source: Any, example_inputs: object, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX model that torch's exporter makes of a module in evaluation mode, or of an exported program.

    Args:
        source: `torch.nn.Module` or `torch.export.ExportedProgram`; a module is only read: its parameters, buffers,
            modes and hooks are as before, also for other threads meanwhile and after a failure.
        example_inputs: arguments of the module's `forward`, batch first, see `arguments_of`; an exported program needs
            none.
        options: the user's names of inputs and outputs.
        name: stem for file names; by default the module's class.

    Raises:
        UsageError: a module without example inputs, or names that do not fit.
        ModelError: neither of torch's exporters can export it. (Where only the older one can, a warning says why.)
        UnsupportedModelError: the program was exported in training mode, or the module is TorchScript, quantized or
            being so, without weights, or returns something else than tensors.
        MissingDependencyError: onnxscript, which the exporter is written with, is missing.
    """
    import torch

    from dlpuconv.frontends.pytorch.exporter import exported
    from dlpuconv.frontends.pytorch.replica import unwrapped

    demand("onnxscript", "the export from PyTorch")
    if isinstance(source, torch.nn.Module):
        module = unwrapped(source)
        kind = type(module).__name__
        if hasattr(type(module), "quantized_onnx"):  # prepared by `qat`, which knows its inputs
            proto, kind = module.quantized_onnx(options), module.preparation.name
        else:
            proto = _of_module(module, example_inputs, options)
    else:
        kind = "model"
        _screen_training(source.graph_module)
        _screen_constants(source)
        proto = exported(source, (), {}, options, type(source).__name__)
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    return Acquired(proto=proto, source=Source(name=name or kind, sha256=digest))


def _of_module(module: Any, example_inputs: object, options: SourceOptions) -> onnx.ModelProto:
    """By torch's exporter of graphs, or where that fails, by the one that traces."""
    from dlpuconv.frontends.pytorch.arguments import arguments_of, on_cpu
    from dlpuconv.frontends.pytorch.exporter import exported
    from dlpuconv.frontends.pytorch.replica import own_tensors
    from dlpuconv.frontends.pytorch.torchscript import WHAT_A_TRACE_IS, traced

    kind = type(module).__name__
    _screen_module(module)
    positional, named = arguments_of(module, example_inputs)
    try:
        return exported(_ours(module), positional, named, options, kind)
    except ModelError as error:
        positional, named = on_cpu((positional, named))
        proto = traced(own_tensors(_ours(module), "cpu"), positional, named, options, error)
        warnings.warn(f"{error}; {WHAT_A_TRACE_IS}", stacklevel=3)
        return proto


def _ours(module: Any) -> Any:
    """A copy that an export may change, which returns tensors in containers of Python's own."""
    from dlpuconv.frontends.pytorch.outputs import plain_output
    from dlpuconv.frontends.pytorch.replica import replica

    ours = replica(module)
    ours.register_forward_hook(plain_output)
    return ours


def demand(library: str, purpose: str, extra: str = "torch") -> None:
    """Check for a library, which comes with an extra, without importing it.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        found = find_spec(library)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise MissingDependencyError(library, extra, purpose)


def _screen_module(module: Any) -> None:
    """Check for parts of which the exporter would say something that helps nobody, or what is not so."""
    import torch

    for path, part in torch.nn.Module.named_modules(module):
        what = f"{type(module).__name__}" + (f" holds {path!r}, which" if path else "")
        if isinstance(part, torch.jit.ScriptModule):
            raise UnsupportedModelError(
                f"{what} is TorchScript; give the torch.nn.Module that it was made from", id="pytorch-torchscript"
            )
        if _is_observer(part):
            raise UnsupportedModelError(
                f"{what} is an observer or a fake quantizer: the module is prepared for quantization by torch; give"
                " the float module that it was made from, which dlpuconv quantizes itself",
                id="pytorch-quantized",
            )
        if f"{type(part).__module__}.".startswith(_QUANTIZED):
            raise UnsupportedModelError(
                f"{what} is quantized already ({type(part).__name__}); give the float module that it was made from",
                id="pytorch-quantized",
            )
        if any(
            isinstance(value, torch.nn.UninitializedParameter | torch.nn.UninitializedBuffer)
            for value in (*part._parameters.values(), *part._buffers.values())
        ):
            raise UnsupportedModelError(
                f"{what} is a lazy module without weights yet; call the module once first", id="pytorch-lazy"
            )
        if isinstance(part, torch.fx.GraphModule):
            _screen_training(part)


def _is_observer(part: Any) -> bool:
    """Whether a module is an observer of torch.ao or torchao; neither needs to be imported for that."""
    return any(
        kind.__name__ in ("ObserverBase", "FakeQuantizeBase", "AffineQuantizedObserverBase")
        and kind.__module__.partition(".")[0] in ("torch", "torchao")
        for kind in type(part).__mro__
    )


def _screen_training(module: Any) -> None:
    """Check that no operator of a captured graph is in training mode, which its ONNX form would not show.

    A batch norm that was exported so divides by the statistics of the picture in hand.
    """
    names = [str(node.target) for node in module.graph.nodes if node.op == "call_function" and _trains(node)]
    if names:
        raise UnsupportedModelError(
            f"the exported program holds {listed(sorted(set(names)))} in training mode; call model.eval() before"
            " torch.export.export",
            id="model-in-training",
        )


def _screen_constants(program: Any) -> None:
    """Check that nothing but tensors is returned, and None, which the exporter leaves out."""
    values = [getattr(spec.arg, "value", None) for spec in program.graph_signature.output_specs]
    if found := [repr(value) for value in values if value is not None]:
        raise UnsupportedModelError(
            f"the exported program returns {', '.join(found)} beside its tensors; let forward return tensors only",
            id="pytorch-outputs",
        )


def _trains(node: Any) -> bool:
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    given = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False)) | dict(node.kwargs)
    return any(given.get(name) is True for name in ("train", "training"))
