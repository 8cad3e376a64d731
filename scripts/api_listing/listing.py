"""The listing: every public name with its signature or its members, and the types that these speak of."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.api_listing.sources import Definition, Module, Sources

FACE = "dlpuconv"
PACKAGES = ("dlpuconv.plugin", "dlpuconv.testing")
_CALLED_BY_SYNTAX = frozenset((
    "__call__", "__contains__", "__enter__", "__exit__", "__getitem__", "__init__", "__iter__", "__len__",
))  # fmt: skip
_TYPES = (ast.ClassDef, ast.TypeAlias, ast.Assign)
_INDENT = "    "


def listing(sources: Sources) -> str:
    """All of it, module by module; then each class and type that was spoken of and has no module there, by its path."""
    face = sources.module(FACE)
    assert face is not None
    modules = [face, *(module for package in PACKAGES for module in sources.below(package))]
    told: dict[str, str] = {}
    waiting: list[Definition] = []
    lines: list[str] = []
    for module in modules:
        lines += ["", f"# {module.name}", ""]
        for name in sorted(module.exported):
            lines += _exported(module, name, sources, told, waiting)
    lines += ["", "# what these speak of", ""]
    spoken: dict[str, list[str]] = {}
    while waiting:
        found = waiting.pop()
        if found.path not in told:
            told[found.path] = found.path
            spoken[found.path] = _Told(sources, waiting).lines(found, found.path)
    return "\n".join([*lines[1:], *(line for path in sorted(spoken) for line in spoken[path])]) + "\n"


def _exported(
    module: Module, name: str, sources: Sources, told: dict[str, str], waiting: list[Definition]
) -> list[str]:
    """A name of a public module; where an earlier one has it too, just that."""
    found = sources.find(module, name)
    if found is None:
        where = module.bindings.get(name)
        return [f"{name} = {'.'.join(where) if isinstance(where, tuple) else 'a module'}"]
    if found.path in told:
        return [f"{name} = {told[found.path]}"]
    told[found.path] = f"{module.name}.{name}"
    return _Told(sources, waiting).lines(found, name)


class _Told:
    """Puts definitions into words, and remembers what their types speak of."""

    def __init__(self, sources: Sources, waiting: list[Definition]) -> None:
        self._sources = sources
        self._waiting = waiting

    def lines(self, found: Definition, name: str) -> list[str]:
        """What a name promises."""
        match found.node:
            case ast.ClassDef() as node:
                bases = ", ".join(map(ast.unparse, (*node.bases, *(word.value for word in node.keywords))))
                members = [line for member in self._members(found) for line in member]
                return [f"class {name}({bases})" if bases else f"class {name}", *(_INDENT + line for line in members)]
            case ast.FunctionDef() as node:
                return self._function(node, name, found.module)
            case ast.TypeAlias() as node:
                return [f"type {name} = {self._type(node.value, found.module)}"]
            case ast.AnnAssign() as node:
                return [f"{name}: {self._type(node.annotation, found.module)}"]
            case ast.Assign(value=ast.BinOp() | ast.Subscript() as value):  # an older way to spell an alias
                return [f"{name} = {self._type(value, found.module)}"]
            case _:
                return [f"{name}: a value"]

    def _members(self, found: Definition) -> Iterator[list[str]]:
        """Public fields, in the order in which they are given, then the rest by name; what is inherited among them."""
        members: dict[str, tuple[Module, ast.stmt]] = {}
        for each in self._lineage(found):
            assert isinstance(each.node, ast.ClassDef)
            members |= {name: (each.module, node) for node in each.node.body for name in _names(node)}
        fields = [(n, *at) for n, at in members.items() if not isinstance(at[1], ast.FunctionDef)]
        methods = [(n, *at) for n, at in sorted(members.items()) if isinstance(at[1], ast.FunctionDef)]
        for name, module, node in (*fields, *methods):
            if name in _CALLED_BY_SYNTAX or not name.startswith("_"):
                yield self._member(name, module, node)

    def _member(self, name: str, module: Module, node: ast.stmt) -> list[str]:
        match node:
            case ast.AnnAssign(annotation=annotation, value=value):
                default = f" = {ast.unparse(value)}" if value is not None else ""
                shown = "repr=False" not in default  # what a value does not show of itself is not spoken of
                return [f"{name}: {self._type(annotation, module) if shown else ast.unparse(annotation)}{default}"]
            case ast.Assign(value=value):
                return [f"{name} = {ast.unparse(value)}"]
            case ast.FunctionDef():
                kinds = [ast.unparse(decorator) for decorator in node.decorator_list]
                if "property" in kinds and node.returns is not None:
                    return [f"{name}: {self._type(node.returns, module)}  # property"]
                kept = [kind for kind in kinds if kind in ("classmethod", "staticmethod", "abstractmethod")]
                return [*(f"@{kind}" for kind in kept), *self._function(node, name, module)]
            case _:
                return []

    def _function(self, node: ast.FunctionDef, name: str, module: Module) -> list[str]:
        """Its signature, a parameter a line where there are several."""
        arguments = node.args
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if each.annotation is not None:
                self._type(each.annotation, module)
        parameters = _parameters(arguments)
        result = f" -> {self._type(node.returns, module)}" if node.returns is not None else ""
        if len(", ".join(parameters)) < 70:
            return [f"def {name}({', '.join(parameters)}){result}"]
        return [f"def {name}(", *(f"{_INDENT}{parameter}," for parameter in parameters), f"){result}"]

    def _lineage(self, found: Definition) -> Iterator[Definition]:
        """The bases of a class, as far as the source has them, and itself."""
        assert isinstance(found.node, ast.ClassDef)
        for base in found.node.bases:
            name = base.value if isinstance(base, ast.Subscript) else base
            parent = self._sources.find(found.module, name.id) if isinstance(name, ast.Name) else None
            if parent is not None and isinstance(parent.node, ast.ClassDef):
                yield from self._lineage(parent)
        yield found

    def _type(self, annotation: ast.expr, module: Module) -> str:
        """A type as it is written; the classes and aliases of ours in it are told as well."""
        names = (node.id for node in ast.walk(annotation) if isinstance(node, ast.Name))
        found = (self._sources.find(module, name) for name in names)
        self._waiting.extend(each for each in found if each and isinstance(each.node, _TYPES))
        return ast.unparse(annotation)


def _names(node: ast.stmt) -> tuple[str, ...]:
    """What a statement in a class gives a name to."""
    match node:
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.Assign(targets=targets):
            return tuple(target.id for target in targets if isinstance(target, ast.Name))
        case _:
            return ()


def _parameters(arguments: ast.arguments) -> list[str]:
    """Each as it is written, with its type and its default, and the marks between them."""
    rest = ast.arguments(
        posonlyargs=[], args=[], vararg=arguments.vararg, kwonlyargs=[], kw_defaults=[], kwarg=arguments.kwarg,
        defaults=[],
    )  # fmt: skip
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(plain) - len(arguments.defaults))), *arguments.defaults]
    found = [_parameter(each, default) for each, default in zip(plain, defaults, strict=True)]
    if arguments.posonlyargs:
        found.insert(len(arguments.posonlyargs), "/")
    starred = [text for text in ast.unparse(rest).split(", ") if text]
    found += [text for text in starred if not text.startswith("**")] or (["*"] if arguments.kwonlyargs else [])
    found += [_parameter(*each) for each in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return found + [text for text in starred if text.startswith("**")]


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    spaced = " = " if argument.annotation is not None else "="
    return ast.unparse(argument) + (f"{spaced}{ast.unparse(default)}" if default is not None else "")
