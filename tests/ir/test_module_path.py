from __future__ import annotations

import pytest

from dlpuconv.ir.module_path import module_paths


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
    assert module_paths(name, "", ()) == ((module,) if module else ())


def test_torch_s_exporter_writes_the_module_beside_the_node() -> None:
    scopes = "['', 'features', 'features.0', 'features.0.0', 'conv2d']"
    assert module_paths("node_conv2d", scopes, ()) == ("features.0.0",)


@pytest.mark.parametrize(
    "text", ["", "[", "{'a': 1}", "__import__('os')", "[" * 5000, f"[{'0,' * 99999}'a', 'b']", "['']", "[1, 2]"]
)
def test_scopes_that_are_no_list_of_names_tell_nothing(text: str) -> None:
    assert module_paths("n", text, ()) == ()


def test_a_convolution_with_its_batch_norm_folded_in_is_of_the_module_that_its_weights_are_of() -> None:
    scopes = "['', 'stem', 'stem.1', '_native_batch_norm_legit_no_training']"
    assert module_paths("node_Conv_7", scopes, ("stem.0.weight", "stem.0.weight_bias")) == ("stem.0", "stem.1")
