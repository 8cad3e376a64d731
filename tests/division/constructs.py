"""Networks with an end that chips have no form for, as exporters write them: what users bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    type Nodes = Sequence[onnx.NodeProto]

FLOAT, INT32, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL
node = helper.make_node


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(sum(shape)).standard_normal(shape) * 0.3).astype(np.float32)


BODY = [
    node("Conv", ["x", "w"], ["c"], strides=[4, 4], name="stem"),
    node("Relu", ["c"], ["r"]),
    node("Conv", ["r", "wm"], ["m"], pads=[1] * 4, name="mix"),
    node("Relu", ["m"], ["f"]),
    node("Conv", ["f", "wb"], ["b4"], name="box"),
    node("Reshape", ["b4", "sb"], ["bt"]),
    node("Transpose", ["bt"], ["boxes"], perm=[0, 2, 1]),
    node("Conv", ["f", "ws"], ["s4"], name="score"),
    node("Sigmoid", ["s4"], ["sg"]),
    node("Reshape", ["sg", "ss"], ["scores"]),
    node("Transpose", ["scores"], ["scores_last"], perm=[0, 2, 1]),
]
"""A detector of 64 places: features f [1, 16, 8, 8], boxes [1, 64, 4], scores [1, 3, 64]."""

WEIGHTS = {
    "w": weights(16, 3, 4, 4), "wm": weights(16, 16, 3, 3), "wb": weights(4, 16, 1, 1), "ws": weights(3, 16, 1, 1),
    "sb": np.array([1, 4, 64]), "ss": np.array([1, 3, 64]),
}  # fmt: skip

K: Mapping[str, Any] = {"k": np.array([10]), "iou": np.array([0.5], "f"), "thr": np.array([0.3], "f")}


def network(
    nodes: Nodes, outputs: Mapping[str, tuple[int, Sequence[Any]]], constants: Mapping[str, Any], *domains: str
) -> onnx.ModelProto:
    """The detector with these operators behind it."""
    graph = helper.make_graph(
        [*BODY, *nodes],
        "net",
        [helper.make_tensor_value_info("x", FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in {**WEIGHTS, **constants}.items()],
    )
    imports = [helper.make_opsetid("", 19), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def nms() -> onnx.ModelProto:
    nodes = [node("NonMaxSuppression", ["boxes", "scores", "k", "iou", "thr"], ["kept"], name="nms")]
    return network(nodes, {"kept": (INT64, ["n", 3])}, K)


def nms_and_gather() -> onnx.ModelProto:
    """What torchvision's batched_nms becomes."""
    nodes = [
        node("NonMaxSuppression", ["boxes", "scores", "k", "iou", "thr"], ["kept"], name="nms"),
        node("Gather", ["kept", "two"], ["index"], axis=1),
        node("Gather", ["boxes", "index"], ["found"], axis=1),
        node("Gather", ["scores", "index"], ["of"], axis=2),
    ]
    return network(nodes, {"found": (FLOAT, [1, "n", 4]), "of": (FLOAT, [1, 3, "n"])}, {**K, "two": np.array(2)})


def top_k() -> onnx.ModelProto:
    """A CenterNet decoder: the best places, and rows and columns from their indices."""
    nodes = [
        node("Reshape", ["sg", "flat"], ["all"]),
        node("TopK", ["all", "ten"], ["best", "place"], axis=1),
        node("Mod", ["place", "eight"], ["column"]),
        node("Cast", ["column"], ["x0"], to=1),
        node("Div", ["place", "eight"], ["row"]),
        node("Cast", ["row"], ["y0"], to=1),
        node("Mod", ["place", "many"], ["where"]),
        node("GatherElements", ["bt_flat", "where"], ["size"], axis=1),
    ]
    nodes.insert(0, node("Reshape", ["bt", "flat"], ["bt_flat"]))
    constants = {"flat": [1, -1], "ten": [10], "eight": np.array([8]), "many": np.array([64])}
    shape = (FLOAT, [1, 10])
    return network(nodes, {"best": shape, "x0": shape, "y0": shape, "size": shape}, constants)


def max_unpool() -> onnx.ModelProto:
    nodes = [
        node("MaxPool", ["f"], ["p", "at"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "wu"], ["c2"], pads=[1] * 4),
        node("MaxUnpool", ["c2", "at"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    return network(nodes, {"y": (FLOAT, [1, 16, 8, 8])}, {"wu": weights(16, 16, 3, 3)})


def oriented_boxes() -> onnx.ModelProto:
    nodes = [
        node("Split", ["bt"], ["cx", "cy", "size", "angle"], axis=1, num_outputs=4),
        node("Cos", ["angle"], ["cos"], name="cosine"),
        node("Sin", ["angle"], ["sin"], name="sine"),
        node("Mul", ["cx", "cos"], ["xc"]),
        node("Mul", ["cy", "sin"], ["ys"]),
        node("Sub", ["xc", "ys"], ["turned"]),
        node("Concat", ["turned", "size", "scores"], ["y"], axis=1),
    ]
    return network(nodes, {"y": (FLOAT, [1, 5, 64])}, {})


def arg_max() -> onnx.ModelProto:
    nodes = [
        node("ArgMax", ["scores"], ["class"], axis=1, keepdims=0),
        node("Add", ["class", "one"], ["label"]),
        node("ReduceMax", ["scores", "axis"], ["score"], keepdims=0),
    ]
    outputs = {"label": (INT64, [1, 64]), "score": (FLOAT, [1, 64])}
    return network(nodes, outputs, {"one": np.array(1), "axis": [1]})


def roi_align() -> onnx.ModelProto:
    nodes = [node("RoiAlign", ["f", "rois", "batch"], ["y"], output_height=2, output_width=2, name="roi")]
    constants = {"rois": np.array([[0, 0, 4, 4]], "f"), "batch": np.array([0])}
    return network(nodes, {"y": (FLOAT, [1, 16, 2, 2])}, constants)


def deformable() -> onnx.ModelProto:
    nodes = [
        node("Conv", ["f", "wo"], ["offset"], pads=[1] * 4),
        node("DeformConv", ["f", "wd", "offset"], ["y"], pads=[1] * 4, kernel_shape=[3, 3], name="dcn"),
    ]
    return network(nodes, {"y": (FLOAT, [1, 1, 8, 8])}, {"wo": weights(18, 16, 3, 3), "wd": weights(1, 16, 3, 3)})


def grid_sample() -> onnx.ModelProto:
    nodes = [
        node("Conv", ["f", "wg"], ["g"]),
        node("Tanh", ["g"], ["t"]),
        node("Transpose", ["t"], ["grid"], perm=[0, 2, 3, 1]),
        node("GridSample", ["f", "grid"], ["y"], mode="nearest", padding_mode="zeros", name="sample"),
    ]
    return network(nodes, {"y": (FLOAT, [1, 16, 8, 8])}, {"wg": weights(2, 16, 1, 1)})


def loop() -> onnx.ModelProto:
    """A loop whose length depends on the scores, and which reads the boxes from outside."""
    body = helper.make_graph(
        [
            node("Identity", ["going"], ["on"]),
            node("Add", ["sum", "boxes"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", INT64, []),
            helper.make_tensor_value_info("going", BOOL, []),
            helper.make_tensor_value_info("sum", FLOAT, [1, 64, 4]),
        ],
        [helper.make_tensor_value_info("on", BOOL, []), helper.make_tensor_value_info("more", FLOAT, [1, 64, 4])],
    )
    nodes = [
        node("ReduceMax", ["scores"], ["peak"], keepdims=0),
        node("Mul", ["peak", "seven"], ["scaled"]),
        node("Cast", ["scaled"], ["turns"], to=7),
        node("Loop", ["turns", "", "zeros"], ["y"], body=body, name="loop"),
    ]
    return network(nodes, {"y": (FLOAT, [1, 64, 4])}, {"seven": np.array(7, "f"), "zeros": np.zeros((1, 64, 4), "f")})


def non_zero() -> onnx.ModelProto:
    nodes = [
        node("Greater", ["scores", "half"], ["sure"]),
        node("NonZero", ["sure"], ["which"], name="find"),
        node("Transpose", ["which"], ["places"], perm=[1, 0]),
        node("GatherND", ["scores", "places"], ["found"]),
    ]
    return network(nodes, {"places": (INT64, ["n", 3]), "found": (FLOAT, ["n"])}, {"half": np.array(0.5, "f")})


def branches() -> onnx.ModelProto:
    """An If that depends on the picture; its branches read values from outside."""
    then, other = (
        helper.make_graph([node(kind, ["boxes"], [made])], made, [], [helper.make_tensor_value_info(made, FLOAT, None)])
        for kind, made in (("Neg", "then"), ("Relu", "other"))
    )
    nodes = [
        node("ReduceMax", ["scores"], ["peak"], keepdims=0),
        node("Greater", ["peak", "half"], ["sure"]),
        node("If", ["sure"], ["y"], then_branch=then, else_branch=other, name="if"),
    ]
    return network(nodes, {"y": (FLOAT, [1, 64, 4])}, {"half": np.array(0.5, "f")})


def sequence() -> onnx.ModelProto:
    nodes = [
        node("SplitToSequence", ["boxes", "sixteen"], ["list"], axis=1, name="split"),
        node("SequenceAt", ["list", "one"], ["y"]),
    ]
    return network(nodes, {"y": (FLOAT, [1, 16, 4])}, {"sixteen": np.array(16), "one": np.array(1)})


def top_k_of_unknown_length() -> onnx.ModelProto:
    """As many as there are sure ones: the shape of what follows is known when it runs."""
    nodes = [
        node("Reshape", ["scores", "flat"], ["all"]),
        node("Greater", ["all", "half"], ["sure"]),
        node("Cast", ["sure"], ["ones"], to=7),
        node("ReduceSum", ["ones", "axis"], ["k"], keepdims=1),
        node("TopK", ["all", "k"], ["best", "at"], axis=0),
        node("Shape", ["best"], ["count"]),
    ]
    constants = {"flat": [-1], "half": np.array(0.5, "f"), "axis": [0]}
    return network(nodes, {"best": (FLOAT, ["n"]), "at": (INT64, ["n"]), "count": (INT64, [1])}, constants)


def of_tensorrt(domain: str) -> onnx.ModelProto:
    nodes = [node("EfficientNMS_TRT", ["boxes", "scores_last"], ["num", "det", "sc", "cls"], name="nms", domain=domain)]
    outputs = {"num": (INT32, [1, 1]), "det": (FLOAT, [1, 10, 4]), "sc": (FLOAT, [1, 10]), "cls": (INT32, [1, 10])}
    return network(nodes, outputs, {}, *filter(None, [domain]))


def of_mmdeploy() -> onnx.ModelProto:
    nodes = [node("TRTBatchedNMS", ["boxes", "scores_last"], ["det", "cls"], name="nms", domain="mmdeploy")]
    return network(nodes, {"det": (FLOAT, [1, 10, 5]), "cls": (INT32, [1, 10])}, {}, "mmdeploy")


RUNNING: Mapping[str, Callable[[], onnx.ModelProto]] = {
    "NonMaxSuppression": nms, "NonMaxSuppression and Gather": nms_and_gather, "TopK and index arithmetic": top_k,
    "MaxUnpool": max_unpool, "Sin and Cos of oriented boxes": oriented_boxes, "ArgMax and arithmetic": arg_max,
    "RoiAlign": roi_align, "DeformConv": deformable, "GridSample nearest": grid_sample, "Loop": loop,
    "NonZero": non_zero, "If": branches, "a sequence": sequence, "TopK of unknown length": top_k_of_unknown_length,
}  # fmt: skip
"""Those that ONNX Runtime runs."""

FOREIGN: Mapping[str, Callable[[], onnx.ModelProto]] = {
    "TensorRT": lambda: of_tensorrt("TRT"),
    "TensorRT without a domain": lambda: of_tensorrt(""),
    "mmdeploy": of_mmdeploy,
}
"""Those with operators of another runtime."""
