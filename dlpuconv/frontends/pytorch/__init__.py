"""Modules, exported programs and checkpoints, by torch's own exporter. Nothing imports torch until it is needed."""

from dlpuconv.frontends.pytorch.checkpoint_file import is_checkpoint, read_checkpoint
from dlpuconv.frontends.pytorch.program_file import is_program_file, read_program
from dlpuconv.frontends.pytorch.sources import export, is_source

__all__ = ["export", "is_checkpoint", "is_program_file", "is_source", "read_checkpoint", "read_program"]
