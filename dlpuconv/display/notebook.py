"""Results as a notebook shows them: what the terminal shows, as HTML."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dlpuconv.language.printable import Tame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

_WIDTH = 120  # columns
_FRAME = '<pre style="line-height: 1.3; white-space: pre; overflow-x: auto">{code}</pre>'


def as_html(renderables: Iterable[RenderableType]) -> str:
    """Tables and texts as one block of HTML; what names hold is no markup in it, and acts on nothing."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, file=io.StringIO(), width=_WIDTH, highlight=False, force_jupyter=False)
    for renderable in renderables:
        console.print(Tame(Text(renderable) if isinstance(renderable, str) else renderable))
    return console.export_html(inline_styles=True, code_format=_FRAME)
