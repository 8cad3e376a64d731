"""Silence of torch's exporter, for the thread that exports only: what other threads say is heard."""

from __future__ import annotations

import builtins
import logging
import re
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, override

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_THE_EXPORTER = re.compile(r"(torch|onnxscript|onnx_ir|onnx|contextlib|copyreg|dlpuconv\.frontends\.pytorch)(\.|$)")
_PRINTING = ("onnxscript.rewriter", "torch.export._trace")
"""Modules of the exporter that print: how many rules applied, and the graph until an error."""


class _OfThisThread(logging.Filter):
    """Recognizes what the thread that made it says in the exporter's name: log records, warnings and prints."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.thread == self._thread and _OF_THE_EXPORTER.match(record.name))

    def match(self, module: str) -> bool:
        """As a pattern of module names, which `warnings` asks in the thread that warns."""
        return threading.get_ident() == self._thread and bool(_OF_THE_EXPORTER.match(module))

    def print(self, *values: object, **options: Any) -> None:
        if threading.get_ident() != self._thread:
            builtins.print(*values, **options)  # noqa: T201 - another thread's


@contextmanager
def ignoring(entry: Any) -> Iterator[None]:
    """Warnings that an entry of `warnings.filters` matches are not shown meanwhile.

    Not by `warnings.catch_warnings()`: leaving it undoes what other threads have done to the filters meanwhile.
    """
    warnings.filters.insert(0, entry)  # type: ignore[attr-defined] # a list, which typeshed calls a sequence
    try:
        yield
    finally:
        if entry in warnings.filters:
            warnings.filters.remove(entry)  # type: ignore[attr-defined]


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Nothing that the exporter prints, warns of or logs in this thread is seen; one thread at a time may be here.

    The streams, the level of logging and the list of warnings' filters stay those of the process.
    """
    ours = _OfThisThread()
    handlers = _handlers()
    ignored: Any = ("ignore", None, Warning, ours, 0)
    printing = [vars(sys.modules[name]) for name in _PRINTING if name in sys.modules]
    for handler in handlers:
        handler.addFilter(ours)
    for namespace in printing:
        namespace["print"] = ours.print
    try:
        with ignoring(ignored):
            yield
    finally:
        for namespace in printing:
            namespace.pop("print", None)
        for handler in handlers:
            handler.removeFilter(ours)


def _handlers() -> list[logging.Handler]:
    """All log handlers that a record of the exporter can reach."""
    loggers = [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    found = {id(handler): handler for logger in loggers for handler in logger.handlers}
    return [*found.values(), *([logging.lastResort] if logging.lastResort else [])]
