"""PyTorch modules and exported programs, by torch's own exporter. Nothing here imports torch until it is needed."""

from dlpuconv.frontends.pytorch.program_file import is_program_file, read_program
from dlpuconv.frontends.pytorch.sources import export, is_source

__all__ = ["export", "is_program_file", "is_source", "read_program"]
