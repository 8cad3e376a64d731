"""The folder around a float model: calibration files, reference inferences, hashes; the target adds the texts."""

from dlpuconv_backends.onnx_float.package.make import Package, make_package

__all__ = ["Package", "make_package"]
