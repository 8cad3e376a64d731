"""Whether a network is fed what it was trained on: its own numbers beside what samples make of its first layers.

A comparison with the float model cannot tell: both are fed the same. What can: a batch normalization remembers the mean
and the variance that training showed it, and where it was folded away, the biases are of its output's size.
"""

from dlpuconv.input_fit.judge import find_misfits

__all__ = ["find_misfits"]
