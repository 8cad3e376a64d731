"""How graphs are cut: pieces counted by hand."""

from __future__ import annotations

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.formats.view import FileView, LayerView
from dlpuconv.placement import Piece, Processor, delegated, single_cut
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.tflite_models import activation, file_of

DLPU, CPU = Processor.DLPU, Processor.CPU


def chain(length: int) -> FileView:
    values = [activation(f"v{i}", (1, 4, 4, 8)) for i in range(length + 1)]
    steps = [Operator("RELU", [values[i]], [values[i + 1]]) for i in range(length)]
    return parse_tflite(file_of(values[:1], values[-1:], *steps))


def two_branches() -> FileView:
    """Both of two steps behind one input, written in turns: a0 b0 a1 b1."""
    x = activation("x", (1, 4, 4, 8))
    a, b = ([activation(f"{name}{i}", x.shape) for i in range(2)] for name in "ab")
    steps = [
        Operator("RELU", [x], [a[0]]),
        Operator("RELU", [x], [b[0]]),
        Operator("RELU", [a[0]], [a[1]]),
        Operator("RELU", [b[0]], [b[1]]),
    ]
    return parse_tflite(file_of([x], [a[1], b[1]], *steps))


def test_a_graph_that_the_accelerator_takes_is_one_piece() -> None:
    assert delegated(chain(3), ()) == [Piece(DLPU, (0, 1, 2))]
    assert single_cut(chain(3), ()) == [Piece(DLPU, (0, 1, 2))]


def test_one_refused_layer_between_two_parts_gives_three_pieces() -> None:
    assert delegated(chain(3), {1}) == [Piece(DLPU, (0,)), Piece(CPU, (1,)), Piece(DLPU, (2,))]


def test_neighbours_that_are_refused_share_a_piece() -> None:
    assert delegated(chain(4), {1, 2}) == [Piece(DLPU, (0,)), Piece(CPU, (1, 2)), Piece(DLPU, (3,))]


def test_branches_are_cut_by_what_they_depend_on_and_not_by_their_order_in_the_file() -> None:
    """b0 and b1 are refused: in the file's order that would be four pieces, but the branches are independent."""
    assert delegated(two_branches(), {1, 3}) == [Piece(DLPU, (0, 2)), Piece(CPU, (1, 3))]


def test_a_first_layer_that_is_refused_makes_the_first_piece() -> None:
    assert delegated(chain(2), {0}) == [Piece(CPU, (0,)), Piece(DLPU, (1,))]


def test_a_single_cut_leaves_everything_behind_the_first_refused_layer_to_the_cpu() -> None:
    assert single_cut(chain(4), {1, 3}) == [Piece(DLPU, (0,)), Piece(CPU, (1, 2, 3))]
    assert single_cut(chain(2), {0}) == [Piece(CPU, (0, 1))]


def test_layers_of_a_damaged_graph_that_wait_for_one_another_are_left_to_the_cpu() -> None:
    tensors = chain(2).tensors
    layers = tuple(
        LayerView(
            index=i, op="RELU", version=1, custom=False, inputs=(1 - i,), outputs=(i,), options={}, name=f"layer{i}"
        )
        for i in range(2)
    )
    loop = FileView(format="tflite", tensors=tensors, layers=layers, inputs=(), outputs=(1,))
    assert delegated(loop, ()) == [Piece(CPU, (0, 1))]


def test_a_long_chain_of_alternating_layers_is_cut_in_no_time() -> None:
    count = 20_000
    tensors = chain(1).tensors[:1] * (count + 1)
    layers = tuple(
        LayerView(
            index=i, op="RELU", version=1, custom=False, inputs=(i,), outputs=(i + 1,), options={}, name=f"layer{i}"
        )
        for i in range(count)
    )
    view = FileView(format="tflite", tensors=tensors, layers=layers, inputs=(0,), outputs=(count,))
    assert len(delegated(view, range(0, count, 2))) == count
