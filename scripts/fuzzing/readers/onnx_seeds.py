"""Sound ONNX models to be damaged: small networks as text, random ones, and the operators' own test models of onnx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

_LARGEST = 20_000
_RANDOM_NETWORKS = 40
_HEAD = '<ir_version: 8, opset_import: ["" : 17, "mine" : 1, "com.microsoft" : 1]>'
_NETWORKS = """
g (float[1,3,8,8] x) => (float[1,2,8,8] y) <float[2,3,1,1] w = {1,2,3,4,5,6}, float[2] b = {1,2}>
{ c = Conv <pads = [0,0,0,0]> (x, w, b)  r = Relu (c)  y = HardSwish (r) }

g (float[1,3,8,8] x) => (float[1,2] y) <float[3] s = {1,2,3}, float[3,2] w = {1,2,3,4,5,6}>
{ n = BatchNormalization (x, s, s, s, s)  p = GlobalAveragePool (n)  f = Flatten (p)  y = MatMul (f, w) }

g (float[1,3,8,8] x) => (float[1,3,16,16] y) <float[4] s = {1,1,2,2}, float[0] r = {}>
{ y = Resize <mode = "nearest"> (x, r, s) }

g (float[1,4,8,8] x) => (float[1,1,16,16] y) <int64[8] p = {0,0,1,1,0,0,1,1}>
{ d = DepthToSpace <blocksize = 2> (x)  q = Pad (d, p)  m = MaxPool <kernel_shape = [3,3]> (q)  y = Sigmoid (m) }

g (float[1,4] x) => (float[1,4] y) <bool t = {1}>
{ y = If (t) <then_branch = a () => (float[1,4] o) { o = Neg (x) },
              else_branch = b () => (float[1,4] o) { o = Abs (x) }> }

g (float[1,4] x) => (float[1,4] y) <int64 n = {3}, bool t = {1}>
{ y = Loop (n, t, x) <body = l (int64 i, bool k, float[1,4] v) => (bool j, float[1,4] w)
                             { j = Identity (k)  w = Add (v, v) }> }

g (float[1,4] x) => (float[1,4] y) <float s = {0.1}, uint8 z = {128}>
{ q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, s, z) }

g (float[1,3,4,4] x) => (float[1,2,4,4] y)
<int8[2,3,1,1] w = {1,2,3,4,5,6}, float[2] s = {0.1,0.2}, int8[2] z = {0,0}>
{ d = DequantizeLinear <axis = 0> (w, s, z)  y = Conv (x, d) }

g (float[1,3,4,4] x) => (float[1,2,4,4] y)
<float s = {0.1}, uint8 z = {8}, int8[2,3,1,1] w = {1,2,3,4,5,6}, float[2] t = {0.1,0.2}, int8[2] n = {0,0},
 int32[2] b = {7,-8}, float[2] u = {0.01,0.02}, int32[2] o = {0,0}, uint8 l = {8}, uint8 h = {200}>
{ q = QuantizeLinear (x, s, z)  k = Clip (q, l, h)  d = DequantizeLinear (k, s, z)
  v = DequantizeLinear <axis = 0> (w, t, n)  a = DequantizeLinear <axis = 0> (b, u, o)
  c = Conv (d, v, a)  r = Relu (c)  e = QuantizeLinear (r, s, z)  y = DequantizeLinear (e, s, z) }

g (float[1,2,4,4] x) => (float[1,2,4,4] y) <float s = {0.1}, uint8 z = {128}, float[2] g = {0.5,-2}, float[2] m = {1,2}>
{ q = QuantizeLinear (x, s, z)  d = DequantizeLinear (q, s, z)  n = BatchNormalization (d, g, m, m, m)
  e = QuantizeLinear (n, s, z)  p = MaxPool <kernel_shape = [1,1]> (e)  t = Concat <axis = 1> (p, e)
  f = DequantizeLinear (t, s, z)  h, y = Split <axis = 1> (f) }

g (float[1,3,4,4] x) => (float[1,2,4,4] y)
<float s = {0.1}, uint8 z = {8}, int8[2,3,1,1] w = {1,2,3,4,5,6}, int8 n = {0}, int32[2] b = {7,-8}>
{ q = QuantizeLinear (x, s, z)  c = QLinearConv (q, s, z, w, s, n, s, z, b)
  a = com.microsoft.QLinearAdd (c, s, z, c, s, z, s, z)  y = DequantizeLinear (a, s, z) }

g (float[1,4] x) => (float[1,2] y) <int8[4,2] w = {1,2,3,4,5,6,7,8}, int8 z = {0}, float[2] t = {0.1,0.2}>
{ q, s, n = DynamicQuantizeLinear (x)  m = MatMulInteger (q, w, n, z)  f = Cast <to = 1> (m)  u = Mul (s, t)
  y = Mul (f, u) }

g (float[N,3,H,8] x) => (float[N,3,H,8] y)
{ s = Shape (x)  r = Reshape (x, s)  y = Softmax <axis = 1> (r) }

g (float[1,4] x) => (float[1,4] y)
{ a = mine.D (x)  y = mine.D (a) }
<domain: "mine", opset_import: ["" : 17]> D (a) => (b) { b = Add (a, a) }

g (float[1,4] x) => (float[1,4] y)
{ y = mine.E <k = 2> (x) }
<domain: "mine", opset_import: ["" : 17, "mine" : 1]>
D <k> (a) => (b) { c = Constant <value_int: int = @k> ()  f = Cast <to = 1> (c)  b = Mul (a, f) }
<domain: "mine", opset_import: ["" : 17, "mine" : 1]>
E <k> (a) => (b) { b = mine.D <k: int = @k> (a) }

g (float[1,6,4,4] x) => (float[1,6,4,4] y) <int64[5] s = {1,2,3,4,4}, int64[4] t = {1,6,4,4}>
{ a = Reshape (x, s)  b = Transpose <perm = [0,2,1,3,4]> (a)  y = Reshape (b, t) }

g (float[1,4,8] x) => (float[1,4,8] y) <float[8] s = {1,1,1,1,1,1,1,1}>
{ n = LayerNormalization (x, s, s)  t = Transpose <perm = [0,2,1]> (n)  m = MatMul (n, t)
  p = Softmax (m)  v = MatMul (p, n)  y = Add (v, x) }

g (float[3,1,2] x) => (float[3,1,1,2] y)
<float[1,8,2] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}, float[1,8,2] r = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}>
{ y = LSTM <hidden_size = 2> (x, w, r) }

g (float[1,3,8,8] x) => (float[1,3,4,4] y) <int64[2] a = {2,2}, int64[2] e = {6,6}, int64[2] i = {2,3}>
{ c = Clip (x)  y = Slice (c, a, e, i) }

g (float[1,2,4,4] x) => (float[1,1,8,8] y) <float[2,1,2,2] w = {1,2,3,4,5,6,7,8}>
{ y = ConvTranspose <strides = [2,2]> (x, w) }

g (float[1,8] x) => (float[1,4] y, int64[1,1] z) <int64[2] s = {4,4}>
{ y, b = Split <axis = 1> (x, s)  z = ArgMax <axis = 1> (b) }

g (float16[1,4] x) => (float16[1,4] y) <float16[4] w = {1,2,3,4}>
{ y = Mul (x, w) }

g (int64[2] x, float[1,4] v) => (float[1,4] y)
{ k = ConstantOfShape <value = float[1] {1}> (x)  e = Expand (v, x)  y = Add (v, k) }
"""


class Seeds:
    """Models to start from, each a copy of its own; `operators` are names of ONNX's."""

    def __init__(self) -> None:
        import onnx

        from tests.passes.random_networks import Network

        written = [onnx.parser.parse_model(f"{_HEAD} {text}") for text in _NETWORKS.split("\n\n")]
        self._written = [model.SerializeToString() for model in (*written, _sparse())]
        self._networks = [Network(seed).build().to_bytes() for seed in range(_RANDOM_NETWORKS)]
        data = Path(onnx.__file__).parent / "backend" / "test" / "data"
        self._files = sorted(data.glob("*/*/model.onnx"))
        self.operators = sorted({schema.name for schema in onnx.defs.get_all_schemas()})

    def choose(self, rng: Random) -> Any:
        """A model."""
        import onnx

        if rng.random() < 0.15:
            return onnx.ModelProto.FromString(rng.choice(self._networks))
        if self._files and rng.random() < 0.6:
            content = rng.choice(self._files).read_bytes()
            if len(content) < _LARGEST:
                return onnx.ModelProto.FromString(content)
        return onnx.ModelProto.FromString(rng.choice(self._written))


def _sparse() -> Any:
    """A model with a sparse initializer and a sparse constant, which have no text."""
    import numpy as np
    import onnx

    def tensor(name: str) -> Any:
        values = onnx.numpy_helper.from_array(np.array([1, 2], np.float32), name)
        return onnx.helper.make_sparse_tensor(values, onnx.numpy_helper.from_array(np.array([0, 3])), [1, 4])

    text = f"{_HEAD} g (float[1,4] x) => (float[1,4] y) {{ a = Add (x, w)  y = Mul (a, c) }}"
    model = onnx.parser.parse_model(text)
    model.graph.sparse_initializer.append(tensor("w"))
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["c"], sparse_value=tensor("")))
    return model
