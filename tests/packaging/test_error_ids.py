"""Every error has an id that the catalogue explains, and the catalogue holds nothing else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlpuconv import errors
from dlpuconv.error_catalog import ErrorEntry, entries
from dlpuconv.errors import DlpuconvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CLASSES = frozenset(
    kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DlpuconvError)
)
"""Of all errors."""
_ASKING = frozenset({"isinstance", "issubclass", "suppress", "get"})
"""What takes a class and raises nothing with it."""
_OTHERS = frozenset({"Cause"})
"""What has an id of another kind: why a layer lost accuracy."""
_SLUG = re.compile(r"[a-z]+(-[a-z0-9]+){1,5}")
_SENTENCES = re.compile(r"([A-Z`\d]|dlpuconv ).*[.?]")


@dataclass(slots=True)
class Found:
    """What the source says of errors.

    Attributes:
        bases: of each class of errors, that of errors.py which it is.
        with_own: classes that know their own id.
        made: class, id and place of each error that is made; an id of "" where none is named, and of None where it is
            handed on from another error.
        handed: classes that are handed to somebody else, who cannot name an id.
        named: every id that is given to anything by its keyword, such as to what makes an error later; and the place.
        texts: everything that is a text in the source.
    """

    bases: dict[str, str] = field(default_factory=dict)
    with_own: set[str] = field(default_factory=set)
    made: list[tuple[str, str | None, str]] = field(default_factory=list)
    handed: list[tuple[str, str]] = field(default_factory=list)
    named: list[tuple[str, str]] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)


def search(sources: Iterable[tuple[str, str]]) -> Found:
    """What these files, by name and content, say of errors."""
    trees = [(name, ast.parse(text)) for name, text in sources]
    found = Found()
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, DlpuconvError):
            found.bases[kind.__name__] = kind.__name__
            found.with_own |= {kind.__name__} if kind.id else set()
    for _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                _note_class(node, found)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.texts.add(node.value)
    for name, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _note_call(node, f"{name}:{node.lineno}", found)
    return found


def _note_class(node: ast.ClassDef, found: Found) -> None:
    bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in found.bases]
    if not bases or node.name in found.bases:
        return
    found.bases[node.name] = found.bases[bases[0]]
    assigned = [t for each in node.body if isinstance(each, ast.Assign) for t in each.targets]
    if any(isinstance(target, ast.Name) and target.id == "id" for target in assigned):
        found.with_own.add(node.name)


def _note_call(node: ast.Call, place: str, found: Found) -> None:
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called not in _OTHERS:
        found.named += [(cause, place) for cause in _ids(node) if cause and _SLUG.fullmatch(cause)]
    made, arguments = called, node.args
    if called == "partial" and node.args and isinstance(node.args[0], ast.Name):
        made, arguments = node.args[0].id, node.args[1:]
    if made in found.bases and isinstance(node.func, ast.Name):
        found.made += [(made, cause, place) for cause in _ids(node)]
    elif called in _ASKING:
        return
    for argument in (*arguments, *(keyword.value for keyword in node.keywords)):
        if isinstance(argument, ast.Name) and argument.id in found.bases:
            found.handed.append((argument.id, place))


def _ids(node: ast.Call) -> Iterator[str | None]:
    named = [keyword.value for keyword in node.keywords if keyword.arg == "id"]
    if not named:
        yield ""
    for value in named:
        yield from _values(value)


def _values(node: ast.expr) -> Iterator[str | None]:
    """The ids that an expression may be."""
    if isinstance(node, ast.IfExp):
        yield from _values(node.body)
        yield from _values(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Attribute) and node.attr == "id":
        yield None
    else:
        yield ""


@cache
def _source() -> Found:
    repository = Path(__file__).parents[2]
    files = [
        path
        for root in ("dlpuconv", "backends/dlpuconv_backends", "targets/dlpuconv_targets")
        for path in sorted((repository / root).rglob("*.py"))
    ]
    return search((str(path.relative_to(repository)), path.read_text("utf-8")) for path in files)


def wrong(found: Found, classes: Iterable[str], catalogue: Iterable[ErrorEntry]) -> list[str]:
    """Places where an error of these classes is made without an id that the catalogue has under its class."""
    kinds, known = set(classes), {entry.id: entry.kind for entry in catalogue}
    return [
        *(
            f"{place} makes {made} with the id {cause!r}"
            for made, cause, place in found.made
            if found.bases[made] in kinds
            and cause is not None
            and not (cause == "" and made in found.with_own)
            and known.get(cause) != found.bases[made]
        ),
        *(f"{place} hands {kind} on" for kind, place in found.handed if found.bases[kind] in kinds - found.with_own),
    ]


def test_every_error_names_an_id_that_the_catalogue_holds_under_its_class() -> None:
    assert wrong(_source(), CLASSES, entries()) == []


def test_every_id_that_is_handed_on_is_in_the_catalogue() -> None:
    known = {entry.id for entry in entries()}
    assert [f"{place} names {cause!r}" for cause, place in _source().named if cause not in known] == []


def test_every_id_of_the_catalogue_is_raised_somewhere() -> None:
    known = _source()
    own = {kind.id for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DlpuconvError)}
    assert [e.id for e in entries() if e.id not in known.texts | own] == []


def test_no_id_is_given_twice() -> None:
    assert [name for name, count in Counter(entry.id for entry in entries()).items() if count > 1] == []


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_an_entry_is_a_slug_and_full_sentences(entry: ErrorEntry) -> None:
    assert _SLUG.fullmatch(entry.id)
    for text in (entry.title, entry.cause, entry.remedy):
        assert _SENTENCES.fullmatch(text)
        assert text == " ".join(text.split())
    assert len(entry.title) <= 100
    assert len({entry.title, entry.cause, entry.remedy}) == 3


CATALOGUE = (
    ErrorEntry(id="model-odd", kind="ModelError", status=3, title="A.", cause="B.", remedy="C."),
    ErrorEntry(id="data-odd", kind="CalibrationError", status=6, title="A.", cause="B.", remedy="C."),
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ModelError('x', id='model-odd')", 0),
        ("ModelError('x', id='model-odd' if a else 'data-odd')", 1),
        ("ModelError('x', id=error.id)", 0),
        ("ModelError('x')", 1),
        ("ModelError('x', id=name)", 1),
        ("ModelError('x', id='data-odd')", 1),
        ("ModelError('x', id='model-gone')", 1),
        ("partial(ModelError, id='model-odd')", 0),
        ("partial(ModelError)", 1),
        ("ask(ModelError)", 1),
        ("ask(kind=ModelError)", 1),
        ("isinstance(error, ModelError)", 0),
        ("class Odd(ModelError): ...\nOdd('x')", 1),
        ("class Odd(ModelError):\n    id = 'model-odd'\nOdd('x')", 0),
        ("CalibrationError('x')", 0),
    ],
)
def test_an_error_without_a_fitting_id_is_found(text: str, count: int) -> None:
    assert len(wrong(search([("a.py", text)]), ["ModelError"], CATALOGUE)) == count
