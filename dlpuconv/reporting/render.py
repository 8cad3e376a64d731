"""Page -> HTML: one template, its style and its script inside, nothing loaded from anywhere.

Everything on the page that came from a file was put there as text: the template escapes it, and the content security
policy lets only this very style and this very script run. What a reader would not see, or would see turned around, is
made `printable` before.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

from dlpuconv.language.printable import printable, printable_lines
from dlpuconv.reporting.files import GENERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.reporting.page import Page, Snippet

_TEMPLATES = "dlpuconv.reporting.templates"


def render(page: Page) -> str:
    """The whole document."""
    return fill("report", GENERATOR, _harmless(page))


def fill(name: str, generator: str, page: object, *, shared: Sequence[str] = ("palette.css",)) -> str:
    """A document by its template.

    Args:
        name: of the template, its style and its script.
        generator: by which a file is known to be such a document.
        page: what the template speaks of; its texts are escaped, and must be printable.
        shared: files of style that stand before its own.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("dlpuconv.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = "".join(map(_own, (*shared, f"{name}.css"))), _own(f"{name}.js")
    return environment.get_template(f"{name}.html").render(
        page=page,
        generator=generator,
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)};"
        " base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
    )


def _harmless(page: Page) -> Page:
    """The page with all texts made printable; only code may have several lines."""
    texts = printable(replace(page, snippets=(), camera=()))
    return replace(texts, snippets=_code(page.snippets), camera=_code(page.camera))


def _code(snippets: tuple[Snippet, ...]) -> tuple[Snippet, ...]:
    return tuple(replace(printable(snippet), code=printable_lines(snippet.code)) for snippet in snippets)


def _own(name: str) -> str:
    return (resources.files(_TEMPLATES) / name).read_text("utf-8")


def _hash(text: str) -> str:
    """The hash of an inline script or style, in the form in which the page's content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
