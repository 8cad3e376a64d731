#!/usr/bin/env python3
"""Compares integer files with TFLiteConverter's: same operators, types, versions and scales, but for known differences.

The tests do so for a part of the zoo; this does it for all of it, which takes minutes. A difference is known where
tests/oracle/differences.toml gives a reason for it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))


def main() -> int:
    """Compare, and print what is new and what has vanished."""
    from tests import whole_zoo
    from tests.oracle.found import NAMES, compared, known

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, help=f"patterns (default: {' '.join(NAMES)})")
    parser.add_argument(
        "--keep", metavar="FOLDER", help="leave the files of both in this folder, which must not be there yet"
    )
    arguments = parser.parse_args()
    accepted, faults, names = set(known()), 0, []
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        zoo, files = Path(folder) / "models", Path(arguments.keep or f"{folder}/files")
        files.mkdir(parents=True)
        whole_zoo.put_together(zoo)
        for name, found in compared(zoo, files, arguments.names):
            names.append(name)
            new = sorted(set(found) - accepted)
            vanished = sorted({each for each in accepted if each.model == name}.difference(found))
            print(f"{name}: {len(found)} differences, {len(new)} new, {len(vanished)} vanished", flush=True)
            for title, each in [("new", each) for each in new] + [("vanished", each) for each in vanished]:
                print(f'  {title}: ["{each.model}", "{each.what}", "{each.ours}", "{each.theirs}"],')
            if (refusal := files / f"{name}.refused").exists():
                print(f"  the converter: {refusal.read_text('utf-8').splitlines()[0]}")
            faults += len(new) + len(vanished)
    if not names:
        print(f"nothing matches {' '.join(arguments.names)}", file=sys.stderr)
    return int(bool(faults) or not names)


if __name__ == "__main__":
    raise SystemExit(main())
