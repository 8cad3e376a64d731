"""What has become of a graph that a rewrite changed, in words for people."""

from __future__ import annotations

TITLES = {
    "fold_constants": "what depends on constants alone was computed",
    "mish_by_sigmoid": "Mish is computed without an exponential",
    "bound_logs": "a logarithm of exponentials became a line and a bounded rest",
    "subtract_maximum": "a logarithm of a sum of exponentials is taken below the maximum",
    "canonicalize": "shapes, indices and broadcasting were spelled in one way",
    "share_operators": "equal operators on equal inputs became one",
    "remove_noops": "operators that do nothing were left out",
    "merge_moves": "moves one behind the other became one",
    "open_sandwiches": "a change of shape around operators on single values was left out",
    "keep_reduced_axes": "a reduction took over the change of shape behind it",
    "merge_grouped_deconv": "the groups of a transposed convolution became one layer",
    "fold_crops": "a transposed convolution took over the crop behind it",
    "fold_pool_counts": "an average pool leaves its padding out by itself",
    "matmul_to_layer": "a product with a constant matrix became a layer",
    "clip_to_activation": "a clip became an activation that layers can do",
    "fold_affine": "factors and summands went into the weights and bias in front",
    "keep_rows": "a layer took over the changes of shape around it",
    "fuse_activations": "activations were fused into what is in front of them",
    "zero_for_lowest": "a pool's padding became zeros",
    "fold_pads": "a convolution took over the padding in front of it",
    "permute_flattened": "the columns of weights were permuted instead of values",
    "lower_ranks": "operators over five axes or more were written over four",
    "slices_to_split": "slices of equal size became a split",
    "share_constants": "equal constants became one",
    "own_outputs": "an output got a tensor of its own",
}
"""By name of the rewrite."""
