"""One integer file by onnx2tf and TensorFlow, per tensor, in a process of its own.

`python -m scripts.benchmarks.backends_rival ROUTE MODEL SAMPLES.npy INPUT RESULT`; samples are in the model's layout.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    type Array = np.ndarray[Any, np.dtype[np.float32]]
    type Route = Callable[[Path, Array, str, Path], bytes]

_CHANNELS_LAST = (0, 2, 3, 1)
_IMAGE_RANK = 4


def by_onnx2tf(model: Path, samples: Array, name: str, folder: Path) -> bytes:
    """onnx2tf's own route to integers."""
    import onnx2tf

    copy, data = folder / "model.onnx", folder / "samples.npy"
    shutil.copyfile(model, copy)  # it writes over its input
    np.save(data, _channels_last(samples))
    plain: list[Any] = [[[[[0.0]]]], [[[[1.0]]]]]  # mean and standard deviation of what is normalized already
    onnx2tf.convert(
        input_onnx_file_path=str(copy),
        output_folder_path=str(folder),
        tflite_backend="tf_converter",
        output_integer_quantized_tflite=True,
        quant_type="per-tensor",
        custom_input_op_name_np_data_path=[[name, str(data), *plain]],
        verbosity="error",
    )
    (made,) = folder.glob("*_full_integer_quant.tflite")
    return made.read_bytes()


def by_onnxsim(model: Path, samples: Array, _: str, folder: Path) -> bytes:
    """onnxsim, onnx2tf to a SavedModel, and TFLiteConverter on that."""
    import onnx2tf
    import tensorflow as tf

    simple = folder / "simple.onnx"
    subprocess.run([sys.executable, "-c", _SIMPLIFY, str(model), str(simple)], check=True)
    onnx2tf.convert(
        input_onnx_file_path=str(simple),
        output_folder_path=str(folder / "saved"),
        tflite_backend="tf_converter",
        not_use_onnxsim=True,
        output_signaturedefs=True,
        verbosity="error",
    )
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in np.split(_channels_last(samples), len(samples)))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    converter._experimental_disable_per_channel = True
    return bytes(converter.convert())


_SIMPLIFY = """
import onnx, onnxsim, sys
model, good = onnxsim.simplify(onnx.load(sys.argv[1]))
assert good, "onnxsim's result is not what it was given"
onnx.save(model, sys.argv[2])
"""

ROUTES: dict[str, Route] = {"onnx2tf": by_onnx2tf, "onnxsim": by_onnxsim}


def _channels_last(samples: Array) -> Array:
    return samples.transpose(_CHANNELS_LAST) if samples.ndim == _IMAGE_RANK else samples


def main() -> int:
    """Convert and write."""
    route, model, samples, name, result = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        made = ROUTES[route](Path(model), np.load(samples), name, Path(folder))
    Path(result).write_bytes(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
