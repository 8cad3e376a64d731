"""Finds, in source text, whatever reads a model with code that was not written in Python, however it is spelled.

Such code has crashed on files that somebody made for it, and a crash in this process takes the user's work with it. So
it belongs into the tasks of worker processes. What is looked for is a name, such as `onnx.checker.check_model`, reached
in any way that can be seen without running anything: imports and their aliases, attributes, `getattr`, `import_module`,
`sys.modules`, `vars`, `__dict__`, and names that any of these were assigned to.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREIGN = (
    "ai_edge_litert",
    "coremltools",
    "cv2",
    "dill",
    "h5py",
    "joblib",
    "keras",
    "onnx.checker",
    "onnx.external_data_helper",  # it opens whatever a model names
    "onnx.compose",  # it calls the checker
    "onnx.hub",
    "onnx.load",  # it opens whatever a model names
    "onnx.load_external_data_for_model",
    "onnx.load_model",
    "onnx.inliner",
    "onnx.onnx_cpp2py_export",
    "onnx.parser",
    "onnx.printer",
    "onnx.shape_inference",
    "onnx.utils",  # it calls the checker
    "onnx.version_converter",
    "onnx_ir.passes.common.CheckerPass",
    "onnx_ir.passes.common.ShapeInferencePass",
    "onnx_ir.passes.common.onnx_checker",
    "onnx_ir.passes.common.shape_inference",
    "onnx2tf",
    "onnxoptimizer",
    "onnxruntime.InferenceSession",
    "onnxruntime.capi.onnxruntime_inference_collection",
    "onnxruntime.capi.onnxruntime_pybind11_state.InferenceSession",
    "onnxruntime.quantization",
    "onnxruntime.tools",
    "onnxruntime.training",
    "onnxruntime.transformers",
    "onnxsim",
    "onnxslim",
    "openvino",
    "pickle.Unpickler",
    "pickle.load",
    "pickle.loads",
    "tensorflow",
    "tf2onnx",
    "tf_keras",
    "tflite_runtime",
    "torch.export.load",
    "torch.export.pt2_archive",
    "torch.hub",
    "torch.jit.load",
    "torch.load",
    "torch.package",
)
"""Names, with all below them, that read what strangers may have made; those of Python that run what they read too."""

HARMLESS = (
    "ai_edge_litert.interpreter.OpResolverType",
    "ai_edge_litert.schema_py_generated",  # written in Python
    "onnx.checker.ValidationError",
    "onnx.shape_inference.InferenceError",
)


@dataclass(frozen=True, slots=True)
class Found:
    """One place.

    Attributes:
        line: of the file.
        name: what is reached there; it ends in `*` where it is chosen at run time, or all names are imported.
    """

    line: int
    name: str


def foreign_readers(source: str) -> list[Found]:
    """Every place in a module that reaches one of FOREIGN."""
    tree = _Runtime().visit(ast.parse(source))
    names = _Names()
    while names.learn(tree):
        pass
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
    # The `onnx.checker` of `onnx.checker.ValidationError` is an expression of its own.
    harmless = [node for node in nodes if isinstance(node, ast.expr) and any(map(_is_harmless, names.reached(node)))]
    parts = {part for node in harmless for part in ast.walk(node)}
    found = {
        Found(node.lineno, path)
        for node in nodes
        if node not in parts
        for path in names.reached(node)
        if _is_foreign(path)
    }
    return sorted(found, key=lambda place: (place.line, place.name))


def _is_harmless(path: str) -> bool:
    return any(_below(path, name) for name in HARMLESS)


def _is_foreign(path: str) -> bool:
    if path.endswith(".*"):
        return any(_below(name, path[:-2]) for name in FOREIGN)
    return any(_below(path, name) for name in FOREIGN) and not _is_harmless(path)


def _below(path: str, name: str) -> bool:
    return f"{path}.".startswith(f"{name}.")


class _Runtime(ast.NodeTransformer):
    """Leaves out what only type checkers read."""

    @override
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return node.orelse
        return self.generic_visit(node)


class _Names:
    """What the names of a module may stand for, whatever the scope: dotted paths."""

    def __init__(self) -> None:
        self._paths: dict[str, set[str]] = {}

    def learn(self, tree: ast.AST) -> bool:
        """Take up all bindings; whether there was a new one."""
        before = sum(map(len, self._paths.values()))
        for node in ast.walk(tree):
            for name, path in self._bound(node):
                self._paths.setdefault(name, set()).add(path)
        return sum(map(len, self._paths.values())) > before

    def _bound(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
            case ast.ImportFrom(module=str(module), level=0):
                yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)
            case ast.Assign(targets=targets, value=value):
                yield from (
                    (target.id, path) for target in targets if isinstance(target, ast.Name) for path in self.of(value)
                )
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield from ((name, path) for path in self.of(value))
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield from ((name, path) for path in self.of(value))
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                yield from ((name, path) for path in self.of(value))
            case _:
                pass

    def reached(self, node: ast.AST) -> Iterator[str]:
        """The paths that a statement imports or an expression stands for."""
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Attribute() | ast.Call() | ast.Subscript():
                yield from self.of(node)
            case _:
                pass

    def of(self, node: ast.expr) -> set[str]:
        """What an expression may stand for; nothing where that is no module nor anything in one."""
        match node:
            case ast.Name(id=name):
                return self._paths.get(name, set())
            case ast.NamedExpr(value=value) | ast.Attribute(value=value, attr="__dict__"):
                return self.of(value)
            case ast.Attribute(value=value, attr=name):
                return {f"{path}.{name}" for path in self.of(value)}
            case ast.Subscript(value=value, slice=key):
                return self._chosen(value, key)
            case ast.Call(func=ast.Name(id="getattr"), args=[value, key, *_]):
                return self._chosen(value, key)
            case ast.Call(func=ast.Name(id="vars"), args=[value]):
                return self.of(value)
            case ast.Call(func=ast.Call(args=[key]) as getter, args=[value]) if "operator.attrgetter" in self.of(
                getter.func
            ):
                return self._chosen(value, key)
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]) if self._imports(function):
                return {name}
        return set()

    def _chosen(self, value: ast.expr, key: ast.expr) -> set[str]:
        """One of the names in what an expression stands for."""
        name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else "*"
        return {name if path == "sys.modules" else f"{path}.{name}" for path in self.of(value)}

    def _imports(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Name) and function.id == "__import__":
            return True
        return bool(self.of(function) & {"importlib.import_module", "importlib.__import__"})
