"""The graph of a SavedModel reduced to what a network needs, before TensorFlow loads it.

TensorFlow runs some of a graph's functions while it loads it (those that fill tables), others to find constants, and
its operators may read and write any file. So tables are left out, and the functions that a signature calls may hold
nothing but operators that compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.frontends.tensorflow.worker.uncompiled import unmark
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HARMLESS = frozenset({
    "Placeholder", "NoOp", "Const", "Identity", "IdentityN", "ReadVariableOp", "VarHandleOp", "ResourceGather",
    "ResourceGatherNd", "StatefulPartitionedCall", "PartitionedCall", "If", "StatelessIf", "While", "StatelessWhile",
    "Case", "StatelessCase", "Assert", "StopGradient", "PreventGradient", "CheckNumerics", "AssignVariableOp",
    "AssignAddVariableOp", "AssignSubVariableOp", "TensorListFromTensor", "TensorListReserve", "TensorListSetItem",
    "TensorListStack", "TensorListGetItem", "TensorListLength", "TensorListElementShape", "EmptyTensorList",
    "TensorListPushBack", "TensorListPopBack", "TensorListResize",
})  # fmt: skip
"""Beside the operators that tf2onnx knows: variables, control flow, and lists of tensors."""
_OUTSIDE = ("HashTable", "MutableHashTable", "LookupTable", "Iterator", "FIFOQueue", "Queue", "String", "AsString")
"""tf2onnx knows some of these, too."""
_TABLES = ("HashTable", "MutableHashTable", "LookupTable", "StringToHash")
_NAMES = ("string", "list(string)", "func", "list(func)")


def stripped(content: bytes) -> bytes:
    """A `saved_model.pb` that nothing of runs when it is loaded.

    Raises:
        ModelError: it is none, or damaged.
        UnsupportedModelError: a signature holds operators that do more than compute, or TensorFlow 1 wrote it.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ModelError("its saved_model.pb is damaged", id="tensorflow-model-damaged") from error
    if not model.meta_graphs:
        raise ModelError("its saved_model.pb holds no graph", id="tensorflow-model-damaged")
    for meta in model.meta_graphs:
        if not meta.object_graph_def.nodes:
            raise UnsupportedModelError(
                "it was written by TensorFlow 1: load it in TensorFlow 2 (tf.saved_model.load), and save it again with"
                " tf.saved_model.save(model, 'folder', signatures=model.signatures)",
                id="savedmodel-old",
            )
        _screen(meta)
        unmark(meta.graph_def.library)
        _leave_out_resources(meta.object_graph_def)
    stripped_content: bytes = model.SerializeToString()
    return stripped_content


def _leave_out_resources(objects: Any) -> None:
    """Put nothing in the place of tables and files, which functions of the model's own make and fill."""
    for node in objects.nodes:
        node.saveable_objects.clear()
        node.registered_saver = ""
        if node.WhichOneof("kind") in ("resource", "asset"):
            node.Clear()
            node.user_object.identifier = "_generic_user_object"
            node.user_object.version.producer = 1
            node.user_object.version.min_consumer = 1


def _screen(meta: Any) -> None:
    """Check the functions that the signatures call, and what those call."""
    library = {function.signature.name: function for function in meta.graph_def.library.function}
    found = set(_operators(_signatures(meta.object_graph_def, library), library))
    strange = sorted(operator for operator in found if not _is_harmless(operator))
    if tables := [name for name in strange if name.startswith(_TABLES)]:
        raise UnsupportedModelError(
            f"it looks values up in a table ({listed(tables)}), and no camera chip has tables: save the model from"
            " behind that, and do the look-up in the application",
            id="model-lookup-table",
        )
    if strange:
        raise UnsupportedModelError(
            f"its graph holds {listed(strange)}, which TensorFlow may only run for models that are trusted, and which"
            " have no ONNX form: save the model without them",
            id="savedmodel-operators",
        )


def _is_harmless(operator: str) -> bool:
    """Whether an operator only computes with numbers.

    Text names files and code: an operator that is given any must be known.
    """
    import tf2onnx.tfonnx  # noqa: F401 - it fills the table of operators
    from tensorflow.python.framework import op_def_registry
    from tensorflow.python.framework.dtypes import string
    from tf2onnx.handler import tf_op

    if operator in _HARMLESS:
        return True
    definition = op_def_registry.get(operator)
    if definition is None or operator.startswith(_OUTSIDE):
        return False
    if any(operator in version for version in tf_op.get_opsets()[""]):
        return True
    texts = [arg for arg in (*definition.input_arg, *definition.output_arg) if arg.type == string.as_datatype_enum]
    named = [attribute for attribute in definition.attr if attribute.type in _NAMES]
    return not (definition.is_stateful or texts or named)


def _signatures(objects: Any, library: dict[str, Any]) -> list[str]:
    """Names of the functions that signatures are."""
    found = [
        node.bare_concrete_function.concrete_function_name
        for node in objects.nodes
        if node.WhichOneof("kind") == "bare_concrete_function"
    ]
    missing = [name for name in found if name not in library]
    if missing:
        raise ModelError(f"its saved_model.pb lacks the function {missing[0]!r}", id="tensorflow-model-damaged")
    return found


def _operators(names: Iterable[str], library: dict[str, Any]) -> Iterator[str]:
    """The operators of these functions and of all that they call."""
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in library:
            continue
        seen.add(name)
        for node in library[name].node_def:
            if node.op in library:
                waiting.append(node.op)
            else:
                yield node.op
            for attribute in node.attr.values():
                waiting += [attribute.func.name, *(item.name for item in attribute.list.func)]
