"""Links of Markdown pages, and the anchors that their headings make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCED = re.compile(r"^```.*?^```$", re.S | re.M)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(<?([^)\s>]*)>?(?: \"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6} (.+?) *#*$", re.M)
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")


def links_of(text: str) -> list[str]:
    """What a page links to, or shows; what looks so in code is none."""
    return _LINK.findall(_CODE.sub("`", _FENCED.sub("", text)))


def anchors_of(text: str) -> set[str]:
    """Of its headings, as GitHub and MkDocs call them; of equal ones the first alone, where the two differ."""
    headings = _HEADING.findall(_FENCED.sub("", text))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in plain}


def troubles(page: Path) -> Iterator[str]:
    """Each link of a page that leads nowhere, with the reason."""
    text = page.read_text("utf-8")
    for link in links_of(text):
        if ":" in link.split("/")[0]:
            yield from _trouble_outside(link)
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and (target.suffix != ".md" or anchor not in anchors_of(target.read_text("utf-8"))):
            yield f"{link}: no such heading"


def _trouble_outside(link: str) -> Iterator[str]:
    """By its form alone: no test asks the network."""
    parts = urlsplit(link)
    if parts.scheme != "https":
        yield f"{link}: only https"
    elif not _HOST.fullmatch(parts.netloc):
        yield f"{link}: no public host"
