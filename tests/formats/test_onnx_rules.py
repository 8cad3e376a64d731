"""ONNX's own rules, asked in a process of their own."""

from __future__ import annotations

from dlpuconv.formats.onnx_rules import infer_node
from tests.frontends.support import build, node, value


def test_nothing_is_told_of_a_node_on_which_onnx_itself_fails() -> None:
    """There is no type 0."""
    assert infer_node(build([node("Cast", ["x"], ["y"], to=0)], [value("x", [1, 4])], [])) == {}
