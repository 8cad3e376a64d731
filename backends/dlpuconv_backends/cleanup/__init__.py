"""Clean-up of a float TFLite graph: an ordered list of rewrites, each in a file of its own.

Every rewrite edits the graph in place, leaves its numbers equal, and returns how often it fired.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.bound_logs import bound_logs
from dlpuconv_backends.cleanup.canonicalize import canonicalize
from dlpuconv_backends.cleanup.clip_to_activation import clip_to_activation
from dlpuconv_backends.cleanup.fold_affine import fold_affine
from dlpuconv_backends.cleanup.fold_constants import fold_constants
from dlpuconv_backends.cleanup.fold_crops import fold_crops
from dlpuconv_backends.cleanup.fold_pads import fold_pads
from dlpuconv_backends.cleanup.fold_pool_counts import fold_pool_counts
from dlpuconv_backends.cleanup.fuse_activations import fuse_activations
from dlpuconv_backends.cleanup.keep_reduced_axes import keep_reduced_axes
from dlpuconv_backends.cleanup.keep_rows import keep_rows
from dlpuconv_backends.cleanup.layout import choose_layouts
from dlpuconv_backends.cleanup.lower_ranks import lower_ranks
from dlpuconv_backends.cleanup.matmul_to_layer import matmul_to_layer
from dlpuconv_backends.cleanup.merge_grouped_deconv import merge_grouped_deconv
from dlpuconv_backends.cleanup.merge_moves import merge_moves
from dlpuconv_backends.cleanup.mish_by_sigmoid import mish_by_sigmoid
from dlpuconv_backends.cleanup.name_tensors import name_tensors
from dlpuconv_backends.cleanup.open_sandwiches import open_sandwiches
from dlpuconv_backends.cleanup.own_outputs import own_outputs
from dlpuconv_backends.cleanup.permute_flattened import permute_flattened
from dlpuconv_backends.cleanup.remove_noops import remove_noops
from dlpuconv_backends.cleanup.share_duplicates import share_constants, share_operators
from dlpuconv_backends.cleanup.slices_to_split import slices_to_split
from dlpuconv_backends.cleanup.subtract_maximum import subtract_maximum
from dlpuconv_backends.cleanup.zero_for_lowest import zero_for_lowest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlpuconv_backends.flatbuffer.graph import Graph

type Rewrite = Callable[[Graph], int]

BEFORE_LAYOUT: tuple[Rewrite, ...] = (
    fold_constants,  # first: rewrites read shapes, axes and permutations as constants
    mish_by_sigmoid,  # before the logarithm in it is taken for a Softplus
    bound_logs,
    subtract_maximum,
    canonicalize,  # the search for layouts knows few kinds of operators
    share_operators,  # lowering repeats a TRANSPOSE for every reader; one is cheaper to reason about
)
AFTER_LAYOUT: tuple[Rewrite, ...] = (
    remove_noops,
    merge_moves,
    share_operators,  # after moves have merged, equal ones stand side by side
    open_sandwiches,
    keep_reduced_axes,
    merge_grouped_deconv,
    fold_crops,  # before fold_affine: a bias behind a crop belongs to the convolution
    fold_pool_counts,  # before fold_pads and fold_affine: it needs the PAD and the factors
    matmul_to_layer,  # makes layers that can take the affine operators behind them
    clip_to_activation,  # makes factors for fold_affine and activations for fuse_activations
    fold_affine,  # before activations are fused: they stand behind it
    keep_rows,  # once nothing stands between a layer and the change of shape behind it
    fuse_activations,
    zero_for_lowest,  # needs fused activations to know what is not negative
    fold_pads,
    permute_flattened,
)
AT_THE_END: tuple[Rewrite, ...] = (
    lower_ranks,  # chains of moves over many axes have been understood by now
    merge_moves,
    remove_noops,  # the RESHAPEs that cancel
    share_operators,  # those of one tensor's readers
    slices_to_split,
    share_constants,
    own_outputs,
)
_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """What a clean-up did.

    Attributes:
        output_permutations: by output name: axis i of the graph's output is axis permutation[i] of the source's.
        fired: how often each rewrite fired, by name.
    """

    output_permutations: Mapping[str, tuple[int, ...]]
    fired: Mapping[str, int] = field(default_factory=dict)


def clean(graph: Graph, source_transposes: frozenset[str] = frozenset()) -> CleanUp:
    """Clean a graph in place.

    Args:
        graph: as lowered: every value in ONNX's own layout.
        source_transposes: names of the source model's own Transpose nodes.
    """
    names = [t.name for t in graph.outputs]
    fired: dict[str, int] = {}
    _once(graph, BEFORE_LAYOUT, fired)
    permutations = dict(zip(names, choose_layouts(graph, source_transposes), strict=True))
    for _ in range(_ROUNDS):
        if not _once(graph, AFTER_LAYOUT, fired):
            break
    _once(graph, AT_THE_END, fired)
    name_tensors(graph, names)
    return CleanUp(output_permutations=permutations, fired=fired)


def _once(graph: Graph, rewrites: tuple[Rewrite, ...], fired: dict[str, int]) -> int:
    """Run every rewrite once; how often any of them fired."""
    total = 0
    for rewrite in rewrites:
        count = rewrite(graph)
        graph.drop_dead()
        fired[rewrite.__name__] = fired.get(rewrite.__name__, 0) + count
        total += count
    return total


__all__ = ["AFTER_LAYOUT", "AT_THE_END", "BEFORE_LAYOUT", "CleanUp", "Rewrite", "clean"]
