"""What a worker does with ONNX models: ONNX's own rules, and inferences by ONNX Runtime. Not to be imported.

Models come as serialized ModelProtos in arrays of bytes, or as paths; refusals of the libraries are answers: `refused`
is the text, so that whatever else is raised is a defect or a hostile file.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task

    type Answer = tuple[Facts, Arrays]

_LARGEST_RESULT = 64 << 20  # bytes of a model with nothing but shapes
_THREADS = 2
_CRASHES_ONLY = 4
_WRONG_OPTIMIZERS = ("Pad_Fusion",)
"""Of ONNX Runtime's own, since 1.17: a Pad of zeros becomes the padding of the MaxPool behind it, which is no candidate
for a maximum: those of negative values come out wrong (https://github.com/microsoft/onnxruntime/pull/18136)."""
_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}


def prepare() -> None:
    """Load what the first question needs."""
    import onnx.shape_inference  # noqa: F401


def infer_shapes(facts: Facts, arrays: Arrays) -> Answer:
    """Model -> the model with the shapes that follow.

    Facts: `strict` (operators that do not fit their inputs are refused), `values` (small values are computed on the
    way), `types` (the types of operands are checked).
    """
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(
            _model(arrays), check_type=facts["types"], strict_mode=facts["strict"], data_prop=facts["values"]
        ).SerializeToString()
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError, IndexError) as error:
        fits_not = isinstance(error, onnx.shape_inference.InferenceError)
        return {"refused": str(error), "fits_not": fits_not}, {}
    if len(inferred) > _LARGEST_RESULT + len(arrays["model"]):
        return {"refused": "the shapes take more memory than the model", "fits_not": False}, {}
    return _bytes(inferred)


def infer_node(_facts: Facts, arrays: Arrays) -> Answer:
    """Model of one node, its inputs typed, its constants as initializers -> graph whose outputs are typed."""
    import onnx

    model = onnx.ModelProto.FromString(_model(arrays))
    (node,) = model.graph.node
    opset = model.opset_import[0].version
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    types = {value.name: value.type for value in model.graph.input}
    data = {tensor.name: tensor for tensor in model.graph.initializer}
    found = onnx.GraphProto()
    try:
        inferred = onnx.shape_inference.infer_node_outputs(
            schema, node, types, data, opset_imports=list(model.opset_import)
        )
        found.output.extend(onnx.ValueInfoProto(name=name, type=kind) for name, kind in inferred.items())
    except (
        onnx.shape_inference.InferenceError, onnx.checker.ValidationError, IndexError, RuntimeError, ValueError
    ):  # fmt: skip
        pass  # ONNX is at a loss: whoever asks keeps what is known
    return _bytes(found.SerializeToString())


def check_model(facts: Facts, arrays: Arrays) -> Answer:
    """Model -> nothing; `full`: with strict shape inference."""
    import onnx

    try:
        onnx.checker.check_model(_model(arrays), full_check=facts["full"])
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        return {"refused": str(error)}, {}
    return {}, {}


def inline_functions(_facts: Facts, arrays: Arrays) -> Answer:
    """Model -> the model without local functions, those of another opset converted to its own."""
    import onnx.inliner

    try:
        typed = onnx.shape_inference.infer_shapes(onnx.ModelProto.FromString(_model(arrays)))
        inlined = onnx.inliner.inline_local_functions(typed, convert_version=True)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        return {"refused": str(error)}, {}
    return _bytes(inlined.SerializeToString())


class _Session:
    """ONNX Runtime's session of the model that was loaded last."""

    current: Any = None
    weights: Arrays = MappingProxyType({})

    @staticmethod
    def load(facts: Facts, arrays: Arrays) -> Answer:
        """Model (an array, or `path`) -> its inputs, with their types, and outputs by name.

        Facts: `optimize` (else the graph is computed as it is written); `frugal`: weights are used as they are, instead
        of as the kernels like them best, which takes them twice. Other arrays than `model` are large
        initializers that the model says to be elsewhere, by their names behind a slash; the session reads them where
        they are.
        """
        import onnxruntime

        from dlpuconv.isolation.tasks.processor import sums_saturate

        _Session.current = None
        options = _session_options()
        if not facts["optimize"]:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        if facts["frugal"]:
            extended = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED  # what comes above turns weights around
            options.graph_optimization_level = min(options.graph_optimization_level, extended, key=int)
            options.add_session_config_entry("session.disable_prepacking", "1")
        if sums_saturate():  # numbers in place of codes, so that a file is judged by what it says
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        weights = {name[1:]: value for name, value in arrays.items() if name.startswith("/")}
        if weights:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
            options.add_external_initializers(list(weights), values)
        try:
            session = _opened(facts.get("path") or _model(arrays), options)
        except _failures() as error:
            return _refusal(error)
        _Session.current, _Session.weights = session, weights
        for value in weights.values():
            _rest(value)
        inputs = [(port.name, _TYPES.get(port.type)) for port in session.get_inputs()]
        return {"inputs": inputs, "outputs": [port.name for port in session.get_outputs()]}, {}

    @staticmethod
    def run(_facts: Facts, arrays: Arrays) -> Answer:
        """Inputs by name -> outputs by name."""
        import onnxruntime

        quiet = onnxruntime.RunOptions()
        quiet.log_severity_level = _CRASHES_ONLY  # a failure is answered; it need not be logged as well
        names = [port.name for port in _Session.current.get_outputs()]
        try:
            values = _Session.current.run(names, dict(arrays), quiet)
        except _failures() as error:
            return _refusal(error)
        for name, value in zip(names, values, strict=True):
            if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
                return {"refused": f"the output {name!r} does not consist of numbers"}, {}
        return {}, dict(zip(names, values, strict=True))

    @staticmethod
    def forget(_facts: Facts, _arrays: Arrays) -> Answer:
        """Free the session."""
        _Session.current, _Session.weights = None, {}
        return {}, {}


def optimize(facts: Facts, _arrays: Arrays) -> Answer:
    """Facts: `path` of a model, `result`, a file that gets the graph which ONNX Runtime would run of it."""
    import onnxruntime

    options = _session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = facts["result"]
    try:
        _opened(facts["path"], options)
    except _failures() as error:
        return _refusal(error)
    return {}, {}


def _session_options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # costs most where others compute
    options.log_severity_level = _CRASHES_ONLY
    options.enable_cpu_mem_arena = False  # it keeps the largest working set forever
    return options


def _opened(model: str | bytes, options: Any) -> Any:
    import onnxruntime

    fallback = 0  # to the same provider, with a notice on stdout
    return onnxruntime.InferenceSession(
        model,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=_WRONG_OPTIMIZERS,
        enable_fallback=fallback,
    )


def _model(arrays: Arrays) -> bytes:
    return bytes(arrays["model"].data)


def _bytes(content: bytes) -> Answer:
    return {}, {"model": np.frombuffer(content, np.uint8)}


def _failures() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions share no base of their own; these are all that its native side defines."""
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    own = [c for c in vars(native).values() if isinstance(c, type) and issubclass(c, Exception)]
    return (*own, RuntimeError, ValueError)


def _rest(value: Any) -> None:
    """Give back the pages of a weight: the session has read it, and reads it again where it made no packed copy."""
    while isinstance(value, np.ndarray):
        value = value.base
    memory = getattr(value, "obj", value)
    if hasattr(memory, "rest"):
        memory.rest()


def _refusal(error: Exception) -> Answer:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    if any(sign in text for sign in ("bad_alloc", "bad allocation", "Failed to allocate memory")):
        raise MemoryError(text) from error
    return {"refused": text}, {}


TASKS: Mapping[str, Task] = {
    "infer_shapes": infer_shapes,
    "infer_node": infer_node,
    "check_model": check_model,
    "inline_functions": inline_functions,
    "optimize": optimize,
    "load": _Session.load,
    "run": _Session.run,
    "forget": _Session.forget,
}
