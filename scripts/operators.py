#!/usr/bin/env python3
"""Writes docs/operators.md: what becomes of every operator of ONNX, and where each chip runs it.

The page is made of docs/operators.json, which --run writes anew from ONNX's own models of its operators.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))


_SAVED = 100
"""Models after which what is known is written: a run that was ended goes on with NAMES."""


def main() -> int:
    """Run the models where that is asked for, and write or compare the page."""
    from scripts.operator_table import outcomes
    from scripts.operator_table.page import PAGE, page

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the page is out of date")
    parser.add_argument("--run", nargs="?", const="*", metavar="NAMES", help="run these models first (default: all)")
    arguments = parser.parse_args()
    if arguments.run is not None and not _run(arguments.run):
        print(f"no model of ONNX's matches {arguments.run!r}; see the names in {outcomes.FILE.name}", file=sys.stderr)
        return 2
    found = outcomes.read()
    text = page(found)
    stale = not PAGE.is_file() or PAGE.read_text("utf-8") != text
    if stale and not arguments.check:
        PAGE.write_text(text, "utf-8")
    if stale:
        print(f"{'out of date' if arguments.check else 'written'}: {PAGE.name}")
    faults = [name for name, outcome in found.items() if outcome.group is outcomes.Group.FAULT]
    for name in faults:
        print(f"fault: {name}: {found[name].why}")
    return int((arguments.check and stale) or bool(faults))


def _run(names: str) -> int:
    """Run models, keep what is known of the others, and tell how many were run."""
    from scripts.operator_table import outcomes
    from scripts.operator_table.examples import examples
    from scripts.operator_table.examples import names as all_names

    known, count = outcomes.read() if outcomes.FILE.is_file() else {}, 0
    for count, example in enumerate(examples(names), 1):
        known[example.name] = outcomes.outcome_of(example, files=True)
        if count % _SAVED == 0:
            outcomes.write(known)
    outcomes.write({name: known[name] for name in all_names() if name in known})
    return count


if __name__ == "__main__":
    raise SystemExit(main())
