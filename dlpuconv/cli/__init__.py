"""The command line: one module a command; parse, call, print. Heavy imports happen inside the commands."""

from dlpuconv.cli.main import main

__all__ = ["main"]
