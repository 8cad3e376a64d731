"""The import of torchao, which says what only its authors can mend."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpuconv.frontends.pytorch.quiet import ignoring

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
    try:
        with ignoring(_ESCAPE):
            yield
    finally:
        logger.removeFilter(is_other)
