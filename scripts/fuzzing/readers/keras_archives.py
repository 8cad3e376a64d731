"""`.keras` files: the screening in front of Keras, which itself is not needed for it."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, override

from scripts.fuzzing.change import octets, trees, values
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def _object(kind: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


class KerasArchives(Reader):
    """Damaged archives `m.keras`."""

    name = "keras"
    share = 10

    @override
    def prepare(self) -> None:
        relu = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
        kernel = _object("GlorotUniform", "keras.initializers", seed=None)
        layers = [
            _object("InputLayer", batch_shape=[None, 8, 8, 3], dtype="float32", name="image"),
            _object("Conv2D", name="stem", filters=4, activation=relu, kernel_initializer=kernel),
            _object("Dense", name="scores", dtype=_object("DTypePolicy", "keras", name="float32")),
        ]
        model = _object("Sequential", "keras", name="net", layers=layers)
        self._trees: dict[str, Any] = {
            _CONFIG: {**model, "compile_config": {"optimizer": "adam"}}, _METADATA: {"keras_version": "3.15.0"},
        }  # fmt: skip

    @override
    def make(self, rng: Random) -> Files:
        files = {name: trees.to_json(tree) for name, tree in self._trees.items()} | {_WEIGHTS: bytes(64)}
        action = rng.random()
        if action < 0.7:
            files[_CONFIG] = trees.written(self._trees[_CONFIG], trees.to_json, rng)
        elif action < 0.8:
            files[rng.choice(list(files))] = rng.choice((b"", b"\xff" * 40, b"[" * 100_000))
        elif action < 0.85:
            del files[rng.choice(list(files))]
        elif action < 0.9:
            files[values.text(rng).replace("\0", "") or "e"] = b"more"
        content = _archive(files, rng)
        return {"m.keras": octets.damaged(content, rng) if action > 0.9 else content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.frontends.onnx_file import content_of
        from dlpuconv.frontends.tensorflow import is_keras_file
        from dlpuconv.frontends.tensorflow.keras_archive import plain_files

        path = (folder / "m.keras").rename(folder / "m.zip")
        is_keras_file(path)
        plain_files(content_of(path), "m.keras")
        return 0


def _archive(files: dict[str, bytes], rng: Random) -> bytes:
    made = io.BytesIO()
    packed = zipfile.ZIP_STORED if rng.random() < 0.8 else rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, packed)  # of 1980, whenever it is made
    return made.getvalue()
