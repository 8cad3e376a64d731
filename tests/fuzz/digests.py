"""Prints what the first cases of every reader hold."""

from __future__ import annotations

import hashlib
import sys

from scripts.fuzzing.child import make_case
from scripts.fuzzing.readers import READERS

COUNT = 25


def main() -> None:
    """One line a reader."""
    for kind in READERS.values():
        reader = kind()
        reader.prepare()
        digest = hashlib.sha256()
        for number in range(COUNT):
            for name, content in make_case(reader, 3, number).items():
                digest.update(name.encode("utf-8", "surrogatepass") + b"\0" + content)
        sys.stdout.write(f"{reader.name} {digest.hexdigest()}\n")


if __name__ == "__main__":
    main()
