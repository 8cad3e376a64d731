"""Modules as they are written, and where a name that one of them imports is defined: nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, function, type alias or value, in the module that defines it.

    Attributes:
        module: that module.
        name: there.
        node: the statement.
    """

    module: Module
    name: str
    node: ast.stmt

    @property
    def path(self) -> str:
        """`dlpuconv.plugin.target.Target`."""
        return f"{self.module.name}.{self.name}"


@dataclass(frozen=True)
class Module:
    """One file of the source.

    Attributes:
        name: dotted.
        tree: as it was parsed.
    """

    name: str
    tree: ast.Module = field(repr=False, compare=False)

    @cached_property
    def exported(self) -> tuple[str, ...]:
        """`__all__`, in its order; empty for a module without."""
        node = self.bindings.get("__all__")
        return tuple(ast.literal_eval(node.value)) if isinstance(node, ast.Assign) else ()

    @cached_property
    def bindings(self) -> dict[str, ast.stmt | tuple[str, str]]:
        """What each name at the top of the module is: a statement, or a name of another module."""
        return dict(_bindings(self.tree.body))


class Sources:
    """The modules below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """The module of this name; None where the folder has none."""
        if name not in self._modules:
            place = self._root.joinpath(*name.split("."))
            files = [file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()]
            self._modules[name] = Module(name, ast.parse(files[0].read_text("utf-8"))) if files else None
        return self._modules[name]

    def below(self, package: str) -> Iterator[Module]:
        """A module or package and the modules in it, by name, those that say what they export."""
        folder = self._root.joinpath(*package.split("."))
        inside = (".".join(file.relative_to(self._root).with_suffix("").parts) for file in folder.rglob("*.py"))
        for name in sorted({package, *(name.removesuffix(".__init__") for name in inside)}):
            module = self.module(name)
            if module is not None and module.exported:
                yield module

    def find(self, module: Module, name: str) -> Definition | None:
        """Where a name is defined that a module uses; None where that is outside of the folder."""
        bound = module.bindings.get(name)
        if isinstance(bound, tuple):
            home = self.module(bound[0])
            return self.find(home, bound[1]) if home else None
        return Definition(module, name, bound) if bound else None


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt | tuple[str, str]]]:
    for node in body:
        match node:
            case ast.If() | ast.Try():
                yield from _bindings(node.body)
            case ast.ImportFrom(module=str(home)):
                yield from ((alias.asname or alias.name, (home, alias.name)) for alias in node.names)
            case ast.ClassDef() | ast.FunctionDef():
                yield node.name, node
            case ast.TypeAlias(name=ast.Name(id=name)) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.Assign():
                targets = (found for target in node.targets for found in ast.walk(target))
                yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))
            case _:
                pass
