"""Another input size for a model of static shape: proved by a run, or refused with the operator that forbids it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError, ModelError, ShapeError
from dlpuconv.formats.ort_runner import OrtRunner, RefusedModelError
from dlpuconv.frontends.inference import Inferred, extents, infer, is_static
from dlpuconv.frontends.options import shape_flag
from dlpuconv.frontends.shapes import Declared, declared_shape, set_shape, shown
from dlpuconv.ir.nodes import label
from dlpuconv.ir.weights import split_proto

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt
    import onnx

_FAILED_NODE = re.compile(r"running (\w+) node\. Name:'([^']*)' Status Message: (.*)")
_SOURCE_LINE = re.compile(r"/\S*onnxruntime/.*? was false\. ")
_MERGE = re.compile(r"Can't merge shape info.*?Inferred=(\d+) Declared=(\d+) Dimension=(\d+)")
_FITS_NOT = re.compile(r"\(op_type: ?(\w+)(?:, node name: ?([^)]*))?\): ?(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizing:
    """What was asked of a model whose shape was static.

    Attributes:
        before: shape of each re-sized input as the model gives it.
        after: shape of each as it was asked for.
        original: what was inferred of the model before, or None where that fails.
    """

    before: Mapping[str, Declared]
    after: Mapping[str, tuple[int, ...]]
    original: Inferred | None = field(default=None, repr=False)

    @classmethod
    def of(cls, model: onnx.ModelProto, asked: Mapping[str, tuple[int, ...]]) -> Resizing:
        """What the options ask for beyond the model's own shapes; nothing, mostly."""
        before: dict[str, Declared] = {}
        after: dict[str, tuple[int, ...]] = {}
        for value in model.graph.input:
            declared = declared_shape(value)
            wanted = asked.get(value.name, asked.get("") if len(model.graph.input) == 1 else None)
            if declared is None or wanted is None or len(declared) != len(wanted):
                continue
            if any(isinstance(old, int) and old > 0 and old != new for old, new in zip(declared, wanted, strict=True)):
                before[value.name], after[value.name] = declared, wanted
        return cls(before=before, after=after)

    def with_original(self, model: onnx.ModelProto) -> Resizing:
        """The same, knowing the model's values as they were; nothing is done when nothing is re-sized.

        Args:
            model: screened, with the new sizes.
        """
        return replace(self, original=_original(model, self.before)) if self else self

    def __bool__(self) -> bool:
        """True when something is to be re-sized."""
        return bool(self.after)

    def prove(self, model: onnx.ModelProto, inferred: Inferred) -> None:
        """Run the re-sized model once; nothing happens when nothing was re-sized.

        Raises:
            ShapeError: an operator fixes the size, or the batch has moved into another axis.
        """
        if not self:
            return
        self._check_batch(model.graph, inferred)
        problem = run_once(model)
        if problem:
            raise ShapeError(self.refusal(model, problem), id="shape-resize-impossible")

    def refusal(self, model: onnx.ModelProto, problem: str) -> str:
        """The sentence for a model that cannot be re-sized.

        Args:
            model: with the new sizes.
            problem: the message of ONNX's inference or of ONNX Runtime.
        """
        match = _FAILED_NODE.search(problem) or _FITS_NOT.search(problem)
        node = _named(model.graph, match) if match else None
        if node is None or match is None:
            return self._prefix() + problem
        pin = self._pinned_by(model, node)
        reason = _MERGE.sub(r"it gets \1 and \2 on axis \3", _SOURCE_LINE.sub("", match.group(3))).strip()
        return self._prefix() + f"{label(node)} does not fit any more ({reason})" + (f"; {pin}" if pin else "")

    def _prefix(self) -> str:
        flags = " ".join(shape_flag(name, shape) for name, shape in self.after.items())
        sizes = ", ".join(shown(shape) for shape in self.before.values())
        return f"{flags}: the model cannot be re-sized from {sizes}: "

    def _pinned_by(self, model: onnx.ModelProto, node: onnx.NodeProto) -> str:
        """The nearest operator at or above this one that holds a fixed size, as a sentence."""
        try:
            now = infer(model, strict=False)
        except ModelError:
            return pin_of(model.graph, node, {})
        maker = {name: other for other in model.graph.node for name in other.output}
        queue, seen = [node], {id(node)}
        for current in queue:
            text = pin_of(model.graph, current, now.constants)
            if text and (current is node or self._stays(current, now)):
                return text
            for name in current.input:
                above = maker.get(name)
                if above is not None and id(above) not in seen:
                    seen.add(id(above))
                    queue.append(above)
        return ""

    def _stays(self, node: onnx.NodeProto, now: Inferred) -> bool:
        """True for an operator whose input has another size now, and whose output has not."""

        def changed(name: str) -> bool:
            old, new = ((known.types.get(name) if known else None) for known in (self.original, now))
            return old is not None and new is not None and old.type.tensor_type.shape != new.type.tensor_type.shape

        return any(map(changed, node.input)) and not any(map(changed, node.output))

    def _check_batch(self, graph: onnx.GraphProto, inferred: Inferred) -> None:
        """Reshape([-1, 1280]) makes a larger picture into a larger batch, which no operator complains of."""
        if self.original is None:
            return
        first = next(iter(self.after))
        old, new = self.before[first][0], self.after[first][0]
        moved = set(self._moved(inferred, old, new))
        if not any(output.name in moved for output in graph.output):
            return
        node = next(node for node in graph.node if moved & set(node.output))
        now = next(name for name in node.output if name in moved)
        raise ShapeError(
            self._prefix()
            + f"{label(node)} would give it the shape {list(extents(inferred.types[now]))}, which is another batch; "
            + (pin_of(graph, node, inferred.constants) or "its first extent depends on the picture's size"),
            id="shape-resize-impossible",
        )

    def _moved(self, inferred: Inferred, old: int | str, new: int) -> Iterator[str]:
        """Values whose first extent was the batch and is not any more."""
        assert self.original is not None
        for name, value in self.original.types.items():
            now = inferred.types.get(name)
            if now is None or not is_static(value) or not is_static(now) or len(extents(value)) < 2:
                continue
            if extents(value)[0] == old and extents(now)[0] != new:
                yield name


def runs(model: onnx.ModelProto) -> bool:
    """True when ONNX Runtime accepts the model and runs it once."""
    return not run_once(model)


def run_once(model: onnx.ModelProto) -> str:
    """Run the model on ones, without optimizations, so that messages name the model's own operators.

    Args:
        model: with static inputs.

    Returns:
        An empty string, or ONNX Runtime's complaint.
    """
    import numpy as np
    import onnx

    feeds = {
        value.name: np.ones(extents(value), onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
        for value in model.graph.input
    }
    try:
        OrtRunner(split_proto(model), optimize=False).run(feeds)
    except RefusedModelError as error:
        return error.reason
    except ArtifactError as error:  # it crashes on the model
        return str(error)
    return ""


def _original(model: onnx.ModelProto, shapes: Mapping[str, Declared]) -> Inferred | None:
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        if value.name in shapes:
            set_shape(value, tuple(extent if isinstance(extent, int) else 1 for extent in shapes[value.name]))
    try:
        return infer(copy, strict=False)
    except ModelError:
        return None


def _named(graph: onnx.GraphProto, match: re.Match[str]) -> onnx.NodeProto | None:
    kind, name = match.group(1), (match.group(2) or "").strip()
    nodes = [node for node in graph.node if node.op_type == kind]
    return next((node for node in nodes if node.name == name), nodes[0] if len(nodes) == 1 else None)


def pin_of(graph: onnx.GraphProto, node: onnx.NodeProto, constants: Mapping[str, npt.NDArray[np.generic]]) -> str:
    """What in an operator depends on a size, as a sentence, or an empty string.

    Args:
        graph: the operator's.
        node: the operator.
        constants: small values by name.
    """
    slot = {"Reshape": 1, "Expand": 1, "Resize": 3, "Upsample": 1}.get(node.op_type)
    target = constants.get(node.input[slot]) if slot is not None and slot < len(node.input) else None
    if target is not None:
        return f"{label(node)} has the fixed target {target.tolist()}"
    if node.op_type in ("Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Concat"):
        for tensor in graph.initializer:
            if tensor.name in node.input and sum(extent > 1 for extent in tensor.dims) > 1:
                return f"{label(node)} has weights of the fixed shape {list(tensor.dims)}"
    return ""
