"""torch's older exporter, which traces one run: for modules that `torch.export` cannot capture.

A trace holds what `forward` did with the example inputs. What it decides by values of tensors is fixed in it, so the
result is compared with the module on other values.
"""

from __future__ import annotations

import inspect
import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import DlpuconvError
from dlpuconv.frontends.onnx_file import parse
from dlpuconv.frontends.pytorch.exporter import ONE_EXPORT
from dlpuconv.frontends.pytorch.names import names_of_ports
from dlpuconv.frontends.pytorch.outputs import output_names
from dlpuconv.frontends.pytorch.quiet import quiet_exporter
from dlpuconv.frontends.pytorch.randomness import randomness_kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx

    from dlpuconv.errors import ModelError
    from dlpuconv.frontends.options import SourceOptions

    type Tensor = Any

WHAT_A_TRACE_IS = (
    "TorchScript's exporter made the model instead, by tracing one run with the example inputs: it computes what the"
    " module does on random values too, but what forward decides by values of tensors is fixed"
)
_OPSET = 18
_CLOSE = 1e-3
"""Of the largest value: how far the kernels of two libraries may differ."""


def traced(
    module: Any, positional: tuple[Any, ...], named: Mapping[str, Any], options: SourceOptions, error: ModelError
) -> onnx.ModelProto:
    """The ONNX form of what a module does with its example inputs.

    Args:
        module: `torch.nn.Module` in evaluation mode, which may be changed, and returns what `plain_output` makes.
        positional: arguments of its `forward`.
        named: further ones by name.
        options: the user's own names.
        error: why it has to be traced.

    Raises:
        ModelError: this error; the module cannot be traced either, or the trace computes something else for other
            values.
        UsageError: the user's names do not fit.
    """
    import torch

    made = io.BytesIO()
    with ONE_EXPORT, quiet_exporter(), randomness_kept(), _tracer_silent(), torch.no_grad():
        try:
            run = _Run(module, positional, named)
            inputs, outputs = names_of_ports(run.input_names, run.output_names, options)
            torch.onnx.export(
                run.as_module(), tuple(run.tensors), made, dynamo=False, opset_version=_OPSET, input_names=inputs,
                output_names=outputs,
            )  # fmt: skip
            same = _computes_the_same(made.getvalue(), inputs, run)
        except DlpuconvError:
            raise
        except Exception:  # noqa: BLE001 - the module's own code has run, which may raise anything
            raise error from error.__cause__
    if not same:
        raise error
    return parse(made.getvalue(), "what TorchScript's exporter made")


class _Run:
    """A module's `forward` as a function of tensors alone.

    Attributes:
        tensors: among the example inputs, in order.
        input_names: of them: the arguments that hold them.
        output_names: keys of what is returned.
    """

    def __init__(self, module: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        import torch
        from torch.utils import _pytree as trees

        self._module = module
        arguments = inspect.signature(module.forward).bind(*positional, **named).arguments
        self._leaves, self._arguments = trees.tree_flatten((positional, dict(named)))
        self._places = [place for place, leaf in enumerate(self._leaves) if isinstance(leaf, torch.Tensor)]
        self.tensors = [self._leaves[place] for place in self._places]
        own = list(arguments) if len(arguments) == len(self.tensors) else []
        self.input_names = own or [f"input_{number}" for number in range(len(self.tensors))]
        _, self._returned = trees.tree_flatten(module(*positional, **named))
        count = self._returned.num_leaves
        keys = {number: name for name, number in output_names(trees.tree_unflatten(range(count), self._returned))}
        self.output_names = [keys.get(number) or f"output_{number}" for number in range(count)]

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """What the module returns for other tensors."""
        from torch.utils import _pytree as trees

        leaves = list(self._leaves)
        for place, tensor in zip(self._places, tensors, strict=True):
            leaves[place] = tensor
        positional, named = trees.tree_unflatten(leaves, self._arguments)
        return tuple(trees.tree_flatten(self._module(*positional, **named))[0])

    def as_module(self) -> Any:
        """The traced program as a module, which is what torch's exporter takes."""
        import torch

        class Flat(torch.nn.Module):  # type: ignore[misc] # torch's types are not followed
            def __init__(self, module: Any, forward: Any) -> None:
                super().__init__()
                self.module, self.forward = module, forward

        return Flat(self._module, self.__call__).eval()


def _computes_the_same(model: bytes, names: Sequence[str], run: _Run) -> bool:
    """Whether ONNX Runtime gets what the module returns, for values that were not traced."""
    import torch

    from dlpuconv.formats.ort_runner import OrtRunner

    runner = OrtRunner(model, "the traced model")
    drawn = torch.Generator().manual_seed(0)
    others = [
        [torch.randn(t.shape, generator=drawn).to(t.dtype) if t.is_floating_point() else t for t in run.tensors]
        for _ in range(2)
    ]
    for tensors in (run.tensors, *others, *([-t if t.is_floating_point() else t for t in other] for other in others)):
        found = runner.run({name: t.numpy() for name, t in zip(names, tensors, strict=True)}).values()
        for got, expected in zip(found, run(*tensors), strict=True):
            size = max(1e-6, float(expected.abs().max()) if expected.numel() else 0.0)
            if not np.allclose(got, expected.numpy(), rtol=0, atol=_CLOSE * size, equal_nan=True):
                return False
    return True


@contextmanager
def _tracer_silent() -> Iterator[None]:
    """The tracer warns in the name of the user's lines; what it warns of is tested."""
    import torch

    ignored: Any = ("ignore", None, torch.jit.TracerWarning, None, 0)
    warnings.filters.insert(0, ignored)  # type: ignore[attr-defined] # a list, which typeshed calls a sequence
    try:
        yield
    finally:
        warnings.filters.remove(ignored)  # type: ignore[attr-defined]
