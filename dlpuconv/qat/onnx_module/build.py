"""A network's normal form as a PyTorch module, so that what has no PyTorch definition can be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.display.wording import python_words
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.pytorch.sources import demand
from dlpuconv.passes import normalize
from dlpuconv.passes.editor import Editor
from dlpuconv.passes.resize_by_matrices import by_matrices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir
    import torch

    from dlpuconv.frontends import ModelSource
    from dlpuconv.ir import Model


def from_onnx(
    model: ModelSource, *, input_shape: Mapping[str, Sequence[int]] | None = None, cut_at: Sequence[str] = ()
) -> torch.nn.Module:
    """Make a trainable PyTorch module of an ONNX model.

    It is a `torch.fx.GraphModule`: its submodules are the layers of the model's normal form (batch norms folded, pads
    and shapes written out) under the names of their ONNX nodes; weights and biases are parameters under the names of
    their ONNX initializers, matrices as [out, in]. Other constants are buffers, which training does not change.
    Characters that Python does not allow in names become underscores. It takes any batch size, if the network does not
    mix the samples of a batch.

    Args:
        model: an ONNX file, or whatever `convert` takes. It is not changed.
        input_shape: of inputs whose shape the model leaves open, by name.
        cut_at: values that become the outputs; see `convert`.

    Returns:
        The module, on the CPU. It takes the model's inputs in their order, and returns its output, or a dict of its
        outputs by name where there are several.

    Raises:
        UnsupportedModelError: torch has no function for some operators, which are named.
        MissingDependencyError: torch is not installed.
        DlpuconvError: the model cannot be read; see `convert`.
    """
    demand("torch", "dlpuconv.qat.from_onnx")
    shapes = {name: tuple(shape) for name, shape in (input_shape or {}).items()}
    with python_words():
        options = SourceOptions(input_shapes=shapes, cut_at=(cut_at,) if isinstance(cut_at, str) else tuple(cut_at))
        normal, _ = normalize(load(model, options))
        return module_of(normal)


def module_of(normal: Model) -> torch.nn.Module:
    """A model in normal form as a module; see `from_onnx`.

    Raises:
        UnsupportedModelError: torch has no function for some operators, which are named.
    """
    import torch

    from dlpuconv.qat.onnx_module.layer import identifier

    graph = _with_resizes_of_torch(normal).graph.graph
    layers = _layers(graph)
    drawn = torch.fx.Graph()
    names: set[str] = set()
    values: dict[onnx_ir.Value | None, Any] = {}
    for value in graph.inputs:
        names.add(name := identifier(value.name or "x", names))
        values[value] = drawn.placeholder(name)
    parts: dict[str, torch.nn.Module] = {}
    for node, layer in layers.items():
        parts[name := identifier(node.name or node.op_type, parts)] = layer
        values[node.outputs[0]] = drawn.call_module(name, tuple(values[node.inputs[index]] for index in layer.reads))
    made = {value.name: values[value] for value in graph.outputs}
    drawn.output(made if len(made) > 1 else next(iter(made.values())))
    return torch.fx.GraphModule(parts, drawn, "FromOnnx")


def _with_resizes_of_torch(normal: Model) -> Model:
    """The model, with products of matrices for interpolations that torch does not have."""
    from dlpuconv.qat.onnx_module.windows import interpolation

    model = normal.copy()
    editor = Editor(model.graph)
    for node in [node for node in editor.graph if node.op_type == "Resize" and interpolation(node) is None]:
        by_matrices(editor, node)
    return model


def _layers(graph: onnx_ir.Graph) -> dict[onnx_ir.Node, Any]:
    """The module of each node, in the order in which they run.

    Raises:
        UnsupportedModelError: see `module_of`.
    """
    from dlpuconv.qat.onnx_module.facts import NotInTorchError
    from dlpuconv.qat.onnx_module.layer import OnnxLayer
    from dlpuconv.qat.onnx_module.operators import OPERATORS

    shared: dict[str, list[Any]] = {}
    layers: dict[onnx_ir.Node, Any] = {}
    refused: list[str] = []
    for node in graph:
        what = f"{node.op_type} {node.name!r}"
        if node.op_type not in OPERATORS or sum(value.name != "" for value in node.outputs) > 1:
            refused.append(what)
            continue
        try:
            layers[node] = OnnxLayer(node, shared)
        except NotInTorchError as error:
            refused.append(f"{what} ({error})")
    if any(value.is_initializer() for value in graph.outputs):
        refused.append("an output that is a constant")
    if refused:
        raise UnsupportedModelError(
            f"a PyTorch module cannot be made of this model, which holds {', '.join(refused)}", id="module-not-possible"
        )
    return layers
