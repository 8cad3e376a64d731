"""A `.pt2` file reduced to plain data, so that nothing in it runs when torch reads it.

`torch.export.load` trusts its file: it unpickles, loads the machine code of compiled models, evaluates the text of
shapes (sympy), imports what containers name, and makes Python source of the graph's names. Files written by
`torch.export.save` need none of this for networks of tensors, so all of it is checked here, and what was checked is
written anew: torch never sees the file itself.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ModelError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = "archive"
_MODEL = "models/model.json"
_WEIGHTS = "data/weights/", "weight_"
_CONSTANTS = "data/constants/", "tensor_"
_SAMPLES = "data/sample_inputs/model.pt"  # a pickle that is not needed: an empty one stands for it

_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN = re.compile(r"[\w.\-/ :+*]*")
"""Of every other text that may become a part of Python source: no quotes, brackets, commas or line ends."""
_FREE_TEXT = frozenset({"as_string", "as_strings"})  # values, which are written with repr()

_HIGHER_ORDER = "wrap_with_set_grad_enabled|wrap_with_autocast|cond|while_loop|scan"
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed|torchvision)\.(?!from_file\b)\w+(\.\w+)?"
    rf"|torch\.ops\.higher_order\.({_HIGHER_ORDER})"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|abs|ge|le|gt|lt|eq|ne|and_|or_|not_)"
    r"|torch\.(sym_\w+|_C\._set_grad_enabled)|math\.(ceil|floor|trunc)"
)
_SYMBOLIC = frozenset(
    {"Symbol", "Integer", "Rational", "Float", "Add", "Mul", "Pow", "Mod", "PythonMod", "FloorDiv", "CleanDiv"}
    | {"CeilDiv", "ModularIndexing", "IntTrueDiv", "FloatTrueDiv", "PowByNatural", "ToFloat", "TruncToInt", "Max"}
    | {"Min", "Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan", "Where"}
)

_BROKEN = (
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,  # of zipfile: encrypted, or of another version
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


class _SuspectError(ValueError):
    """The file holds something else than plain data; the text says what."""


def plain_archive(content: bytes, what: str) -> bytes:
    """The program in a `.pt2` file, written anew without anything that could run.

    Args:
        content: the file.
        what: to call it in a message.

    Raises:
        ModelError: it is no such file, or damaged.
        UnsupportedModelError: it is of another version, or holds more than a program of tensors.
    """
    try:
        records = _records(content)
        _screen_kind(records, what)
        program = _plain(json.loads(records[_MODEL]))
        files = {
            "archive_format": b"pt2",
            "archive_version": records["archive_version"],
            "byteorder": b"little",
            ".data/version": b"6\n",
            _MODEL: json.dumps(program).encode(),
            _SAMPLES: b"",
            **_tensors(records, *_WEIGHTS, "weights"),
            **_tensors(records, *_CONSTANTS, "constants"),
        }
    except _SuspectError as error:
        raise UnsupportedModelError(
            f"{what} is not read, because torch would run what it holds: {error}", id="pytorch-file-unsafe"
        ) from error
    except _BROKEN as error:
        raise ModelError(
            f"{what} is not an exported program of PyTorch, or is damaged: {error}", id="pytorch-file-damaged"
        ) from error
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{_ROOT}/{name}", data)
    return made.getvalue()


def _records(content: bytes) -> dict[str, bytes]:
    """What the file holds, by name below its only folder. torch packs nothing, so nothing may be packed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = [entry.filename.partition("/")[2] for entry in entries]
        if len(set(names)) < len(names) or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its records are packed, or there are two of one name")
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("its records share bytes: together they are larger than the file")
        return {name: archive.read(entry) for name, entry in zip(names, entries, strict=True)}


def _screen_kind(records: dict[str, bytes], what: str) -> None:
    """Check that it is an exported program, of a version that is known, and only one."""
    if "data.pkl" in records:
        raise ModelError(
            f"{what} is a checkpoint or TorchScript, not an exported program: load it in Python, and convert the"
            " torch.nn.Module or save it with torch.export.save",
            id="pytorch-file-kind",
        )
    if "serialized_exported_program.json" in records:
        raise UnsupportedModelError(
            f"{what} was saved by a PyTorch before 2.8: load it there, and save it with a newer one",
            id="pytorch-file-old",
        )
    if found := next((name for name in records if name.startswith("data/aotinductor/")), None):
        raise _SuspectError(f"machine code ({found})")
    programs = [name for name in records if name.startswith("models/")]
    if programs != [_MODEL] or not records.get("archive_version", b"").isdigit():
        raise ValueError(f"it holds {', '.join(programs) or 'no program'} instead of {_MODEL}")
    if records.get("byteorder", b"little") != b"little":
        raise ValueError("its numbers are big-endian")


def _tensors(records: dict[str, bytes], folder: str, prefix: str, kind: str) -> dict[str, bytes]:
    """The table of weights or constants, and the raw numbers that it names."""
    table = f"{folder}model_{kind}_config.json"
    config = _plain(json.loads(records[table]))
    found = {table: json.dumps(config).encode()}
    for name, entry in config["config"].items():
        path = entry["path_name"]
        if entry["use_pickle"] is not False or not re.fullmatch(rf"{prefix}\d+", path):
            raise _SuspectError(f"a pickle ({kind} {name!r})")
        found[f"{folder}{path}"] = records[f"{folder}{path}"]
    return found


def _plain(value: Any, key: str = "") -> Any:
    """JSON as it may reach torch, with every tensor on the CPU."""
    if isinstance(value, dict):
        for name in value:
            _screen_text("", name)
        if set(value) == {"type", "index"}:
            return {"type": "cpu", "index": None}  # a device
        return {
            name: _REPLACED[name](item) if name in _REPLACED else _plain(item, name) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, key) for item in value]
    if isinstance(value, str):
        _screen_text(key, value)
    return value


def _screen_text(key: str, text: str) -> None:
    if key in ("target", "as_operator"):
        if not _OPERATOR.fullmatch(text):
            raise _SuspectError(f"the operator {text!r}")
    elif key == "expr_str":
        _screen_expression(text)
    elif key == "name":
        if text and not _NAME.fullmatch(text):
            raise _SuspectError(f"the name {text!r}")
    elif key not in _FREE_TEXT and not _PLAIN.fullmatch(text):
        raise _SuspectError(f"the text {text!r}")


def _screen_expression(text: str) -> None:
    """Check the text of a shape, such as `Mul(Integer(2), Symbol('s0', positive=True, integer=True))`."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError) as error:
        raise _SuspectError(f"the shape {text!r}") from error
    for node in ast.walk(tree):
        named = isinstance(node, ast.Name) and (node.id in _SYMBOLIC or re.fullmatch(r"[a-z]+\d+", node.id))
        text_of_name = isinstance(node, ast.Constant) and isinstance(node.value, str)
        plain = isinstance(node, ast.Constant) and (not text_of_name or _NAME.fullmatch(str(node.value)))
        if not (named or plain or isinstance(node, ast.Call | ast.keyword | ast.Load | ast.UnaryOp | ast.USub)):
            raise _SuspectError(f"the shape {text!r}")


def _metadata(value: Any) -> dict[str, str]:
    """Which module a node came from; the rest tells of the machine that exported."""
    stack = value.get("nn_module_stack")
    return {"nn_module_stack": stack} if isinstance(stack, str) else {}


def _containers(value: Any) -> Any:
    """What the program takes and returns: containers of Python's own, in place of those that would be imported."""
    if not isinstance(value, str):
        return value
    protocol, tree = json.loads(value)
    return json.dumps([protocol, _tree(tree)])


def _tree(tree: Any) -> dict[str, Any]:
    children = [_tree(child) for child in tree["children_spec"]]
    kind, keys = tree["type"], _keys(tree["context"])
    if kind is None:
        return {"type": None, "context": None, "children_spec": []}
    if keys is not None and len(keys) == len(children):
        return {"type": "builtins.dict", "context": json.dumps(keys), "children_spec": children}
    if kind == "builtins.dict":
        raise ValueError("the keys of a dict are missing")
    return {"type": "builtins.tuple", "context": "null", "children_spec": children}


def _keys(context: Any) -> list[Any] | None:
    """The keys of a dict, or the fields of a dataclass, which come first in a pair."""
    found = json.loads(context) if isinstance(context, str) else None
    if isinstance(found, list) and len(found) == 2 and all(isinstance(item, list) for item in found):
        found = found[0]
    if not isinstance(found, list) or not all(isinstance(key, str | int) for key in found):
        return None
    return found


_REPLACED: dict[str, Callable[[Any], Any]] = {
    "metadata": _metadata,
    "in_spec": _containers,
    "out_spec": _containers,
    "guards_code": lambda _: [],
}
