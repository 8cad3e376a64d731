"""What the lowering worker does: onnx2tf's operator builders make a float TFLite file of an ONNX model.

It runs in a process of its own (see `dlpuconv.isolation`), perhaps under another interpreter than dlpuconv's, so it
imports only onnx2tf and what onnx2tf brings (numpy, onnx).

Only the *builders* of onnx2tf are used: each ONNX node becomes TFLite operators, with a TRANSPOSE wherever TFLite
wants channels last. The hundreds of layout passes that onnx2tf runs afterwards are left out: they recognise
networks by name-like patterns, take most of its time, and dlpuconv's clean-up does the same from first principles.
Leaving them out also avoids importing them, which halves the start.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.plugin.isolation import Arrays, Facts, Task

LARGE = 1 << 16
"""Bytes from which a constant travels beside the file."""

DECISIVE = ("onnx2tf", "onnx", "numpy")
"""Libraries whose versions decide what comes out."""

NETWORK_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto")
PROCESS_EVENTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")


def refuse_network_and_processes(event: str, _arguments: tuple[Any, ...]) -> None:
    """Audit hook: a conversion needs neither, and onnx2tf can download files and start other tools."""
    if event in NETWORK_EVENTS or event in PROCESS_EVENTS:
        raise PermissionError(f"the lowering worker may not do {event}")


def prepare() -> None:
    """Be ready to lower before the first model is there."""
    sys.addaudithook(refuse_network_and_processes)
    import_builders()


def import_builders() -> None:
    """Import onnx2tf's builders without the start-up code of its package, which would import everything."""
    spec = importlib.util.find_spec("onnx2tf")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'onnx2tf'", name="onnx2tf")
    root = Path(spec.submodule_search_locations[0])
    bare = types.ModuleType("onnx2tf.tflite_builder")
    bare.__path__ = [str(root / "tflite_builder")]
    sys.modules[bare.__name__] = bare
    # Needed for two helpers that concern external data and schema downloads; brings cv2, psutil, onnxruntime, LiteRT.
    runtime = types.ModuleType("onnx2tf.utils.onnx_litert_runtime")
    runtime.__dict__["check_model_has_external_data"] = lambda *_: False
    runtime.__dict__["ensure_tflite_schema_artifacts"] = None
    sys.modules[runtime.__name__] = runtime
    import onnx2tf.tflite_builder.dispatcher
    import onnx2tf.tflite_builder.model_writer
    import onnx2tf.tflite_builder.schema.schema_generated  # noqa: F401


def build(model: Any, weights: dict[str, Any]) -> tuple[Any, list[str]]:
    """Lower every node of an ONNX model with static shapes to onnx2tf's ModelIR, all values in ONNX's own layout.

    Args:
        model: the ModelProto.
        weights: values by name of what it declares as inputs and are none.

    Returns:
        The ModelIR, and the nodes that onnx2tf cannot lower: their names, or first outputs. With any, it is incomplete.
    """
    import numpy as np
    import onnx
    from onnx import numpy_helper
    from onnx2tf.tflite_builder.core import onnx_analysis
    from onnx2tf.tflite_builder.core.lowering_context import LoweringContext
    from onnx2tf.tflite_builder.core.session import ConversionSession
    from onnx2tf.tflite_builder.ir import ModelIR
    from onnx2tf.tflite_builder.preprocess.rules.normalize_attrs import apply_normalize_attrs_rule

    spell_out_batchnorm(model)
    spell_out_ceil_mode(model)
    apply_normalize_attrs_rule(model)
    model = onnx.shape_inference.infer_shapes(model)
    shapes, dtypes = onnx_analysis._extract_tensor_info(model)
    constants = {c.name: np.asarray(numpy_helper.to_array(c)) for c in model.graph.initializer} | weights
    ir = ModelIR(name="main")
    session = ConversionSession(onnx_model=model, model_ir=ir, shape_map=shapes, dtype_map=dtypes, constants=constants)
    outputs = [o.name for o in model.graph.output]
    ctx = LoweringContext(
        model_ir=ir,
        shape_map=shapes,
        dtype_map=dtypes,
        constants=constants,
        onnx_model=model,
        tensor_consumer_count=session.tensor_consumer_count,
        graph_output_names=outputs,
        session=session,
    )
    # onnx2tf takes a TRANSPOSE back when the next operator undoes it, and loses the names of values and nodes with it.
    # It does so only for values with one reader, so every value gets two; the clean-up removes such pairs anyway.
    ctx.effective_tensor_consumer_count = lambda *_, **__: 2
    for value in model.graph.input:
        if value.name not in constants:
            ctx.ensure_tensor(value.name)
            ir.inputs.append(value.name)
    for name, value in constants.items():
        ctx.add_const_tensor(name, value)
    unable = lower_nodes(model.graph.node, ctx)
    for name in outputs:
        ctx.ensure_tensor(name)
        ir.outputs.append(name)
    return ir, unable


def lower_nodes(nodes: Any, ctx: Any) -> list[str]:
    """Add what each node becomes to the ModelIR; which ones cannot be lowered, as `build` tells them.

    Args:
        nodes: in running order.
        ctx: onnx2tf's context.
    """
    from onnx2tf.tflite_builder.core.node import NodeView
    from onnx2tf.tflite_builder.core.shape_readiness import reconcile_shape_sensitive_inputs_on_demand
    from onnx2tf.tflite_builder.dispatcher import dispatch_node
    from onnx2tf.tflite_builder.op_families.constant import lower_constant_node

    unable = []
    for node in nodes:
        if node.op_type == "Constant":
            lower_constant_node(node=node, ctx=ctx)
            continue
        view = NodeView(node, shape_map=ctx.shape_map, dtype_map=ctx.dtype_map)
        try:
            reconcile_shape_sensitive_inputs_on_demand(node=view, ctx=ctx)
            dispatch_node(view, ctx)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of this node, and others are judged as well
            # Only whoever reads the log can do something with its words.
            sys.stderr.write(f"{node.op_type} {node.name!r}: {type(error).__name__}: {error}\n")
            unable.append(node.name or node.output[0])
            for name in filter(None, node.output):
                ctx.ensure_tensor(name)  # for what reads it
    return unable


def given_weights(model: Any, weights: dict[str, Any]) -> dict[str, Any]:
    """Weights by name; those of a single axis are put into the model instead.

    Args:
        model: declares them as inputs, for whatever looks at shapes; it loses those that are put into it.
        weights: all of them.
    """
    from onnx import numpy_helper

    found = {}
    for name, values in weights.items():
        if values.ndim > 1:
            found[name] = values
        else:  # parameters of normalizations, which are computed with below
            model.graph.initializer.append(numpy_helper.from_array(values, name))
    inside = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in inside]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return found


def take_out(ir: Any) -> dict[str, Any]:
    """Large constants by tensor name behind a slash; the model loses them, and those that nothing reads."""
    import numpy as np

    read = {name for op in ir.operators for name in op.inputs}
    found = {}
    for name, tensor in ir.tensors.items():
        data, tensor.data = tensor.data, None
        if not isinstance(data, np.ndarray) or data.nbytes < LARGE or data.dtype.kind not in "fiub":
            tensor.data = data
        elif name in read:
            found[f"/{name}"] = data
    return found


def spell_out_batchnorm(model: Any) -> None:
    """BatchNormalization(x) -> Add(Mul(x, [C, 1, ..]), [C, 1, ..]), where its parameters are constants.

    onnx2tf's own builder guesses the channel axis from extents and errs where channels, height and width are equal.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    constants = {c.name: c for c in model.graph.initializer}
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in values}
    nodes = []
    for node in model.graph.node:
        rank = ranks.get(node.input[0], ranks.get(node.output[0], 0)) if node.input else 0
        known = node.op_type == "BatchNormalization" and all(name in constants for name in node.input[1:5])
        if not known or rank < 2:
            nodes.append(node)
            continue
        scale, bias, mean, variance = (numpy_helper.to_array(constants[n]).astype(np.float64) for n in node.input[1:5])
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        product = f"{node.output[0]}/scaled"
        operands = {f"{node.output[0]}/factor": factor, f"{node.output[0]}/offset": bias - mean * factor}
        for name, array in operands.items():
            shaped = array.astype(np.float32).reshape(-1, *[1] * (rank - 2))
            model.graph.initializer.append(numpy_helper.from_array(shaped, name))
        factor_name, offset_name = operands
        nodes.append(helper.make_node("Mul", [node.input[0], factor_name], [product], name=node.name))
        nodes.append(helper.make_node("Add", [product, offset_name], [node.output[0]], name=node.name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def spell_out_ceil_mode(model: Any) -> None:
    """AveragePool(x), ceil_mode=1 -> Mul(AveragePool(Pad(x)), window / pixels that count), on two spatial axes.

    onnx2tf's builder counts the pixels wrongly that ceil_mode puts behind the end: ONNX counts none of them.
    """
    from onnx import helper

    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    nodes = []
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        before = shapes.get(node.input[0], []) if node.input else []
        after = shapes.get(node.output[0], [])
        if node.op_type == "AveragePool" and attributes.get("ceil_mode") and len(before) == len(after) == 4:
            nodes += padded_average(model, node, attributes, before[2:], after[2:])
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def padded_average(model: Any, node: Any, attributes: dict[str, Any], before: list[int], after: list[int]) -> list[Any]:
    """The three nodes that an AveragePool with ceil_mode becomes; their constants go into the model.

    Args:
        model: gets the constants.
        node: the AveragePool.
        attributes: its attributes by name.
        before: [H, W] of its input.
        after: [H, W] of its output.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1, 1])
    pads = attributes.get("pads", [0, 0, 0, 0])
    padding_counts = float(attributes.get("count_include_pad", 0))
    fronts, backs, shares = [], [], []
    for axis in (0, 1):
        front, declared = pads[axis], pads[axis + 2]
        reached = (after[axis] - 1) * strides[axis] + kernel[axis] - before[axis] - front
        back = max(reached, declared)
        row = [padding_counts] * front + [1.0] * before[axis] + [padding_counts] * declared + [0.0] * (back - declared)
        starts = [i * strides[axis] for i in range(after[axis])]
        shares.append(np.array([sum(row[start : start + kernel[axis]]) for start in starts]))
        fronts.append(front)
        backs.append(back)
    name = node.output[0]
    constants = {
        f"{name}/pads": np.array([0, 0, *fronts, 0, 0, *backs], np.int64),
        f"{name}/correction": (np.prod(kernel) / np.multiply.outer(*shares)).astype(np.float32)[None, None],
    }
    model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    window = {"kernel_shape": kernel, "strides": strides}
    return [
        helper.make_node("Pad", [node.input[0], f"{name}/pads"], [f"{name}/padded"], node.name),
        helper.make_node("AveragePool", [f"{name}/padded"], [f"{name}/mean"], node.name, **window),
        helper.make_node("Mul", [f"{name}/mean", f"{name}/correction"], [name], node.name),
    ]


def lower(_facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """`model` -> `file`, a TFLite one, and which ONNX value and node each of its tensors and operators stands for.

    Or only `unable`: nodes that cannot be lowered, as `build` tells them.

    Large weights come beside the model, and large constants go beside the file, by their names behind a slash.
    """
    import numpy as np
    import onnx
    from onnx2tf.tflite_builder.model_writer import serialize_model
    from onnx2tf.tflite_builder.schema import schema_generated

    model = onnx.load_model_from_string(arrays["model"].tobytes())
    ir, unable = build(
        model, given_weights(model, {name[1:]: value for name, value in arrays.items() if name[0] == "/"})
    )
    if unable:
        return {"unable": unable}, {}
    constants = take_out(ir)
    content = serialize_model(schema_tflite=vars(schema_generated), model_ir=ir)
    values = {t.name: t.onnx_tensor_name for t in ir.tensors.values() if t.onnx_tensor_name}
    moves = [op for op in ir.operators if op.op_type == "TRANSPOSE" and op.outputs[0] in values]
    correspondence = {
        "inputs": ir.inputs,
        "outputs": ir.outputs,
        "values": values,
        "moved": {op.inputs[0]: values[op.outputs[0]] for op in moves if op.inputs[0] not in values},
        "nodes": {o: op.onnx_node_name for op in ir.operators for o in op.outputs if op.onnx_node_name},
    }
    return correspondence, {"file": np.frombuffer(content, np.uint8), **constants}


def libraries(_facts: Facts, _arrays: Arrays) -> tuple[Facts, Arrays]:
    """`interpreter` that this runs under, and `libraries`: versions of those that lowering depends on."""
    from importlib.metadata import version

    return {"interpreter": sys.executable, "libraries": {name: version(name) for name in DECISIVE}}, {}


TASKS: Mapping[str, Task] = {"libraries": libraries, "lower": lower}
