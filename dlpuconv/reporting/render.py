"""Page -> HTML: one template, its style and its script inside, nothing loaded from anywhere.

Everything on the page that came from a file was put there as text: the template escapes it, and the content security
policy lets only this very style and this very script run.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from dlpuconv.reporting.files import GENERATOR

if TYPE_CHECKING:
    from dlpuconv.reporting.page import Page

_TEMPLATES = "dlpuconv.reporting.templates"


def render(page: Page) -> str:
    """The whole document."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("dlpuconv.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _own("report.css"), _own("report.js")
    text = environment.get_template("report.html").render(
        page=page,
        generator=GENERATOR,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none';"
        " form-action 'none'",
        style=Markup(style),
        script=Markup(script),
    )
    # Lone surrogates, which damaged names may hold, have no place in UTF-8.
    return text.encode("utf-8", "replace").decode()


def _own(name: str) -> str:
    return (resources.files(_TEMPLATES) / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Of what stands between the tags, as the policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
