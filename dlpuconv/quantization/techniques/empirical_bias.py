"""Empirical bias correction: biases follow what layers really read once everything in front of them is quantized.

The analytic correction takes the mean of a layer's input from the float network. In the quantized one that mean has
moved as well: by saturation, by rounding that is not even, by what is left in the layers before. Here the integer nodes
run one after the other on some samples; before a layer runs, its bias is set so that the mean of its pre-activation is
the float network's: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
supplement D.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.quantize import quantize_one
from dlpuconv.quantization.statistics.channels import Channels
from dlpuconv.quantization.statistics.observe import observe
from dlpuconv.quantization.techniques.stepwise import Stepwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Node, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.quantization.tuned import Tuned

    type Means = dict[str, npt.NDArray[np.float64]]

_SAMPLES = 24


def moved_means(
    tuned: Tuned,
    recipe: Recipe,
    analytic: Quantized,
    realize: Callable[[Quantized], Network],
    feeds: Iterable[Feed],
) -> Means:
    """By how much the mean of each channel that a layer reads differs in the quantized network, by activation name.

    Args:
        tuned: with channels.
        recipe: that it is quantized under.
        analytic: the same, with biases that were corrected for the float network's means.
        realize: makes the integer network.
        feeds: real values of the inputs; the first few are used.

    Raises:
        BackendError: a node cannot be run.
    """
    few = list(islice(feeds, _SAMPLES))
    expected = _float_means(tuned.network, list(analytic.layers), few)
    run = Stepwise(realize(analytic), few)
    moved: Means = {}
    integers = [node for node in run.network.nodes if node.layer is not None]
    for node, integer in zip(analytic.layers, integers, strict=True):
        run.step_to(integer)
        read = _read(node)
        if read.name in expected:  # the few samples' own mean cancels: the difference between the networks counts
            moved[read.name] = run.mean(_read(integer)) - expected[read.name]
        bias = quantize_one(node, replace(tuned, moved=moved), analytic, recipe).bias
        if bias is not None:
            run.change(Constants(bias=bias))
        run.step()
    return moved


def _read(node: Node) -> Value:
    assert node.layer is not None
    return node.input(node.layer.data)


def _float_means(network: Network, layers: Sequence[Node], feeds: Sequence[Feed]) -> Means:
    """[C] mean by channel of every activation that a layer reads."""
    values = list(dict.fromkeys(map(_read, layers)))
    counts = [value.channels for value in values]
    channels = Channels(counts)
    observe(network, values, feeds, [channels])
    parts = np.split(channels.result()[:, 2], np.cumsum(counts)[:-1])
    return {value.name: part for value, part in zip(values, parts, strict=True)}
