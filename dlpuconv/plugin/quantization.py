"""What a backend that follows recipes needs: recipes, the network that techniques work on, what its layers lose."""

from __future__ import annotations

from dlpuconv.analysis import Blame, LayerError, LayerFacts
from dlpuconv.network import (
    ALL,
    Activation,
    CannotError,
    Constants,
    Feed,
    Geometry,
    Layer,
    Meaning,
    Network,
    Node,
    Order,
    Range,
    Scales,
    Tie,
    Value,
)
from dlpuconv.quantization import BiasCorrection, Observer, Override, Recipe, Rounding, WeightScale

__all__ = [
    # a recipe
    "BiasCorrection",
    "Observer",
    "Override",
    "Recipe",
    "Rounding",
    "WeightScale",
    # a network
    "Activation",
    "Constants",
    "Feed",
    "Geometry",
    "Layer",
    "Meaning",
    "Network",
    "Node",
    "Order",
    "Value",
    # its scales
    "ALL",
    "Range",
    "Scales",
    "Tie",
    # an edit that a format does not have
    "CannotError",
    # what layers lose
    "Blame",
    "LayerError",
    "LayerFacts",
]
