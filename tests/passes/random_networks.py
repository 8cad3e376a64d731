"""Random convolutional networks, of the operators and the oddities that exporters leave."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.ir import Model, Source

if TYPE_CHECKING:
    import numpy.typing as npt

type Shape = tuple[int, int, int, int]

_KINDS = (
    "add",
    "average",
    "bn",
    "channel_slice",
    "clip",
    "concat",
    "conv",
    "conv_transpose",
    "depthwise",
    "factor",
    "gate",
    "gather",
    "grouped",
    "identity",
    "map_factor",
    "max",
    "mean",
    "pad",
    "pixel_shuffle",
    "quotient",
    "resize",
    "shuffle",
    "split",
    "stride",
    "subtract",
    "summand",
    "transposed",
    "unary",
)


class Network:
    """A random network; the same seed gives the same one.

    Args:
        seed: of the structure and of the weights.
    """

    def __init__(self, seed: int) -> None:
        self._choose = random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        extents = (self._choose.choice([3, 4, 6]), self._choose.choice([8, 9, 12]), self._choose.choice([8, 10, 12]))
        self._values: list[tuple[str, Shape]] = [("x", (1, *extents))]

    def build(self) -> Model:
        """The network, with one or two outputs."""
        while len(self._values) < 4 or self._choose.random() < 0.85:
            x, shape = self._choose.choice(self._values[-3:])
            made = getattr(self, f"_{self._choose.choice(_KINDS)}")(x, shape)
            if made is not None:
                self._values.append(made)
        outputs = dict([self._values[-1], self._choose.choice(self._values[1:])])
        graph = helper.make_graph(
            self._nodes,
            "random",
            [helper.make_tensor_value_info(*self._values[0][:1], TensorProto.FLOAT, self._values[0][1])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self._constants,
        )
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        return Model(graph=onnx_ir.from_proto(proto), source=Source(name="random", sha256=""))

    def _op(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"v{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, f"node{len(self._nodes)}", **attributes))
        return names[0]

    def _constant(self, array: npt.ArrayLike) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def _floats(self, *shape: int) -> str:
        return self._constant((self._numbers.standard_normal(shape) / 2).astype(np.float32))

    def _ints(self, *values: int) -> str:
        return self._constant(np.asarray(values, np.int64))

    def _by_channel(self, channels: int) -> str:
        return self._floats(*self._choose.choice([(channels, 1, 1), (1, channels, 1, 1), (), (1,)]))

    def _conv(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        kernel, stride, out = (
            self._choose.choice([1, 3]),
            self._choose.choice([1, 1, 2]),
            self._choose.choice([4, 6, 8]),
        )
        pad = self._choose.choice([0, kernel // 2])
        height, width = ((e + 2 * pad - kernel) // stride + 1 for e in s[2:])
        if height < 1 or width < 1:
            return None
        bias = [self._floats(out)] if self._choose.random() < 0.5 else []
        weight = self._floats(out, s[1], kernel, kernel)
        y = self._op("Conv", x, weight, *bias, pads=[pad] * 4, strides=[stride] * 2)
        return y, (1, out, height, width)

    def _depthwise(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Conv", x, self._floats(s[1], 1, 3, 3), group=s[1], pads=[1] * 4), s

    def _grouped(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[1] % 2:
            return None
        return self._op("Conv", x, self._floats(6, s[1] // 2, 1, 1), self._floats(6), group=2), (1, 6, *s[2:])

    def _conv_transpose(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[2] > 16:
            return None
        return self._op("ConvTranspose", x, self._floats(s[1], 4, 2, 2), strides=[2, 2]), (1, 4, 2 * s[2], 2 * s[3])

    def _bn(self, x: str, s: Shape) -> tuple[str, Shape]:
        variance = self._constant(self._numbers.uniform(0.5, 2, s[1]).astype(np.float32))
        return self._op("BatchNormalization", x, *(self._floats(s[1]) for _ in range(3)), variance), s

    def _unary(self, x: str, s: Shape) -> tuple[str, Shape]:
        kind = self._choose.choice(["Relu", "Relu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "LeakyRelu", "Elu"])
        return self._op(kind, x), s

    def _clip(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Clip", x, self._constant(np.float32(0)), self._constant(np.float32(6))), s

    def _pad(self, x: str, s: Shape) -> tuple[str, Shape]:
        a, b, c, d = (self._choose.randint(0, 2) for _ in range(4))
        return self._op("Pad", x, self._ints(0, 0, a, b, 0, 0, c, d)), (1, s[1], s[2] + a + c, s[3] + b + d)

    def _factor(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Mul", *self._choose.sample([x, self._by_channel(s[1])], 2)), s

    def _summand(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Add", *self._choose.sample([x, self._by_channel(s[1])], 2)), s

    def _subtract(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Sub", *self._choose.sample([x, self._by_channel(s[1])], 2)), s

    def _quotient(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Div", x, self._constant(self._numbers.uniform(0.5, 2, (s[1], 1, 1)).astype(np.float32))), s

    def _map_factor(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Mul", x, self._floats(*s[2:])), s

    def _concat(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        other, shape = self._choose.choice([v for v in self._values if v[1][2:] == s[2:]])
        if s[1] + shape[1] > 32:
            return None
        return self._op("Concat", x, other, axis=1), (1, s[1] + shape[1], *s[2:])

    def _add(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Add", x, self._choose.choice([name for name, shape in self._values if shape == s])), s

    def _shuffle(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[1] % 2:
            return None
        groups = self._choose.choice([2, s[1] // 2])
        five = self._op("Reshape", x, self._ints(1, groups, s[1] // groups, *s[2:]))
        turned = self._op("Transpose", five, perm=[0, 2, 1, 3, 4])
        return self._op("Reshape", turned, self._ints(1, -1, *s[2:])), s

    def _channel_slice(self, x: str, s: Shape) -> tuple[str, Shape]:
        start = self._choose.randint(0, s[1] - 1)
        end = self._choose.randint(start + 1, s[1])
        y = self._op("Slice", x, self._ints(start), self._ints(end), self._ints(1))
        return y, (1, end - start, *s[2:])

    def _split(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[1] % 2:
            return None
        half = s[1] // 2
        y = self._op("Split", x, self._ints(half, half), outputs=2, axis=1)
        self._values.append((y[:-1] + "1", (1, half, *s[2:])))
        return y, (1, half, *s[2:])

    def _transposed(self, x: str, s: Shape) -> tuple[str, Shape]:
        y = self._op(self._choose.choice(["Relu", "Sigmoid"]), self._op("Transpose", x, perm=[0, 2, 3, 1]))
        if self._choose.random() < 0.5:
            y = self._op("Add", y, self._floats(s[1]))
        return self._op("Transpose", y, perm=[0, 3, 1, 2]), s

    def _max(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        pad = self._choose.choice([0, 1])
        height, width = ((e + 2 * pad - 3) // 2 + 1 for e in s[2:])
        if height < 1 or width < 1:
            return None
        y = self._op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[pad] * 4)
        return y, (1, s[1], height, width)

    def _average(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if min(s[2:]) < 3:
            return None
        pad, counts = self._choose.choice([0, 1]), self._choose.choice([0, 1])
        y = self._op("AveragePool", x, kernel_shape=[3, 3], pads=[pad] * 4, count_include_pad=counts)
        return y, (1, s[1], s[2] + 2 * pad - 2, s[3] + 2 * pad - 2)

    def _mean(self, x: str, s: Shape) -> tuple[str, Shape]:
        if self._choose.random() < 0.5:
            return self._op("GlobalAveragePool", x), (1, s[1], 1, 1)
        flat = self._op("ReduceMean", x, self._ints(2, 3), keepdims=0)
        return self._op("Reshape", flat, self._ints(1, s[1], 1, 1)), (1, s[1], 1, 1)

    def _gate(self, x: str, s: Shape) -> tuple[str, Shape]:
        squeezed = self._op("Conv", self._op("GlobalAveragePool", x), self._floats(s[1], s[1], 1, 1))
        return self._op("Mul", x, self._op(self._choose.choice(["Sigmoid", "HardSigmoid"]), squeezed)), s

    def _resize(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[2] > 16:
            return None
        scales = self._constant(np.asarray([1, 1, 2, 2], np.float32))
        y = self._op("Resize", x, "", scales, mode=self._choose.choice(["nearest", "linear"]))
        return y, (1, s[1], 2 * s[2], 2 * s[3])

    def _gather(self, x: str, s: Shape) -> tuple[str, Shape]:
        order = self._choose.sample(range(s[1]), self._choose.choice([s[1], max(1, s[1] // 2)]))
        return self._op("Gather", x, self._ints(*order), axis=1), (1, len(order), *s[2:])

    def _stride(self, x: str, s: Shape) -> tuple[str, Shape]:
        y = self._op("Slice", x, self._ints(0, 0), self._ints(99, 99), self._ints(2, 3), self._ints(2, 2))
        shape: Shape = (1, s[1], (s[2] + 1) // 2, (s[3] + 1) // 2)
        if self._choose.random() < 0.5:
            return y, shape
        return self._op("Pad", y, self._ints(0, 1, 0, 0, 0, 2, 0, 0)), (1, s[1] + 3, *shape[2:])

    def _pixel_shuffle(self, x: str, s: Shape) -> tuple[str, Shape] | None:
        if s[1] % 4 or s[2] > 16:
            return None
        y = self._op("DepthToSpace", x, blocksize=2, mode=self._choose.choice(["CRD", "DCR"]))
        return y, (1, s[1] // 4, 2 * s[2], 2 * s[3])

    def _identity(self, x: str, s: Shape) -> tuple[str, Shape]:
        return self._op("Identity", x), s
