"""What the numbers of an output are."""

from __future__ import annotations

from enum import StrEnum


class OutputKind(StrEnum):
    """What the numbers of an output are, for whoever reads them."""

    SCORES = "scores"
    """Probabilities that are compared with a threshold, and ranked."""
    CLASSES = "classes"
    """Probabilities of which the highest counts; or labels."""
    BOXES = "boxes"
    """Rectangles: four numbers each, two corners or a centre and an extent."""
    MASKS = "masks"
    """Probabilities, or labels, for every place of a picture."""
    EMBEDDINGS = "embeddings"
    """Vectors whose direction counts."""
    VALUES = "values"
    """Any numbers: the signal-to-noise ratio is all that can be said of them."""
