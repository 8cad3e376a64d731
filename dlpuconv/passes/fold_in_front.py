"""x -> affine(p): operators in front of the network, so that it takes raw pixels. Exact.

For integer backends one 1x1 Conv: depthwise, or dense where channels are reordered as well. Its weights 1/std are
close to one another, so a single scale serves them, and its bias, which is int32, holds the means without loss.
For float backends Mul and Add, which every compiler knows how to fuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.source_names import ORIGIN

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor
    from dlpuconv.passes.fold_camera import Camera


def insert_convolution(editor: Editor, source: onnx_ir.Value, camera: Camera) -> None:
    """Conv 1x1: `x[k] = p[c] / std[c] - mean[c] / std[c]` with c the camera's channel of the network's channel k.

    Args:
        editor: of the graph, edited in place.
        source: the NCHW input.
        camera: what the input becomes.
    """
    channels, dtype = camera.spec.channels, np.dtype(camera.spec.dtype)
    c = camera.network_order()
    scale, mean = 1 / np.asarray(camera.std)[c], np.asarray(camera.mean)[c]
    if camera.order:
        weights, groups = np.zeros((channels, channels, 1, 1)), 1
        weights[np.arange(channels), c, 0, 0] = scale
    else:
        weights, groups = scale.reshape(channels, 1, 1, 1), channels
    inputs = [
        source,
        editor.constant(weights.astype(dtype), f"{source.name}_camera_scale"),
        editor.constant((-mean * scale).astype(dtype), f"{source.name}_camera_offset"),
    ]
    readers = _readers(source)
    node = editor.insert(editor.graph[0], "Conv", inputs, {"group": groups, "kernel_shape": [1, 1]})
    node.name = editor.unique(f"{source.name}_camera")  # not the name of the layer that happens to be next
    node.metadata_props.pop(ORIGIN)  # nor its origin
    node.outputs[0].name = editor.unique(f"{source.name}_normalized")
    _redirect(editor, source, readers, node.outputs[0])


def insert_arithmetic(editor: Editor, source: onnx_ir.Value, camera: Camera) -> None:
    """[Gather,] Mul, Add on the channel axis: the same affine for any layout.

    Args:
        editor: of the graph, edited in place.
        source: the input.
        camera: what the input becomes.
    """
    readers, first = _readers(source), editor.graph[0]
    c, along = camera.network_order(), [1, 1, 1, 1]
    along[camera.channel_axis] = camera.spec.channels
    value = source
    if camera.order:
        indices = editor.constant(np.asarray(c, np.int64), f"{source.name}_camera_order")
        value = editor.add(first, "Gather", [value, indices], {"axis": camera.channel_axis})
    scale = 1 / np.asarray(camera.std)[c]
    offset = -np.asarray(camera.mean)[c] * scale
    for operator, numbers, hint in (("Mul", scale, "scale"), ("Add", offset, "offset")):
        array = numbers.reshape(along).astype(np.dtype(camera.spec.dtype))
        value = editor.add(first, operator, [value, editor.constant(array, f"{source.name}_camera_{hint}")])
    _redirect(editor, source, readers, value)


def _readers(source: onnx_ir.Value) -> list[tuple[onnx_ir.Node, int]]:
    return [(use.node, use.idx) for use in source.uses()]


def _redirect(
    editor: Editor, source: onnx_ir.Value, readers: list[tuple[onnx_ir.Node, int]], value: onnx_ir.Value
) -> None:
    editor.renamed[str(source.name)] = str(value.name)
    for node, index in readers:
        node.replace_input_with(index, value)
