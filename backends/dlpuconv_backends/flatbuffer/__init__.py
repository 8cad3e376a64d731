"""TFLite graphs in memory, shared by the backends that lower through one."""

from dlpuconv_backends.flatbuffer.codec import decode, encode, encoded
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor, content_key

__all__ = ["Graph", "Operator", "Tensor", "content_key", "decode", "encode", "encoded"]
