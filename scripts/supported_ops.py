#!/usr/bin/env python3
"""Writes docs/rules/: what the verifier demands of a file for each built-in target, from the rules themselves.

With --check it writes nothing, and fails where a page is not what the rules say.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

if TYPE_CHECKING:
    from dlpuconv.plugin import Target
    from dlpuconv.verification.rule import Rule

PAGES = REPOSITORY / "docs" / "rules"
_DISTRIBUTION = "dlpuconv"
_WIDTH = 120
_ALLOWED = (
    "A failure becomes a warning where cameras are known to run the file nevertheless (detection post-processing),\n"
    "and where the user asked by name for what is refused."
)


def main() -> int:
    """Write or compare every page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a page is out of date")
    parser.add_argument("--output", type=Path, default=PAGES, help="folder of the pages (default: docs/rules)")
    arguments = parser.parse_args()
    found = {arguments.output / name: text for name, text in pages().items()}
    stale = {path: text for path, text in found.items() if not path.is_file() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        print(f"{'out of date' if arguments.check else 'written'}: {path.name}")
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return int(arguments.check and bool(stale))


def pages() -> dict[str, str]:
    """The text of each page by its file name: one a target, and a list of them."""
    from dlpuconv.registry import list_targets

    listed = [entry for entry in list_targets() if entry.distribution == _DISTRIBUTION]
    targets = [entry.target for entry in listed if entry.target is not None]
    return {"README.md": index(targets), **{f"{target.name}.md": page(target) for target in targets}}


def index(targets: list[Target]) -> str:
    """The list of pages."""
    rows = [f"| [`{t.name}`]({t.name}.md) | {t.title} | {len(rules_of(t))} |" for t in targets]
    lines = [
        "# What the verifier demands",
        "",
        "`dlpuconv verify FILE --target TARGET` applies these rules, and `convert` applies them to what it made. A",
        "`fail` fails the file; a `warn` does so with `--strict`. `--ignore ID` leaves one out. These pages are",
        "written by `scripts/supported_ops.py` from the rules themselves.",
        "",
        "| target | chip | rules |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def page(target: Target) -> str:
    """One target: a table of its rules, then the operators that they speak of."""
    rules = rules_of(target)
    lines = [f"# {target.title}: what `dlpuconv verify --target {target.name}` demands", "", _ALLOWED, ""]
    lines += [
        "| rule | severity | what must hold | what to do | source |",
        "|---|---|---|---|---|",
        *(row(rule, target) for rule in rules),
    ]
    for rule in rules:
        if rule.listed:
            names = ", ".join(f"`{name}`" for name in sorted(rule.listed))
            lines += ["", f"## {rule.id}", "", rule.sentence, ""]
            lines += textwrap.wrap(f"On the list: {names}.", _WIDTH, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def row(rule: Rule, target: Target) -> str:
    """One rule as a row of the table; its advice is that for a file that nothing is known of."""
    fix = rule.advise(target.context)
    cells = (f"`{rule.id}`", rule.severity.value, rule.sentence, fix, rule.source)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def rules_of(target: Target) -> tuple[Rule, ...]:
    """The rules that the verifier applies for a target, in its order."""
    from dlpuconv.verification.rules import UNIVERSAL_RULES

    return (*target.rules, *UNIVERSAL_RULES)


if __name__ == "__main__":
    raise SystemExit(main())
