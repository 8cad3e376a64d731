#!/usr/bin/env python3
"""Writes what docs/ has from the source: the pages of commands, of errors and of Python, tables of chips, and drawings.

With --check it writes nothing, and fails where a file is not what the source says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

from scripts.website import chip_tables, command_pages, drawings, error_page, python_page  # noqa: E402 - found by the lines above

DOCS = REPOSITORY / "docs"


def main() -> int:
    """Write or compare every file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file is out of date")
    arguments = parser.parse_args()
    stale = [*out_of_date()]
    for path in stale:
        print(f"{'out of date' if arguments.check else 'written'}: {path.relative_to(REPOSITORY)}")
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path], "utf-8")
    return int(arguments.check and bool(stale))


def files() -> dict[Path, str]:
    """What each file should hold."""
    return {
        DOCS / "errors.md": error_page.page(),
        DOCS / "reference" / "commands.md": command_pages.page(),
        DOCS / "reference" / "python.md": python_page.page(REPOSITORY),
        **{page: chip_tables.filled(page) for page in sorted((DOCS / "chips").glob("*.md"))},
        **{DOCS / "drawings" / f"{name}.svg": drawing for name, drawing in drawings.all_of_them().items()},
    }


def out_of_date() -> list[Path]:
    """Files that are not there, or hold something else."""
    return [path for path, text in files().items() if not path.is_file() or path.read_text("utf-8") != text]


if __name__ == "__main__":
    raise SystemExit(main())
