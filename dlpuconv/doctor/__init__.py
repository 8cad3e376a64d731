"""`dlpuconv doctor`: what is installed, whether it works, what is missing and how to get it.

What is installed is read from the metadata of distributions; whether it works is tried, in workers: each target's
backend converts a network of one layer, and its file is run. Nothing large is imported here.
"""

from dlpuconv.doctor.examine import examine
from dlpuconv.doctor.findings import Examination

__all__ = ["Examination", "examine"]
