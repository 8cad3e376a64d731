"""What every network has to keep to, whoever made it: each check takes a network and says what is wrong."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.network import CannotError, Constants, OutputPiece
from dlpuconv.quantization.techniques.groups import chain_of
from dlpuconv.quantization.techniques.orders import Places, reordered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Node, Value

_CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}


def made_up(network: Network, count: int = 2) -> list[Feed]:
    """Values for its inputs: from -1 to 1, or any codes."""
    random = np.random.default_rng(7)
    return [{v.name: _drawn(v, random) for v in network.inputs} for _ in range(count)]


def _drawn(value: Value, random: np.random.Generator) -> npt.NDArray[Any]:
    if value.affine is None:
        return random.uniform(-1, 1, value.shape).astype(value.dtype)
    limits = np.iinfo(value.dtype)
    return random.integers(limits.min, limits.max, value.shape, value.dtype, endpoint=True)


def values_of(network: Network, feed: Feed, taps: Sequence[Value], *, plain: bool = True) -> list[npt.NDArray[Any]]:
    """What some activations hold."""
    return [np.array(values) for values in next(network.run([feed], taps, plain=plain))]


def check_nodes(network: Network) -> None:
    """Nodes lie behind what they read, names are unique, and layers are described in the shapes of their values."""
    known = set(network.inputs)
    for node in network.nodes:
        assert node.outputs, node.kind
        assert all(v in known for v in node.activations), f"{node.kind} runs before what it reads"
        known.update(node.outputs)
        if node.layer is not None and node.layer.weights is not None:
            _check_layer(node)
    assert known.issuperset(v for v in network.outputs if not v.is_constant)
    names = [v.name for v in network.values() if not v.is_constant]
    assert len(names) == len(set(names))


def _check_layer(node: Node) -> None:
    layer, read = node.layer, node.input(node.layer.data if node.layer else 0)
    assert layer is not None
    assert layer.weights is not None
    assert layer.rows == node.output.shape[-1]
    assert layer.bias is None or layer.bias.shape == (layer.rows,)
    if layer.geometry is None:
        assert layer.columns % read.shape[-1] == 0
        return
    assert layer.columns * layer.groups == read.shape[-1]
    assert layer.geometry.extent == read.shape[1:-1]
    assert layer.geometry.out == node.output.shape[1:-1]
    assert layer.weights.ndim == 2 + len(layer.geometry.stride)


def check_shapes(network: Network) -> None:
    """Every activation has the shape and the type that its value tells."""
    taps = [v for v in network.values() if not v.is_constant]
    for value, values in zip(taps, values_of(network, made_up(network)[0], taps), strict=True):
        assert values.shape == value.shape, value.name
        assert values.dtype == value.dtype, value.name


def check_steps(network: Network) -> None:
    """One node after the other gives what the whole gives."""
    feeds = made_up(network)
    taps = [v for node in network.nodes for v in node.outputs]
    whole = [[np.array(values) for values in found] for found in network.run(feeds, taps, plain=True)]
    now = [dict(feed) for feed in feeds]
    for node in network.nodes:
        read = [{v.name: values[v.name] for v in node.activations} for values in now]
        for values, outputs in zip(now, network.run_one(node, read), strict=True):
            values.update({v.name: np.array(made) for v, made in zip(node.outputs, outputs, strict=True)})
    for values, expected in zip(now, whole, strict=True):
        for value, wanted in zip(taps, expected, strict=True):
            assert np.allclose(values[value.name], wanted, **_CLOSE), value.name


def check_stretches(network: Network) -> None:
    """Some nodes in a row give what the whole gives, out of what the whole gives in front of them."""
    feeds = made_up(network)
    taps = [v for node in network.nodes for v in node.outputs]
    whole = [[np.array(values) for values in found] for found in network.run(feeds, taps, plain=True)]
    every = [
        {**feed, **{v.name: a for v, a in zip(taps, found, strict=True)}}
        for feed, found in zip(feeds, whole, strict=True)
    ]
    for begin in range(0, len(network.nodes), 3):
        nodes = network.nodes[begin : begin + 3]
        made = [v for node in nodes for v in node.outputs]
        names = {v.name for node in nodes for v in node.activations} - {v.name for v in made}
        read = [{name: values[name] for name in names} for values in every]
        for values, outputs in zip(every, network.run_part(nodes, read, made), strict=True):
            for value, output in zip(made, outputs, strict=True):
                assert np.allclose(output, values[value.name], **_CLOSE), value.name


def check_taps(network: Network) -> None:
    """Inputs may be told too, in any order, by the fast kernels and when it is loaded for single inferences."""
    feed, other = made_up(network)
    taps = [*network.outputs, *network.inputs]
    plain = values_of(network, feed, taps)
    fast = values_of(network, feed, taps, plain=False)
    for values, wanted in zip(fast, plain, strict=True):
        step = 1 if np.issubdtype(wanted.dtype, np.integer) else 0  # the fast integer kernels round elsewhere
        assert np.allclose(values.astype(np.float64), wanted, atol=_CLOSE["atol"] + step, rtol=_CLOSE["rtol"])
    infer = network.loaded(taps)
    infer(other)
    for values, wanted in zip(infer(feed), fast, strict=True):
        assert np.allclose(values, wanted, **_CLOSE)
    for values, wanted in zip(infer({}), fast, strict=True):
        assert np.allclose(values, wanted, **_CLOSE), "an input that is left out stays as it was"


def check_constants(network: Network) -> None:
    """Weights and a bias that are changed show in the layer and what follows, and nowhere else."""
    feed = made_up(network)[0]
    for node in network.nodes:
        layer = node.layer
        if layer is None or layer.weights is None or layer.bias is None or layer.activation.rectifies:
            continue
        new = Constants(weights=np.zeros_like(layer.weights), bias=np.full(layer.rows, 0.5, layer.bias.dtype))
        edited = network.with_constants({node: new})
        at = network.nodes.index(node)
        assert edited.key != network.key
        assert [n for n in edited.nodes if n in set(network.nodes)] == [n for n in network.nodes if n is not node]
        made = edited.nodes[at]
        assert made.layer is not None
        assert made.layer.weights is not None
        assert not made.layer.weights.any()
        assert made.outputs == node.outputs
        before = [v for n in network.nodes[:at] for v in n.outputs]
        for one, other in zip(values_of(network, feed, before), values_of(edited, feed, before), strict=True):
            assert np.array_equal(one, other)
        assert np.ptp(values_of(edited, feed, [node.output])[0]) == 0
        assert layer.weights.any(), "the network that was edited is left as it was"
        again = edited.with_constants({made: Constants(weights=layer.weights, bias=layer.bias)})
        for one, other in zip(
            values_of(network, feed, [node.output]), values_of(again, feed, [node.output]), strict=True
        ):
            assert np.array_equal(one, other)


def check_errors(network: Network) -> None:
    """What is added to an activation is what its readers see."""
    feed = made_up(network)[0]
    values = [v for node in network.nodes for v in node.outputs if v.is_data]
    disturbed, names = network.with_errors(values)
    assert {v.name for v in values} == set(names)
    nothing = {names[v.name]: np.zeros(v.shape, np.float32) for v in values}
    exact = values_of(network, feed, values)
    for one, other in zip(exact, values_of(disturbed, {**feed, **nothing}, values), strict=True):
        assert np.allclose(one, other, **_CLOSE)
    for value, wanted in zip(values, exact, strict=True):
        error = {names[value.name]: np.full(value.shape, 0.25, np.float32)}
        found = values_of(disturbed, {**feed, **nothing, **error}, [value])[0]
        assert np.allclose(found, wanted + 0.25, **_CLOSE), value.name


def check_without_activation(network: Network) -> None:
    """A layer can be asked for its sums, before what is fused."""
    feed = made_up(network)[0]
    for node in network.nodes:
        if node.layer is None or not node.layer.activation.rectifies:
            continue
        read = dict(zip([v.name for v in node.activations], values_of(network, feed, node.activations), strict=True))
        sums = network.loaded_one(node, activated=False)(read)[0]
        made = network.loaded_one(node)(read)[0]
        clip = np.inf if node.layer.activation.clip is None else node.layer.activation.clip
        assert np.allclose(np.clip(sums, 0, clip), made, **_CLOSE)


def _edited[T](edit: Callable[[], T]) -> T | None:
    """What an edit makes; None where the format refuses it, which it has to do with a reason."""
    try:
        return edit()
    except CannotError as refusal:
        reason = str(refusal)
    assert " " in reason
    return None


def check_ending(network: Network) -> None:
    """It may end at any activations, where the format lets it; refusals say why."""
    feed = made_up(network)[0]
    for node in network.nodes:
        edited = _edited(partial(network.ending_at, [node.output]))
        if edited is None:
            continue
        assert edited.outputs == (node.output,)
        assert np.allclose(
            values_of(edited, feed, edited.outputs)[0], values_of(network, feed, [node.output])[0], **_CLOSE
        )


def check_scaling(network: Network) -> None:
    """Factors for the channels of an activation are seen by all its readers."""
    feed = made_up(network)[0]
    for node in network.nodes:
        value, factors = node.output, np.geomspace(0.5, 2.0, node.output.shape[-1])
        if not value.is_data:
            continue
        edited = _edited(partial(network.with_channel_scale, value, factors))
        if edited is None:
            continue
        check_nodes(edited)
        before, after = (values_of(each, feed, [value])[0] for each in (network, edited))
        assert np.allclose(after, before * factors, **_CLOSE), value.name


def check_groups(network: Network) -> None:
    """A layer in several parts, with depthwise layers right behind it, makes what it made, in the same order."""
    feed = made_up(network)[0]
    for node in network.nodes:
        chain = _edited(partial(chain_of, network, node.output.name))
        if chain is None or node.output.channels < 3:
            continue
        sizes = [1, node.output.channels - 2, 1]
        edited = _edited(partial(network.with_parallel_layers, chain, sizes))
        if edited is None:
            continue
        check_nodes(edited)
        new = [n for n in edited.nodes if n not in set(network.nodes)]
        assert sorted(n.output.channels for n in new) == sorted([*sizes * len(chain), node.output.channels])
        before, after = (values_of(each, feed, network.outputs) for each in (network, edited))
        assert all(np.allclose(one, other, **_CLOSE) for one, other in zip(before, after, strict=True))


def check_orders(network: Network) -> None:
    """Where the channels of an activation may change places, the outputs stay what they are."""
    feed, places = made_up(network)[0], Places.of(network)
    for node in network.nodes:
        if not node.output.is_data:
            continue
        order = np.roll(np.arange(node.output.channels), 1)
        moved = places.moved(node.output, order)
        if moved is None:
            continue
        edited = reordered(network, moved)
        check_nodes(edited)
        before, after = (values_of(each, feed, [*network.outputs, node.output]) for each in (network, edited))
        assert np.allclose(after.pop(), before.pop()[..., order], **_CLOSE), node.output.name
        assert all(np.allclose(one, other, **_CLOSE) for one, other in zip(before, after, strict=True))


def check_parts(network: Network) -> None:
    """Outputs in two parts are what they were as a whole."""
    feed = made_up(network)[0]
    wholes = values_of(network, feed, network.outputs)
    axes = [int(np.argmax(whole.shape)) for whole in wholes]
    pieces = [
        OutputPiece(at, axis, *ends)
        for at, (axis, whole) in enumerate(zip(axes, wholes, strict=True))
        for ends in ((0, 1), (1, whole.shape[axis]))
    ]
    edited = _edited(partial(network.with_output_parts, pieces))
    if edited is None:
        return
    check_nodes(edited)
    parts = values_of(edited, feed, edited.outputs)
    for at, (axis, whole) in enumerate(zip(axes, wholes, strict=True)):
        assert np.allclose(np.concatenate(parts[2 * at : 2 * at + 2], axis), whole, **_CLOSE)


CHECKS = [
    check_nodes,
    check_shapes,
    check_steps,
    check_stretches,
    check_taps,
    check_constants,
    check_errors,
    check_without_activation,
    check_ending,
    check_scaling,
    check_groups,
    check_orders,
    check_parts,
]
INTEGER_CHECKS = [check_nodes, check_shapes, check_steps, check_stretches, check_taps]


every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
"""For a test that has a float network of some format: `def test_...(check): check(network)`."""

every_integer_check = pytest.mark.parametrize("check", INTEGER_CHECKS, ids=lambda check: check.__name__)
"""The same for one that has an integer network."""
