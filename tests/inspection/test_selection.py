"""Which layers a name, a glob or a number means, and from where a file's layers have their names."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.inspection.selection import read_named, select_layers
from dlpuconv.ir.layer_names import LayerNames
from tests.verification.tflite_models import healthy

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.formats import FileView


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(healthy())
    return path


def manifest_of(file: Path, layers: list[dict[str, Any]]) -> dict[str, Any]:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {
        "schema_version": 1, "dlpuconv": "0", "target": "artpec8", "files": [{"name": file.name, "sha256": digest}],
        "recipe": {"granularity": "per-tensor", "overrides": []}, "calibration": {"calibrated": True, "samples": 1},
        "inputs": [], "outputs": [], "source": {"name": "m", "sha256": ""}, "layers": layers,
    }  # fmt: skip


def told(tensor: str, module: str) -> dict[str, Any]:
    return {"name": module, "tensor": tensor, "nodes": ["/" + module], "modules": [module], "values": []}


def names(view: FileView) -> list[str]:
    return [layer.name for layer in view.layers]


def test_the_manifest_beside_a_file_tells_the_names_of_its_layers(file: Path) -> None:
    tensors = names(read_named(file))
    layers = [told(tensor, f"part.{i}") for i, tensor in enumerate(tensors)]
    file.with_suffix(".json").write_text(json.dumps(manifest_of(file, layers)))
    view = read_named(file)
    assert names(view) == [f"part.{i}" for i in range(len(tensors))]
    assert names(view.named([])) == names(view)
    for pattern in ("part.1", "/part.1", tensors[1]):
        assert [layer.index for layer in select_layers(view, [pattern])] == [1]
    assert select_layers(view, ["part"]) == view.layers


@pytest.mark.parametrize("text", ["not JSON", '{"schema_version": 1, "dlpuconv": "0", "files": 3}'])
def test_a_manifest_that_cannot_be_read_costs_the_names_only(file: Path, text: str) -> None:
    tensors = names(read_named(file))
    file.with_suffix(".json").write_text(text)
    assert names(read_named(file)) == tensors


def test_names_of_other_layers_are_not_given_to_a_file(file: Path) -> None:
    view = read_named(file)
    strange = [LayerNames(tensor=f"t{i}", modules=("m",)) for i in range(len(view.layers))]
    for layers in (strange, strange[1:], []):
        assert view.named(layers) == view


def test_a_number_means_the_module_of_that_name_and_with_a_hash_always_the_layer(file: Path) -> None:
    view = read_named(file)
    count = len(view.layers)
    backwards = [
        LayerNames(tensor=layer.names.tensor, modules=(str(count - 1 - layer.index),)) for layer in view.layers
    ]
    named = view.named(backwards)
    assert [layer.index for layer in select_layers(view, ["0"])] == [0]
    assert [layer.index for layer in select_layers(named, ["0"])] == [count - 1]
    assert [layer.index for layer in select_layers(named, ["#0"])] == [0]
