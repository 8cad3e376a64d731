"""TFLiteConverter's files, each with the source that ours is made of: `python -m tests.oracle.theirs FOLDER ZOO NAMES`.

A process of its own does it, for TensorFlow is large and talks. It fills three folders, of Keras layers, of ONNX nodes
and of models of the zoo, with what the patterns name (`onnx/Conv*`). For each there are `NAME.npz` with samples,
`NAME.keras` or `NAME.onnx`, and `NAME.tflite`, or `NAME.refused` with what the converter says.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    type Array = np.ndarray[Any, np.dtype[np.float32]]
    type Samples = Sequence[Sequence[Array]]
    type Wanted = Callable[[str], bool]

_COUNT = 4
_OF_THE_ZOO = 2
_CHANNELS_LAST = (0, 2, 3, 1)
_IMAGE_RANK = 4


def convert_layers(folder: Path, wanted: Wanted) -> None:
    """Keras layers."""
    from tests.oracle.keras_layers import LAYERS, built

    for name in filter(wanted, LAYERS):
        model = built(name)
        model.save(folder / f"{name}.keras")
        given = _made_up([tuple(tensor.shape) for tensor in model.inputs])
        _keep(folder / f"{name}.npz", given)
        _attempt(folder / name, partial(_of_keras, model, given))


def convert_nodes(folder: Path, wanted: Wanted) -> None:
    """ONNX nodes, by way of what onnx2tf makes of them."""
    import onnx

    from tests.oracle.onnx_nodes import NODES

    for name in filter(wanted, NODES):
        case = NODES[name]
        model, given = case.model(), _made_up(case.shapes, positive=case.positive)
        onnx.save(model, folder / f"{name}.onnx")
        _keep(folder / f"{name}.npz", given)
        _attempt(folder / name, partial(_through_onnx2tf, model, given, simplify=False))


def convert_zoo(folder: Path, wanted: Wanted, zoo: Path) -> None:
    """Models of the zoo, likewise, with real samples."""
    import onnx

    from tests.whole_zoo import samples

    for file in sorted(zoo.glob("*/model.onnx")):
        name = file.parent.name
        if not wanted(name):
            continue
        model = onnx.load(file)
        given = [[value[None]] for value in samples(zoo, name, _OF_THE_ZOO)]
        (folder / f"{name}.onnx").symlink_to(file)
        _keep(folder / f"{name}.npz", given)
        _attempt(folder / name, partial(_through_onnx2tf, model, given, simplify=True))


def _made_up(shapes: Sequence[Sequence[int]], *, positive: bool = False) -> Samples:
    random, form = np.random.default_rng(1), np.abs if positive else np.asarray
    return [[form(random.standard_normal(shape).astype(np.float32)) for shape in shapes] for _ in range(_COUNT)]


def _keep(file: Path, given: Samples) -> None:
    np.savez(file, **{f"{n:02d}": np.concatenate(column) for n, column in enumerate(zip(*given, strict=True))})


def _through_onnx2tf(model: Any, given: Samples, *, simplify: bool) -> bytes:
    import onnx
    import onnx2tf

    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    rows = [v.name for v in inputs if len(v.type.tensor_type.shape.dim) != _IMAGE_RANK]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        onnx.save(model, file)  # onnxsim, which onnx2tf starts, writes over it
        made = onnx2tf.convert(
            input_onnx_file_path=str(file),
            output_folder_path=folder,
            tflite_backend="tf_converter",
            disable_model_save=True,
            not_use_onnxsim=not simplify,  # a process each, which one node is not worth
            keep_shape_absolutely_input_names=rows or None,
            verbosity="error",
        )
    names = [tensor.name for tensor in made.inputs]
    order = [next(n for n, name in enumerate(names) if name.split(":")[0] == v.name.split(":")[0]) for v in inputs]
    return _of_operators(made, [_in_order(sample, order) for sample in given])


def _in_order(sample: Sequence[Array], order: Sequence[int]) -> list[Array]:
    """A sample in the converter's order of inputs and layouts."""
    found = dict(zip(order, sample, strict=True))
    ordered = [found[position] for position in range(len(order))]
    return [v.transpose(_CHANNELS_LAST) if v.ndim == _IMAGE_RANK else v for v in ordered]


def _of_keras(model: Any, given: Samples) -> bytes:
    import tensorflow as tf

    names = [tensor.name for tensor in model.inputs]
    return _quantized(tf.lite.TFLiteConverter.from_keras_model(model), names, given)


def _of_operators(model: Any, given: Samples) -> bytes:
    """Of a model whose weights are constants of TensorFlow's operators, as onnx2tf makes them."""
    import tensorflow as tf

    specs = [tf.TensorSpec(tensor.shape, tf.float32, name=f"x{n}") for n, tensor in enumerate(model.inputs)]
    inputs = (lambda x: list(x)) if len(specs) > 1 else (lambda x: x[0])
    function = tf.function(lambda *x: model(inputs(x)), input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    return _quantized(converter, [spec.name for spec in specs], given)


def _quantized(converter: Any, names: Sequence[str], given: Samples) -> bytes:
    """The full-integer file: weights per tensor, int8 at the ends."""
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # By name: the file's inputs have an order of its own.
    converter.representative_dataset = lambda: (dict(zip(names, values, strict=True)) for values in given)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel = True
    return bytes(converter.convert())


def _attempt(path: Path, convert: Callable[[], bytes]) -> None:
    """Write a file, or why there is none."""
    try:
        path.with_name(f"{path.name}.tflite").write_bytes(convert())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the tools' own have no common base, and onnx2tf exits
        path.with_name(f"{path.name}.refused").write_text(f"{type(error).__name__}: {error}"[:2000])


def main() -> int:
    """Fill the folders."""
    warnings.simplefilter("ignore")
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
    into, zoo, *patterns = sys.argv[1:]
    conversions: dict[str, Callable[[Path, Wanted], None]] = {
        "keras": convert_layers, "onnx": convert_nodes, "zoo": partial(convert_zoo, zoo=Path(zoo)),
    }  # fmt: skip
    for kind, convert in conversions.items():
        folder = Path(into) / kind
        folder.mkdir()
        convert(folder, partial(_matches, kind, patterns))
    return 0


def _matches(kind: str, patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(f"{kind}/{name}", pattern) for pattern in patterns)


if __name__ == "__main__":
    sys.exit(main())
