"""Readers: files and objects from outside become a Model."""

from dlpuconv.frontends.options import SourceOptions, parse_input_shape
from dlpuconv.frontends.reading import ModelSource, load

__all__ = ["load", "SourceOptions", "ModelSource", "parse_input_shape"]
