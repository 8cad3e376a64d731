"""URLs as people and records may see them: where something is, without what opens it."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "***"
"""What stands in the place of a secret."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://")  # a bound: a long text of letters would take minutes
_IN_TEXT = re.compile(rf"{_SCHEME.pattern}[^\s'\"<>]+")
_WHOLE = re.compile(r"\S+://\S+")
_CHAINED = re.compile(rf"::(?={_SCHEME.pattern})")
_END_OF_HOST = re.compile(r"[/?#]")


def shown(url: str) -> str:
    """A URL without user, password and query; a path is as it was, as is each link of a chain (`zip::s3://..`).

    Where a password holds what ends a host, nobody can tell it from a path: then nothing but the scheme is shown.
    """
    return "::".join(map(_shown_link, _CHAINED.split(url))) if _SCHEME.search(url) else url


def shown_whole(text: str) -> str:
    """A text that is or contains URLs, with each shown without user, password and query."""
    return shown(text) if _WHOLE.fullmatch(text) else shown_text(text)


def shown_text(text: str) -> str:
    """A text with every URL in it shown without user, password and query."""
    return _IN_TEXT.sub(lambda found: shown(found[0]), text)


def without_secrets(text: str, url: str) -> str:
    """What a library says of a URL, without what is secret in it, wherever in the text it stands."""
    text = text.replace(url, shown(url))
    secret = {part for whole in _secrets(url) for part in (whole, unquote(whole)) if part}
    for part in sorted(secret, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return shown_text(text)


def _shown_link(link: str) -> str:
    scheme, mark, rest = link.partition("://")
    if not mark:
        return link
    host, behind = _split(rest)
    if ":" in host and "@" in behind:
        return f"{scheme}://{HIDDEN}"
    return f"{scheme}://{host.rpartition('@')[2]}{re.split('[?#]', behind, maxsplit=1)[0]}"


def _secrets(url: str) -> list[str]:
    """Users, passwords, and values in queries."""
    found = []
    for link in _CHAINED.split(url):
        _, mark, rest = link.partition("://")
        host, behind = _split(rest if mark else "")
        whole = ":" in host and "@" in behind  # a password that holds what ends a host
        user, at, after = (rest if whole else host).rpartition("@")
        if at:
            found += [user, *user.split(":", 1)]
        query = re.split("[?#]", after if whole else behind, maxsplit=1)[1:]
        found += [value for part in query for word in part.split("&") for value in (word, word.partition("=")[2])]
    return found


def _split(rest: str) -> tuple[str, str]:
    """The host with what stands before it, and what is behind it."""
    end = _END_OF_HOST.search(rest)
    return (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
