"""Models of Keras and TensorFlow, by tf2onnx. Nothing imports TensorFlow here: a worker reads what strangers made."""

from dlpuconv.frontends.tensorflow.keras_file import is_keras_file, read_keras
from dlpuconv.frontends.tensorflow.keras_object import is_keras_object, read_keras_object
from dlpuconv.frontends.tensorflow.saved_model import is_saved_model, read_saved_model

__all__ = ["is_keras_file", "is_keras_object", "is_saved_model", "read_keras", "read_keras_object", "read_saved_model"]
