"""Runs TensorFlow's converter in a process of its own. Started with `-m`; not to be imported by the main process.

It takes requests as lines of JSON on stdin and answers on the file descriptor in argv[1]:

* `calibrate`: a float TFLite file -> the same with observed ranges. With `saved_model`, the graph becomes a SavedModel
  in that folder first and goes through `TFLiteConverter.from_saved_model`, the route of the camera's documentation.
* `quantize`: a calibrated file -> a full-integer one.

Whatever TensorFlow prints goes to the log that the parent reads when something fails.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def calibrate(request: dict[str, Any]) -> dict[str, Any]:
    """Observe ranges.

    Args:
        request: `model` (file), `samples` (one .npy file of shape [N, ...] an input, in the model's order),
            `ranges` (by input position: prescribed lowest and highest value), `saved_model` (folder or None),
            `destination` (file).

    Returns:
        `inputs` and `outputs`: positions in the written file, in the order of the given one.
    """
    import numpy as np

    samples = [np.load(file, mmap_mode="r") for file in request["samples"]]
    content = Path(request["model"]).read_bytes()
    if request["saved_model"] is None:
        content, order = _observed(content, samples), None
    else:
        content, order = _through_saved_model(content, Path(request["saved_model"]), samples)
    inputs = order["inputs"] if order else list(range(len(samples)))
    prescribed = {inputs[int(position)]: limits for position, limits in request["ranges"].items()}
    Path(request["destination"]).write_bytes(_with_ranges(content, prescribed) if prescribed else content)
    return order or {"inputs": inputs, "outputs": None}


def quantize(request: dict[str, Any]) -> dict[str, Any]:
    """Make a calibrated file full-integer.

    Args:
        request: `model` (file), `destination` (file), `per_channel`, `dense_per_channel`, `input_dtype`,
            `output_dtype`.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    content = mlir_quantize(
        Path(request["model"]).read_bytes(),
        disable_per_channel=not request["per_channel"],
        disable_per_channel_for_dense_layers=not request["dense_per_channel"],
        input_data_type=tf.dtypes.as_dtype(request["input_dtype"]),
        output_data_type=tf.dtypes.as_dtype(request["output_dtype"]),
    )
    Path(request["destination"]).write_bytes(content)
    return {}


def _observed(content: bytes, samples: list[Any]) -> bytes:
    """What TFLiteConverter does between conversion and quantization."""
    from tensorflow.lite.python.optimize import calibrator

    calibration = calibrator.Calibrator(calibrator.add_intermediate_tensors(content))
    return bytes(calibration.calibrate(lambda: _lists(samples)))


def _lists(samples: list[Any]) -> Iterator[list[Any]]:
    for row in range(len(samples[0])):
        yield [column[row] for column in samples]


def _through_saved_model(content: bytes, folder: Path, samples: list[Any]) -> tuple[bytes, dict[str, Any]]:
    import tensorflow as tf

    from dlpuconv_backends.flatbuffer import decode
    from dlpuconv_backends.savedmodel.replay import input_name, output_name, save

    graph = decode(content)
    save(graph, folder)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["serving_default"])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        {input_name(position): value for position, value in enumerate(values)} for values in _lists(samples)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    calibrated = bytes(converter.convert())
    interpreter = tf.lite.Interpreter(model_content=calibrated)
    signature = interpreter._get_full_signature_list()["serving_default"]
    inputs = [detail["index"] for detail in interpreter.get_input_details()]
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    return calibrated, {
        "inputs": [inputs.index(signature["inputs"][input_name(i)]) for i in range(len(graph.inputs))],
        "outputs": [outputs.index(signature["outputs"][output_name(i)]) for i in range(len(graph.outputs))],
    }


def _with_ranges(content: bytes, prescribed: dict[int, list[float]]) -> bytes:
    """The calibrated file with other ranges at some inputs: what the camera delivers, rather than what was seen."""
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    main = model.subgraphs[0]
    for position, (low, high) in prescribed.items():
        quantization = main.tensors[main.inputs[position]].quantization
        quantization.min, quantization.max = np.array([low], np.float32), np.array([high], np.float32)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


_WORK = {"calibrate": calibrate, "quantize": quantize}


def main(descriptor: str) -> None:
    """Serve requests until stdin ends."""
    answers = os.fdopen(int(descriptor), "w", buffering=1)
    try:
        import tensorflow as tf
    except ImportError as error:
        print(json.dumps({"missing": "tensorflow", "error": str(error)}), file=answers)
        return
    tf.config.threading.set_intra_op_parallelism_threads(2)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from dlpuconv_backends.savedmodel.replay import UnknownOperatorsError

    try:
        return _WORK[request["do"]](request)
    except UnknownOperatorsError as error:
        return {"unsupported": error.kinds}
    except Exception as error:  # noqa: BLE001 - whatever TensorFlow raises is the answer
        import traceback

        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main(sys.argv[1])
