#!/usr/bin/env python3
"""Writes docs/public-api.txt: every public name, its signature, its members and their types, from the source.

It is compared in the tests, so that nobody changes what others build on without seeing it: run this to accept a change.
With --check it writes nothing, prints what differs, and fails where anything does.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

from scripts.api_listing.commands import commands  # noqa: E402 - found by the lines above
from scripts.api_listing.listing import listing  # noqa: E402 - likewise
from scripts.api_listing.sources import Sources  # noqa: E402 - likewise

FILE = REPOSITORY / "docs" / "public-api.txt"
_HEAD = """\
The public side of dlpuconv, written by scripts/public_api.py from the source: what programs and plugins may build on.
A change here is one that others notice, and has its place in CHANGELOG.md.

"""


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the file is out of date")
    arguments = parser.parse_args()
    found = differences()
    print("\n".join(found) if found else "up to date")
    if found and not arguments.check:
        FILE.write_text(text(), "utf-8")
    return int(arguments.check and bool(found))


def text() -> str:
    """All of the file."""
    return f"{_HEAD}{listing(Sources(REPOSITORY))}\n{commands()}"


def differences() -> list[str]:
    """Lines of the file that are no more, and lines that are not there yet."""
    before = FILE.read_text("utf-8").splitlines() if FILE.is_file() else []
    return [*difflib.unified_diff(before, text().splitlines(), "the file", "the source", n=1, lineterm="")]


if __name__ == "__main__":
    raise SystemExit(main())
