"""Any source becomes a Whole: what `load` does, as far as it does not matter that a chip cannot run all of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.division.extract import extract
from dlpuconv.division.whole import Whole, spec_of
from dlpuconv.errors import ModelError
from dlpuconv.formats.onnx_worker import warm_up
from dlpuconv.frontends.options import SourceOptions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx

    from dlpuconv.division.division import Division
    from dlpuconv.frontends.inference import Inferred
    from dlpuconv.ir import Model


def read_whole(
    source: object, options: SourceOptions, *, example_inputs: object = None, name: str | None = None
) -> Whole:
    """A source network with operators that no chip has a form for, control flow and shapes that depend on values.

    Args:
        source: anything that `load` reads.
        options: shapes of inputs; where it ends.
        example_inputs: see `load`.
        name: see `load`.

    Raises:
        DlpuconvError: see `load`; what is left as it is, is no error here.
    """
    warm_up()
    from dlpuconv.frontends import steps
    from dlpuconv.frontends.attributes import screen_attributes
    from dlpuconv.frontends.batches import batch_pictures
    from dlpuconv.frontends.constant_loops import compute_constant_loops
    from dlpuconv.frontends.counted_loops import unroll_counted_loops
    from dlpuconv.frontends.inference import infer
    from dlpuconv.frontends.masks import make_masks_finite
    from dlpuconv.frontends.node_names import name_nodes
    from dlpuconv.frontends.operands import screen_constants
    from dlpuconv.frontends.operators import strangers
    from dlpuconv.frontends.precision import to_float32
    from dlpuconv.frontends.readers import SourceRequest, acquire
    from dlpuconv.frontends.shapes import bind_inputs, screen_inputs
    from dlpuconv.frontends.skeleton import check_nodes

    acquired = acquire(source, SourceRequest(options=options, example_inputs=example_inputs, name=name))
    proto = steps.straightened(acquired.proto)
    graph = proto.graph
    asked, scales = steps.ended_and_read(proto, options)
    screen_inputs(graph)
    _screen_outputs(graph)
    compute_constant_loops(proto)
    unroll_counted_loops(proto)
    to_float32(proto)
    make_masks_finite(proto)
    bind_inputs(graph, asked)
    screen_attributes(proto)
    check_nodes(proto, strangers(proto))
    screen_constants(graph)
    inferred = steps.settle(proto, partial(infer, proto, strict=False))
    _fold(proto, inferred)
    steps.declare(graph, inferred)
    batch_pictures(proto)
    name_nodes(graph)
    steps.forget(proto)
    return Whole(
        proto=proto,
        source=acquired.source,
        inputs=tuple(spec for value in graph.input if (spec := spec_of(value))),
        outputs=tuple(value.name for value in graph.output),
        scales=scales,
    )


def chip_part(whole: Whole, division: Division) -> Model:
    """The part of a divided network that the chip runs.

    Raises:
        DlpuconvError: see `load`: there is still something in it that no conversion exists for.
    """
    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.steps import finish

    proto = extract(whole.proto, division.entry, division.cut)
    specs = filter(None, map(spec_of, proto.graph.input))
    shapes = {spec.name: spec.shape for spec in specs}  # whatever their batch is
    return finish(
        Acquired(proto=proto, source=whole.source, scales=whole.scales),
        SourceOptions(input_shapes=shapes),
        is_part=True,
    )


def _screen_outputs(graph: onnx.GraphProto) -> None:
    """Check that the types that a model says its outputs have are types of ONNX; nobody may be able to infer them.

    Raises:
        ModelError: one is not.
    """
    import onnx

    known = onnx.TensorProto.DataType.values()
    wrong = [value.name for value in graph.output if value.type.tensor_type.elem_type not in known]
    if wrong:
        raise ModelError(f"the output {wrong[0]!r} is of an unknown data type", id="tensor-type-unknown")


def _fold(proto: onnx.ModelProto, inferred: Inferred) -> None:
    """Put small constants in the place of what computes them, such as arithmetic with shapes, in place.

    A cut through the network would otherwise go through that arithmetic, too.
    """
    from dlpuconv.frontends.arithmetic import evaluate
    from dlpuconv.frontends.cut import remove_dead
    from dlpuconv.frontends.inference import SMALL
    from dlpuconv.frontends.skeleton import replace_by_values

    graph = proto.graph
    known = {**inferred.constants, **evaluate(proto, inferred.types, inferred.constants, SMALL)}
    told = {value.name for value in graph.output}
    found: dict[str, npt.NDArray[np.generic]] = {}
    for node in graph.node:
        made = {name for name in node.output if name}
        if made <= known.keys() and not made & told:
            found |= {name: known[name] for name in made}
    replace_by_values(graph, found)
    remove_dead(graph)
