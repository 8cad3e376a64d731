"""Two files side by side: what they hold, where they would run, and what they answer to the same samples."""

from dlpuconv.contrast.compare import Comparands, ComparedFile, contrast, open_file
from dlpuconv.contrast.result import Contrast, Side
from dlpuconv.contrast.signature import signature_of

__all__ = ["Contrast", "ComparedFile", "Side", "Comparands", "contrast", "open_file", "signature_of"]
