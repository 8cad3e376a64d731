"""What the TensorFlow worker does, in a process of its own (see `dlpuconv.isolation`). Not to be imported elsewhere.

* `begin`, `observe` for each sample, `finish`: a float TFLite file -> the same with observed ranges. With
  `saved_model`, the graph becomes a SavedModel first and goes through `TFLiteConverter.from_saved_model`, the route of
  the camera's documentation.
* `quantize`: a calibrated file -> a full-integer one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.savedmodel.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.plugin.isolation import Arrays, Facts, Task

    type Answer = tuple[Facts, Arrays]
    type Samples = Callable[[], Iterator[list[npt.NDArray[np.float32]]]]

_THREADS = 2


def prepare() -> None:
    """Import TensorFlow before the first model is there."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ModuleNotFoundError(str(error), name="tensorflow") from error
    tf.config.threading.set_intra_op_parallelism_threads(_THREADS)


class _Calibration:
    """The calibration that is under way."""

    supply: Supply | None = None

    @staticmethod
    def begin(facts: Facts, arrays: Arrays) -> Answer:
        """`model`; whether it goes by `saved_model` -> nothing, or `unsupported` kinds of operators."""
        from dlpuconv_backends.savedmodel.replay import UnknownOperatorsError

        content = arrays["model"].tobytes()
        through = _through_saved_model if facts["saved_model"] else _observed
        try:
            _Calibration.supply = Supply(lambda samples: through(content, samples))
        except UnknownOperatorsError as error:
            return {"unsupported": error.kinds}, {}
        return {}, {}

    @staticmethod
    def observe(_facts: Facts, arrays: Arrays) -> Answer:
        """One sample: values by the position of the input -> nothing."""
        assert _Calibration.supply is not None
        _Calibration.supply.give([arrays[str(position)] for position in range(len(arrays))])
        return {}, {}

    @staticmethod
    def finish(facts: Facts, _arrays: Arrays) -> Answer:
        """Nothing -> `file`, and the positions in it of the given file's `inputs` and `outputs`, in their order.

        Facts: `ranges` (by the position of an input: prescribed lowest and highest value).
        """
        assert _Calibration.supply is not None
        content, inputs, outputs = _Calibration.supply.finish()
        _Calibration.supply = None
        prescribed = {inputs[int(position)]: limits for position, limits in facts["ranges"].items()}
        content = _with_ranges(content, prescribed) if prescribed else content
        return {"inputs": inputs, "outputs": outputs}, {"file": np.frombuffer(content, np.uint8)}


def quantize(facts: Facts, arrays: Arrays) -> Answer:
    """`model`, calibrated -> `file`, full-integer.

    Facts: `per_channel`, `dense_per_channel`, `input_dtype`, `output_dtype`.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    content = mlir_quantize(
        arrays["model"].tobytes(),
        disable_per_channel=not facts["per_channel"],
        disable_per_channel_for_dense_layers=not facts["dense_per_channel"],
        input_data_type=tf.dtypes.as_dtype(facts["input_dtype"]),
        output_data_type=tf.dtypes.as_dtype(facts["output_dtype"]),
    )
    return {}, {"file": np.frombuffer(content, np.uint8)}


type _Observed = tuple[bytes, list[int], list[int]]
"""A file with ranges, and the positions in it of the given file's inputs and outputs."""


def _observed(content: bytes, samples: Samples) -> _Observed:
    """What TFLiteConverter does between conversion and quantization."""
    from tensorflow.lite.python.optimize import calibrator

    from dlpuconv_backends.flatbuffer import decode

    graph = decode(content)
    calibration = calibrator.Calibrator(calibrator.add_intermediate_tensors(content))
    return bytes(calibration.calibrate(samples)), list(range(len(graph.inputs))), list(range(len(graph.outputs)))


def _through_saved_model(content: bytes, samples: Samples) -> _Observed:
    import tensorflow as tf

    from dlpuconv_backends.flatbuffer import decode
    from dlpuconv_backends.savedmodel.replay import input_name, output_name, save

    graph = decode(content)
    with tempfile.TemporaryDirectory() as folder:
        save(graph, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            {input_name(position): value for position, value in enumerate(values)} for values in samples()
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter._experimental_calibrate_only = True
        calibrated = bytes(converter.convert())
    interpreter = tf.lite.Interpreter(model_content=calibrated)
    signature = interpreter._get_full_signature_list()["serving_default"]
    inputs = [detail["index"] for detail in interpreter.get_input_details()]
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    return (
        calibrated,
        [inputs.index(signature["inputs"][input_name(i)]) for i in range(len(graph.inputs))],
        [outputs.index(signature["outputs"][output_name(i)]) for i in range(len(graph.outputs))],
    )


def _with_ranges(content: bytes, prescribed: dict[int, list[float]]) -> bytes:
    """The calibrated file with other ranges at some inputs: what the camera delivers, rather than what was seen."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    main = model.subgraphs[0]
    for position, (low, high) in prescribed.items():
        quantization = main.tensors[main.inputs[position]].quantization
        quantization.min, quantization.max = np.array([low], np.float32), np.array([high], np.float32)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


TASKS: Mapping[str, Task] = {
    "begin": _Calibration.begin,
    "observe": _Calibration.observe,
    "finish": _Calibration.finish,
    "quantize": quantize,
}
