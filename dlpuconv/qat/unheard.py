"""The import of torchao, which says what only its authors can mend."""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = "torch.utils._pytree"
_OUTDATED = "register_constant() on Enum"
"""A call that torch will no longer take, by a record of its log."""
_ESCAPE: Any = ("ignore", re.compile("invalid escape sequence"), SyntaxWarning, re.compile(".*torchao"), 0)
"""In a docstring: seen wherever bytecode is not kept."""


@contextmanager
def torchao_unheard() -> Iterator[None]:
    """What torchao is known to say when it is imported is not seen; everything else is, in other threads too."""
    logger = logging.getLogger(_LOGGER)

    def is_other(record: logging.LogRecord) -> bool:
        return _OUTDATED not in str(record.msg)

    logger.addFilter(is_other)
    # Not by warnings.catch_warnings(): leaving it undoes what other threads have done to the filters meanwhile.
    warnings.filters.insert(0, _ESCAPE)  # type: ignore[attr-defined] # a list, which typeshed calls a sequence
    try:
        yield
    finally:
        if _ESCAPE in warnings.filters:
            warnings.filters.remove(_ESCAPE)  # type: ignore[attr-defined]
        logger.removeFilter(is_other)
