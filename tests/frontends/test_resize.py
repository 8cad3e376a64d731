"""Another input size for a model of static shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.error_ids import raises_error
from tests.frontends.support import build, conv, node, read, run, value

if TYPE_CHECKING:
    import onnx

ONES = np.ones((4, 3, 3, 3), np.float32)


def headed(*head: onnx.NodeProto, **weights: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> onnx.ModelProto:
    """A convolution of [1, 3, 8, 8] to c, and a head from c to y."""
    nodes = [node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]), *head]
    return build(nodes, [value("x", (1, 3, 8, 8))], [value("y", None)], {"w": ONES, **weights})


def test_a_fully_convolutional_model_takes_another_size() -> None:
    model = read(conv(), x=(1, 3, 16, 12))
    assert model.signature.outputs[0].shape == (1, 4, 16, 12)
    assert run(model)[0].shape == (1, 4, 16, 12)


def test_stale_shapes_in_the_file_are_not_kept() -> None:
    proto = conv()
    proto.graph.value_info.append(value("c", (1, 4, 8, 8)))
    proto.graph.output[0].CopyFrom(value("y", (1, 4, 8, 8)))
    shapes = {v.name: v.shape for n in read(proto, x=(1, 3, 5, 5)).graph.graph for v in n.outputs}
    assert {name: shape.numpy() for name, shape in shapes.items() if shape} == {"c": (1, 4, 5, 5), "y": (1, 4, 5, 5)}


def test_a_fixed_flatten_is_named_that_would_turn_a_larger_picture_into_a_larger_batch() -> None:
    proto = headed(
        node("Reshape", ["c", "s"], ["f"], name="flat"),
        node("MatMul", ["f", "k"], ["y"], name="fc"),
        s=np.array([-1, 256]),
        k=np.ones((256, 5), np.float32),
    )
    with raises_error("shape-resize-impossible", "Reshape 'flat'", "[4, 256]") as caught:
        read(proto, x=(1, 3, 16, 16))
    assert "--input-shape x=1,3,16,16: the model cannot be re-sized from [1, 3, 8, 8]" in str(caught.value)
    assert "fixed target [-1, 256]" in str(caught.value)


def test_weights_for_a_fixed_number_of_inputs_are_named() -> None:
    proto = headed(
        node("Flatten", ["c"], ["f"], name="flat"),
        node("Gemm", ["f", "k"], ["y"], name="fc"),
        k=np.ones((256, 5), np.float32),
    )
    with raises_error("shape-resize-impossible", "Gemm 'fc'", "[256, 5]"):
        read(proto, x=(1, 3, 16, 16))


def test_a_reshape_that_only_running_reveals_is_named() -> None:
    proto = headed(node("Reshape", ["c", "s"], ["y"], name="heads"), s=np.array([1, 2, 2, 64]))
    with raises_error("shape-resize-impossible", "Reshape 'heads'", "[1, 2, 2, 64]"):
        read(proto, x=(1, 3, 16, 16))


def test_the_resize_that_pins_a_sum_is_named_and_no_innocent_reshape() -> None:
    """The gate's Reshape has a fixed target too, but its size does not change with the picture's."""
    proto = headed(
        node("GlobalAveragePool", ["c"], ["g"]),
        node("Reshape", ["g", "gate"], ["h"], name="gate"),
        node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["p", "", "", "sizes"], ["u"], name="up"),
        node("Mul", ["c", "h"], ["m"]),
        node("Add", ["m", "u"], ["y"], name="sum"),
        gate=np.array([1, 4, 1, 1]),
        sizes=np.array([1, 4, 8, 8]),
    )
    with raises_error("shape-resize-impossible", "Add 'sum'") as caught:
        read(proto, x=(1, 3, 16, 16))
    assert str(caught.value).endswith("Resize 'up' has the fixed target [1, 4, 8, 8]")


def test_other_channels_do_not_fit_the_weights() -> None:
    with raises_error("shape-resize-impossible", "Conv 'conv'"):
        read(conv(), x=(1, 4, 8, 8))


def test_a_symbolic_model_that_does_not_work_at_the_size_asked_for_is_a_shape_error() -> None:
    nodes = [
        node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["p", "", "twice"], ["u"]),
        node("Add", ["x", "u"], ["y"], name="sum"),
    ]
    weights = {"twice": np.array([1, 1, 2, 2], np.float32)}
    proto = build(nodes, [value("x", ("N", 3, "H", "W"))], [value("y", None)], weights)
    assert read(proto, x=(1, 3, 8, 8)).signature.outputs[0].shape == (1, 3, 8, 8)
    with raises_error("shape-misfit", "--input-shape x=1,3,7,7: ", "sum"):
        read(proto, x=(1, 3, 7, 7))


def test_a_model_that_never_fitted_together_is_a_model_error() -> None:
    proto = build(
        [node("MatMul", ["x", "k"], ["y"], name="fc")],
        [value("x", (1, 4))],
        [value("y", None)],
        {"k": np.ones((5, 2), np.float32)},
    )
    with raises_error("operands-misfit", "fc"):
        read(proto)


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("name", "entry", "shape", "found"),
    [
        ("sr_fsrcnn_x2", "input", (1, 1, 60, 80), (1, 1, 120, 160)),
        ("text_ppocrv5_det", "in0", (1, 3, 160, 96), (1, 1, 160, 96)),
        ("imagenet_mnv2_torch", "input", (1, 3, 192, 192), (1, 1000)),
    ],
)
def test_networks_that_allow_it_are_re_sized(zoo, name, entry, shape, found) -> None:  # type: ignore[no-untyped-def]
    model = read(zoo / name / "model.onnx", **{entry: shape})
    assert (model.signature.inputs[0].shape, model.signature.outputs[0].shape) == (shape, found)


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("name", "entry", "shape", "told"),
    [
        ("det_yolov5n_axis", "input", (1, 3, 320, 320), ("shape-resize-impossible", "[1, 132, 40, 40]")),
        (
            "face_retinaface_mnet025",
            "input",
            (1, 3, 256, 256),
            ("shape-resize-impossible", "Resize '/fpn/Resize'", "[1, 64, 20, 20]"),
        ),
        ("kws_kwt1", "input", (1, 1, 49, 40), ("shape-resize-impossible", "Reshape '/Reshape'", "[1, 98, 40]")),
        (
            "vww_mobilenetv1_025",
            "input",
            (1, 3, 192, 192),
            ("shape-resize-impossible", "Reshape 'model/flatten/Reshape'", "[4, 256]"),
        ),
        ("cifar_resnet20", "input", (1, 3, 64, 64), ("shape-resize-impossible", "Gemm '/linear/Gemm'", "[10, 64]")),
    ],
)
def test_networks_that_do_not_allow_it_say_what_pins_them(zoo, name, entry, shape, told) -> None:  # type: ignore[no-untyped-def]
    with raises_error(*told):
        read(zoo / name / "model.onnx", **{entry: shape})
