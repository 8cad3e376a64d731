"""Readers: files and objects from outside become a Model."""

from dlpuconv.frontends.load import ModelSource, load
from dlpuconv.frontends.options import SourceOptions, parse_input_shape

__all__ = ["load", "SourceOptions", "ModelSource", "parse_input_shape"]
