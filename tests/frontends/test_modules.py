from __future__ import annotations

import onnx_ir
import pytest

from dlpuconv.frontends.modules import module_names


def graph(name: str, **metadata: str) -> onnx_ir.Graph:
    node = onnx_ir.node("Relu", [onnx_ir.val("x")], name=name)
    node.outputs[0].name = "y"
    node.metadata_props.update(metadata)
    return onnx_ir.Graph([], node.outputs, nodes=[node])


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("/features/features.6/conv/conv.1/conv.1.0/Conv", "features.6.conv.1.0"),
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/classifier/Gemm", "classifier"),
        ("/Add", ""),
        ("Conv_13", ""),
        ("", ""),
    ],
)
def test_names_of_torch_s_older_exporter_hold_the_module(name: str, module: str) -> None:
    expected = {n: module for n in (name, "y") if n} if module else {}
    assert module_names(graph(name)) == expected


def test_torch_s_exporter_writes_the_module_beside_the_node() -> None:
    scopes = "['', 'features', 'features.0', 'features.0.0', 'conv2d']"
    found = module_names(graph("node_conv2d", **{"pkg.torch.onnx.name_scopes": scopes}))
    assert found == {"node_conv2d": "features.0.0", "y": "features.0.0"}


@pytest.mark.parametrize("text", ["", "[", "{'a': 1}", "__import__('os')", "[" * 5000, "['']", "[1, 2]"])
def test_scopes_that_are_no_list_of_names_tell_nothing(text: str) -> None:
    assert module_names(graph("n", **{"pkg.torch.onnx.name_scopes": text})) == {}
