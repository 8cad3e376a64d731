"""Messages in the words of those who read them.

Every message names options as they are typed on the command line: `--effort best`, `--cut-at a,b`. The Python API, the
other face of the same options, rewords whatever leaves it: `effort='best'`, `cut_at=['a', 'b']`. So there is one way to
write a message, plugins' messages included, and one place that knows both faces.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.errors import DlpuconvError
from dlpuconv.language import choices
from dlpuconv.language.brief import brief
from dlpuconv.language.every_text import with_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAliasType

    from dlpuconv.display.progress import Progress

type Value = tuple[str, Callable[[str], str]]
"""A pattern of what is an option's value in a sentence, and how Python writes it."""

_END = r"(?=[.,;:)]*(?:\s|$))"
"""A bare value ends before the sentence's own punctuation."""
_QUOTED = r"(?:'[^']*'|\"[^\"]*\")+"
"""As a shell takes it, which joins what is quoted one way and another."""
_CLAUSE = rf"(?!(?:and|ends|for|has|is|means|names|needs|or|that|the|to|was|where|with){_END})"
"""A bare value is none of the words that go on with the sentence."""
_NUMBER = r"-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|(?:inf|nan)\b)"
_RULE = r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*"


def in_python[T](value: T) -> T:
    """A text, or a result with all texts in it, that names options as the Python API does."""
    return with_texts(value, _reworded)


@contextmanager
def python_words() -> Iterator[None]:
    """Errors that leave here name options as the Python API does."""
    try:
        yield
    except DlpuconvError as error:
        reword(error)
        raise


def reword(error: DlpuconvError) -> None:
    """Let an error name options as the Python API does, in a message of a length that people read.

    Where nothing catches it, its traceback ends in its id.
    """
    error.tell(in_python(brief(str(error))), in_python(error.problems))
    explained = f"[{error.id}] `dlpuconv errors {error.id}` tells the cause and what to do."
    if error.id and explained not in getattr(error, "__notes__", ()):
        error.add_note(explained)


class InPython:
    """Progress whose messages name options as the Python API does; see `dlpuconv.display.progress.Progress`."""

    def __init__(self, progress: Progress) -> None:
        self.stage = progress.stage
        self._message = progress.message

    def message(self, text: str) -> None:
        """Tell something that the user should read now."""
        self._message(in_python(text))


def _reworded(text: str) -> str:
    if "--" in text:
        text = _OPTION.sub(_keyword, text)
    return _COMMAND.sub(r"dlpuconv.\1", text) if "dlpuconv " in text else text


def _keyword(found: re.Match[str]) -> str:
    """The keyword with the value that follows, as Python writes it; the keyword alone where none does."""
    name = found["name"]
    if name in FLAGS:
        return FLAGS[name]
    _, write = _KINDS[name]
    value = found[f"value_{name.replace('-', '_')}"]
    keyword = RENAMED.get(name, name.replace("-", "_"))
    return keyword if value is None else f"{keyword}={write(value)}"


def _word(text: str) -> str:
    return repr(_bare(text))


def _bare(text: str) -> str:
    """A text without the quotes of a shell."""
    return _PIECE.sub(lambda piece: piece[0][1:-1], text) if text[:1] in "'\"" else text


def _number(text: str) -> str:
    parts = text.split(",")
    return text if len(parts) == 1 else f"({', '.join(parts)})"


def _names(text: str) -> str:
    names = (name if name == "..." else repr(name) for name in _bare(text).split(","))
    return f"[{', '.join(names)}]"


def _shape(text: str) -> str:
    """A dict; the name "" stands for the only input. A text that is no shape at all stays one."""
    name, _, extents = _bare(text).rpartition("=")
    if not _EXTENTS.fullmatch(extents):
        return _word(text)
    return f"{{{name!r}: ({extents.replace(',', ', ') if ',' in extents else f'{extents},'})}}"


def _item(text: str) -> str:
    """A dict; a text that is no item stays one."""
    key, equals, value = _bare(text).rpartition("=")
    return f"{{{key!r}: {value!r}}}" if equals else _word(text)


def _one_of(choice: TypeAliasType) -> Value:
    words = "|".join(sorted(map(re.escape, choices.words(choice)), key=len, reverse=True))
    return rf"(?:{words})(?![\w-])|{_QUOTED}", _word


_PIECE = re.compile(r"'[^']*'|\"[^\"]*\"")
_EXTENTS = re.compile(r"-?\w+(?:,(?:-?\w+|\.\.\.))*")

_PATH = rf"(?!and/or\b)[\w.~-]*(?:/[\w./~-]*?|\.\w+){_END}"
_TEXT: Value = (rf"{_QUOTED}|(?:none|random)\b|{_PATH}|[A-Z]+\b(?::[A-Z]+\b)?|[\w.]+:\w+", _word)
_BACKEND: Value = (rf"{_QUOTED}|{_CLAUSE}[a-z]\w*(?:-\w+)*{_END}|[A-Z]+\b", _word)
_RULES: Value = (rf"{_QUOTED}|{_RULE}(?:,{_RULE})*(?![\w-])", _names)
_CHIP: Value = (rf"[a-z]+\d+|{_QUOTED}", _word)
_NUMBERS: Value = (rf"{_NUMBER}(?:,{_NUMBER})*", _number)
_VERSION: Value = (rf"\d+(?:\.\d+)*|{_QUOTED}", _word)
_NAMES: Value = (rf"{_QUOTED}|[A-Z]+,\.\.\.|{_CLAUSE}[^\s'\"()]+?{_END}", _names)
_SHAPE: Value = (
    rf"{_QUOTED}|(?:[^\s=]+=)?-?[\dA-Z]+(?:,-?[\dA-Z]+)+(?:,\.\.\.)?|[^\s=]+=1,\.\.\.|[^\s=]+=-?\d+{_END}",
    _shape,
)
_ITEM: Value = (rf"{_QUOTED}|\S+?=[\w-]+", _item)

_KINDS: dict[str, Value] = {
    "backend": _BACKEND,
    "calibration": _TEXT,
    "color": _one_of(choices.Color),
    "cut-at": _NAMES,
    "data": _TEXT,
    "effort": _one_of(choices.Effort),
    "executor": _TEXT,
    "firmware": _VERSION,
    "final-activation": _one_of(choices.FinalActivation),
    "fold-preprocess": _one_of(choices.FoldPreprocess),
    "granularity": _one_of(choices.GranularityOrAuto),
    "ignore": _RULES,
    "input-dtype": _one_of(choices.Dtype),
    "input-layout": _one_of(choices.InputLayout),
    "input-shape": _SHAPE,
    "layer": _TEXT,
    "max-drop": _NUMBERS,
    "mean": _NUMBERS,
    "metric": _TEXT,
    "memory-limit": _NUMBERS,
    "min-sqnr": _NUMBERS,
    "model": _TEXT,
    "opset": _NUMBERS,
    "output": _TEXT,
    "output-dtype": _one_of(choices.Dtype),
    "output-kind": _ITEM,
    "override": _ITEM,
    "preset": _one_of(choices.Preset),
    "recipe": _TEXT,
    "reference": _TEXT,
    "resize": _one_of(choices.Resize),
    "shard": _TEXT,
    "signature": _TEXT,
    "split-inputs": _one_of(choices.Splitting),
    "split-outputs": _one_of(choices.Splitting),
    "std": _NUMBERS,
    "store": _TEXT,
    "tail": _one_of(choices.Tail),
    "target": _CHIP,
    "time-limit": _NUMBERS,
    "validation": _TEXT,
    "workers": _NUMBERS,
}
FLAGS = {
    "allow-pickle": "allow_pickle=True",
    "bom": "bom=True",
    "explain": "explain=True",
    "force=all": "force='all'",
    "force": "force=True",
    "no-cache": "cache=False",
    "report": "report=True",
    "strict": "strict=True",
}
RENAMED = {
    "layer": "layers",
    "memory-limit": "memory_gib",
    "model": "factory",
    "output": "folder",
    "output-kind": "output_kinds",
    "override": "overrides",
    "time-limit": "minutes",
}
OPTIONS = frozenset((*_KINDS, *FLAGS))
"""Every option of the command line that Python has too."""


def _pattern() -> re.Pattern[str]:
    valued = (
        rf"(?:{name}(?![\w-])(?:[ =](?P<value_{name.replace('-', '_')}>{pattern}))?)"
        for name, (pattern, _) in _KINDS.items()
    )
    flags = [rf"(?:{name}(?![\w-]))" for name in FLAGS]
    names = "|".join((*(flag for flag in flags if "=" in flag), "[a-z]+(?:-[a-z]+)*"))
    return re.compile(rf"(?<![\w-])--(?=(?P<name>{names}))(?:{'|'.join((*valued, *flags))})")


_OPTION = _pattern()
_COMMAND = re.compile(r"\bdlpuconv (analyze|check|compare|convert|inspect|verify)\b(?! \w+\.\w+ )")
