"""The ordered list of passes, and the one function that runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.passes import (
    absorb_channel_gather,
    canonical_arithmetic,
    canonical_moves,
    canonical_reductions,
    centre_norms,
    constant_indices,
    eliminate_noops,
    expand_norms,
    explicit_padding,
    fold_affine,
    fold_batch_norm,
    fold_constants,
    fold_distribution,
    fold_pad,
    fold_space_to_depth,
    last_index,
    matmul_to_gemm,
    merge_reshapes,
    merge_transposes,
    move_concat,
    part_of_concat,
    recognise_activations,
    recognise_channel_gather,
    recognise_functions,
    recognise_log_softmax,
    reduce_before_moves,
    resize_by_matrices,
    single_values,
    spell_affine,
    spell_channel_gather,
    spell_einsum,
    spell_fourier,
    spell_lp_pool,
    spell_pad,
    spread_one,
    steps_first,
    strided_slice,
    tidy,
    unify_opset,
    unroll_recurrent,
    wrap_by_concat,
)
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.kept_scales import with_kept_scales
from dlpuconv.passes.report import NormalFormReport, PassReport

if TYPE_CHECKING:
    from dlpuconv.ir.model import Model
    from dlpuconv.passes.contract import Firing, Pass

FIRST: tuple[Pass, ...] = (
    fold_constants.PASS,  # with the source's opset: gives every other pass shapes and constants
    unify_opset.PASS,  # from here on, passes know one spelling of each operator
    tidy.UNUSED,  # weights of folded nodes would be compared and counted as readers below
)

REPEATED: tuple[Pass, ...] = (
    fold_constants.AGAIN,  # what the round before made constant
    eliminate_noops.PASS,  # so that patterns below meet without Identity and the like between
    explicit_padding.PASS,  # before anything asks how a Conv or pool pads
    explicit_padding.ROUNDING,
    spell_lp_pool.PASS,  # makes AveragePools
    spell_pad.PASS,
    last_index.PASS,
    spell_fourier.STFT,
    spell_fourier.DFT,
    spell_einsum.PASS,  # makes MatMuls
    matmul_to_gemm.PLAIN,
    canonical_arithmetic.PASS,
    recognise_activations.BOUNDS,
    recognise_functions.PASS,  # before the factors in them are folded into something else
    recognise_activations.HALVES,
    recognise_activations.SLOPES,
    recognise_log_softmax.PASS,
    spell_affine.HARD_SIGMOID,  # only what is no part of a HardSwish
    steps_first.PASS,
    unroll_recurrent.PASS,
    expand_norms.GROUPS,  # before the InstanceNormalization in a GroupNorm is taken for one
    expand_norms.PASS,
    centre_norms.PASS,
    canonical_reductions.POOLS,
    canonical_reductions.AXES,
    reduce_before_moves.PASS,  # after axes are kept, before what is left of the moves is merged
    merge_reshapes.PASS,
    single_values.PASS,
    canonical_moves.SOFTMAX,  # before Transposes are moved about
    recognise_channel_gather.PASS,  # likewise: some belong to shuffles
    merge_transposes.SINK,
    merge_transposes.MERGE,
    merge_transposes.LIFT,  # of what found no other one to merge with
    canonical_moves.RESHAPE,
    canonical_moves.DEPTH_TO_SPACE,
    resize_by_matrices.POLICY,  # which is about the axes that are named
    resize_by_matrices.ANTIALIASED,
    canonical_moves.RESIZE,
    spread_one.PASS,
    canonical_moves.EXPAND,
    constant_indices.SCATTER,
    constant_indices.GATHER,
    canonical_moves.SPLIT,  # what it makes are Slices
    strided_slice.MERGE,  # before a Pad behind looks for its Slice
    strided_slice.SHORTCUT,
    fold_space_to_depth.PASS,
    fold_distribution.PASS,
    part_of_concat.PASS,
    move_concat.PASS,
    wrap_by_concat.PASS,
    fold_pad.MERGE,
    fold_pad.FOLD,
    fold_batch_norm.BACKWARD,
    fold_batch_norm.SPELL_OUT,  # what no operator took; its Mul and Add may still be folded forward
    matmul_to_gemm.TO_GEMM,
    fold_affine.MERGE,
    fold_affine.BEHIND,  # before the fold forward: a bias behind is exact, one in front may meet padding
    fold_affine.IN_FRONT,
    absorb_channel_gather.FORWARD,  # forward first: a permutation costs nothing there
    absorb_channel_gather.BACKWARD,
    tidy.NODES,
    tidy.UNUSED,  # so that "read by one node" is judged on what is left
)

LEFTOVERS: tuple[Pass, ...] = (  # what no weights took in any round; the layers that they become may take something
    canonical_moves.GATHER,
    spell_channel_gather.PASS,  # what are no neighbours
    strided_slice.POOL,  # only what became no convolution
    spell_affine.DEPTHWISE,
)

LAST: tuple[Pass, ...] = (
    tidy.CONSTANTS,
    tidy.NODES,  # of equal constants
    tidy.UNUSED,
)

MAX_ROUNDS = 12


class _Tally:
    """Firings by pass, in the order in which passes first ran."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._reports: dict[str, PassReport] = {}

    def run(self, passes: tuple[Pass, ...]) -> int:
        return sum(self._count(entry, entry.run(self._editor)) for entry in passes)

    def _count(self, entry: Pass, now: Firing) -> int:
        before = self._reports.get(entry.name, PassReport(entry.name, entry.title, 0))
        # A candidate that a later pass spelled in another way keeps the reason why that was needed.
        declined = now.declined if now.fired or now.declined else before.declined
        self._reports[entry.name] = replace(
            before, fired=before.fired + now.fired, nodes=(*before.nodes, *now.nodes), declined=declined
        )
        return now.fired

    def reports(self) -> tuple[PassReport, ...]:
        return tuple(self._reports.values())


def normalize(model: Model) -> tuple[Model, NormalFormReport]:
    """Bring a model to normal form.

    The normal form has one opset (`unify_opset.OPSET`), static shapes on every value, no arithmetic on shapes, no
    BatchNormalization, explicit pads, one spelling for each construct (see the passes), and the inputs and outputs of
    the source under their names and in their order. Normalizing it again changes nothing.

    Args:
        model: as the frontends deliver it, every node named; it is not changed.

    Returns:
        The new model, and what was done.

    Raises:
        UnsupportedModelError: the model holds operators that the normal form's opset does not have.
    """
    normal = model.copy()
    editor = Editor(normal.graph)
    tally = _Tally(editor)
    rounds = 0
    tally.run(FIRST)
    while rounds < MAX_ROUNDS and (tally.run(REPEATED) or tally.run(LEFTOVERS)):
        rounds += 1
    tally.run(LAST)
    editor.graph.sort()  # rewrites insert nodes where they stand, not where they belong
    report = NormalFormReport(
        passes=tally.reports(),
        rounds=rounds,
        unshaped=tuple(o.name or "" for n in editor.graph for o in n.outputs if o.name and static_shape(o) is None),
    )
    return with_kept_scales(normal, editor), report
