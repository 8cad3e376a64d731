"""What a Keras configuration may name: Keras's own layers and what belongs to them, and no code."""

from __future__ import annotations

import re
from typing import Any

from dlpuconv.errors import UnsupportedModelError

_HOME = re.compile(
    r"(tf_keras|keras)(\.src)?(\.(layers|models|engine|initializers|regularizers|constraints|activations|ops"
    r"|dtype_policies|quantizers|mixed_precision|random)(\.\w+)*)?"
)
_HOME_OF_FUNCTIONS = re.compile(
    r"builtins|(tf_keras|keras)(\.src)?\.(activations|initializers|regularizers|constraints|ops)(\.\w+)*"
)
"""Modules of Keras that layers and their parts are of; none that reads files or fetches them."""
_ELSEWHERE = {("keras.src.applications.convnext", kind) for kind in ("LayerScale", "StochasticDepth")}
"""Layers that Keras defines beside functions that fetch files: these alone are taken from there."""
_FORM = re.compile(r"__(keras_tensor|tensor|numpy|bytes|ellipsis|slice|tuple)__")
"""How Keras writes values that JSON has no form for."""
_CODE = {"Lambda", "__lambda__"}
_FOREIGN = {"TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer"}
_TEXT = {"StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"}
_FUNCTION = "function"
_OF_TRAINING = ("compile_config", "optimizer_config")
_TRAINED = {"QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2", "QuantizeAnnotate"}
"""Of TensorFlow's toolkit for quantized training."""
INSTEAD = "save it as a SavedModel (model.export('folder')), whose graph needs no Python, and convert that folder"


def plain(value: Any, what: str, layer: str = "") -> Any:
    """A configuration without what only training needs, every class of which is Keras's own.

    Args:
        value: JSON, or a part of it.
        what: to call the file in a message; nothing where the message stands behind its name.
        layer: that the part belongs to.

    Raises:
        UnsupportedModelError: it names something else.
    """
    if isinstance(value, list):
        return [plain(item, what, layer) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(kind := value.get("class_name"), str):
        layer = _named(value) or layer
        _screen(kind, value, what, layer)
    return {key: plain(item, what, layer) for key, item in value.items() if key not in _OF_TRAINING}


def _named(value: dict[str, Any]) -> str:
    config = value.get("config")
    return str(config["name"]) if isinstance(config, dict) and isinstance(config.get("name"), str) else ""


def _screen(kind: str, value: dict[str, Any], what: str, layer: str) -> None:
    place = ": ".join(filter(None, (what, layer and f"the layer {layer!r}"))) or "the file"
    if kind in _CODE:
        raise UnsupportedModelError(
            f"{place} holds Python code (a Lambda), which is never run: {INSTEAD}", id="keras-python-code"
        )
    if kind in _FOREIGN:
        raise UnsupportedModelError(
            f"{place} is a {kind}, which is code of another framework: {INSTEAD}", id="keras-python-code"
        )
    if kind in _TRAINED:
        raise UnsupportedModelError(
            f"{place} is a {kind} of tensorflow-model-optimization, by which the model was trained for quantization:"
            f" {INSTEAD}; the ranges that were trained are in it as well",
            id="keras-python-code",
        )
    if kind in _TEXT:
        raise UnsupportedModelError(
            f"{place} is a {kind}, which looks values up in a table, and no camera chip has tables: build the model"
            " from behind that layer on, and do the look-up in the application",
            id="model-lookup-table",
        )
    if _FORM.fullmatch(kind):
        return
    module, is_function = value.get("module"), kind == _FUNCTION
    home = _HOME_OF_FUNCTIONS if is_function else _HOME
    # as Keras 2 writes its own; those of others that are registered are PACKAGE>NAME
    unsaid = module is None and "registered_name" not in value and ">" not in kind
    if unsaid or (isinstance(module, str) and (home.fullmatch(module) or (module, kind) in _ELSEWHERE)):
        return
    name = str(value.get("config")) if is_function else kind
    raise UnsupportedModelError(
        f"{place} is made of {name!r}, which is not of Keras but Python code: {INSTEAD}", id="keras-python-code"
    )
