"""The demo: a real model is converted through the public API, as a user would do it, and measured on real data.

scripts/demo [classifier|detector|keywords]; the classifier unless told otherwise. `--list` says what each shows.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from rich.console import Console

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from dlpuconv.errors import did_you_mean  # noqa: E402 - found by the line above

DEMOS = ("classifier", "detector", "keywords")


def main() -> int:
    """Run one, or list them."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Convert a bundled model and measure the result.")
    parser.add_argument("demo", nargs="?", default="classifier", type=_known, help=f"{', '.join(DEMOS)} (%(default)s)")
    parser.add_argument("--list", action="store_true", help="say what each demo shows")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "demo-output", help="default: %(default)s")
    chosen = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    if chosen.list:
        for name in DEMOS:
            console.print(f"{name:12}{importlib.import_module(f'scripts.demos.{name}').TITLE}", soft_wrap=True)
        return 0
    start, output = time.monotonic(), chosen.output / chosen.demo
    output.mkdir(parents=True, exist_ok=True)
    status: int = importlib.import_module(f"scripts.demos.{chosen.demo}").run(output, console)
    console.print(
        f"The files, each with its manifest, after {time.monotonic() - start:.0f} s: {output}", soft_wrap=True
    )
    return status


def _known(name: str) -> str:
    if name not in DEMOS:
        raise argparse.ArgumentTypeError(
            f"there is no demo {name!r}{did_you_mean(name, DEMOS)}; there are {', '.join(DEMOS)}"
        )
    return name


if __name__ == "__main__":
    sys.exit(main())
