"""Threads that do not export while one does: torch's tracer changes the whole process, and would trace them too."""

from __future__ import annotations

import functools
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bystanders_spared() -> Iterator[None]:
    """Only this thread sees the process as the tracer wants it; one thread at a time may be here.

    Seen with a training loop beside an export: the tracer puts its own `Module.__call__` and `__getattr__` in place,
    whose bookkeeping two threads confuse (`AssertionError: Unexpected key`); where `torch.compiler.is_exporting()` is
    true, an optimizer's `step` and `zero_grad` mark the graph, and fail together (`KeyError: 'custom'`).
    """
    import torch
    from torch.fx import _symbolic_trace

    only_here = _OnlyHere()
    with ExitStack() as stack:
        stack.enter_context(_replaced(torch.compiler, "is_exporting", only_here.true))
        stack.enter_context(_replaced(getattr(_symbolic_trace, "_Patcher", None), "patch_method", only_here.patching))
        yield


class _OnlyHere:
    """Makes functions that do what is asked of them in this thread, and in others what they did before."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def true(self, asked: Callable[[], Any]) -> Callable[[], Any]:
        """A question that others get the answer "no" to."""
        return self._choice(asked, lambda: False)

    def patching(self, patch: Callable[..., Any]) -> Callable[..., Any]:
        """The tracer's way to put a method in place of another, which others do not notice."""

        def patched(patcher: Any, owner: type, name: str, new: Callable[..., Any], *more: Any, **options: Any) -> Any:
            return patch(patcher, owner, name, self._choice(new, getattr(owner, name)), *more, **options)

        return patched

    def _choice(self, here: Callable[..., Any], elsewhere: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(here)
        def chosen(*args: Any, **kwargs: Any) -> Any:
            return (here if threading.get_ident() == self._thread else elsewhere)(*args, **kwargs)

        return chosen


@contextmanager
def _replaced(owner: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    """An attribute replaced by what is made of it; as it is where this version of torch has none."""
    old = getattr(owner, name, None)
    if old is None:
        yield
        return
    setattr(owner, name, made(old))
    try:
        yield
    finally:
        setattr(owner, name, old)
