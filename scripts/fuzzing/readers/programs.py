"""`.pt2` files: the screening in front of torch, which itself is not needed for it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, override

from scripts.fuzzing.change import octets, trees, values
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_MODEL, _WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"


def _specification(names: list[str]) -> str:
    leaf: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
    return json.dumps(
        [1, {"type": "builtins.dict", "context": json.dumps(names), "children_spec": [leaf] * len(names)}]
    )


class Programs(Reader):
    """Damaged archives `m.pt2`."""

    name = "program"
    share = 15

    @override
    def prepare(self) -> None:
        call = {
            "module_call_graph": [{"signature": {"in_spec": _specification(["x"]), "out_spec": _specification(["y"])}}]
        }
        nodes = [{
            "target": "torch.ops.aten.relu.default", "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "x"}}}],
            "outputs": [{"as_tensor": {"name": "y"}}],
            "metadata": {"nn_module_stack": "L__self__,,m.Net", "other": "1"},
        }]  # fmt: skip
        sizes = [{"as_int": 1}, {"as_expr": {"expr_str": "Mul(Integer(2), Symbol('s0', positive=True, integer=True))"}}]
        tensor = {"dtype": 7, "sizes": sizes, "strides": [{"as_int": 1}], "device": {"type": "cuda", "index": 0}}
        graph = {"nodes": nodes, "inputs": [], "outputs": [], "tensor_values": {"x": tensor}}
        module = {"graph": graph, **call}
        program = {"graph_module": module, "guards_code": ["x"], "schema_version": {"major": 8, "minor": 8}}
        entry = {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": tensor}
        self._trees: dict[str, Any] = {
            _MODEL: program, _WEIGHTS: {"config": {"w": entry}}, _CONSTANTS: {"config": {}},
        }  # fmt: skip
        self._plain = {
            "archive_format": b"pt2", "archive_version": b"0", "byteorder": b"little", ".data/version": b"6\n",
            "data/weights/weight_0": bytes(16), "data/sample_inputs/model.pt": b"\x80\x02",
        }  # fmt: skip

    @override
    def make(self, rng: Random) -> Files:
        files = {name: trees.to_json(tree) for name, tree in self._trees.items()} | self._plain
        action = rng.random()
        if action < 0.6:
            name = rng.choice([_MODEL, _MODEL, _WEIGHTS, _CONSTANTS])
            files[name] = trees.written(self._trees[name], trees.to_json, rng)
        elif action < 0.7:
            files[rng.choice(list(files))] = rng.choice((b"", b"\xff" * 40, values.text(rng).encode("utf-8", "ignore")))
        elif action < 0.8:
            del files[rng.choice(list(files))]
        elif action < 0.85:
            files[values.text(rng).replace("\0", "") or "e"] = b"more"
        content = _archive(files, rng)
        return {"m.pt2": octets.damaged(content, rng) if action > 0.85 else content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.frontends.onnx_file import content_of
        from dlpuconv.frontends.pytorch import is_program_file
        from dlpuconv.frontends.pytorch.archive import plain_archive

        path = folder / "m.pt2"
        is_program_file(path.rename(folder / "m.zip"))
        plain_archive(content_of(folder / "m.zip"), path.name)
        return 0


def _archive(files: dict[str, bytes], rng: Random) -> bytes:
    made = io.BytesIO()
    root = "archive" if rng.random() < 0.95 else values.text(rng).replace("\0", "")
    packed = zipfile.ZIP_STORED if rng.random() < 0.95 else zipfile.ZIP_LZMA
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{root}/{name}"), content, packed)  # of 1980, whenever it is made
    return made.getvalue()
