"""What other distributions say of their plugins, as `targets` lists it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import octets, values
from scripts.fuzzing.reader import Reader, status_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_ENTRIES = """[dlpuconv.targets]
toy = toychip:TOY
odd = toychip.more:ODD [extra]

[dlpuconv.backends]
toy = toychip:Backend

[dlpuconv.api]
1.0 = toychip
"""
_ABOUT = "Metadata-Version: 2.1\nName: toychip\nVersion: 1.0\nProvides-Extra: toy\n"
_POINTS = (
    "toychip:TOY", "toychip", "toychip:", ":TOY", "toychip:TOY.name", "json:dumps", "os:environ", "sys:path", "a b:c",
    "1:2",    "toychip:TOY [", "..:x", "dlpuconv.errors:PluginError", "builtins:print", "pathlib:Path", "json:nothing",
)  # fmt: skip
_CHANGED = """import dataclasses
from dlpuconv_targets.artpec import ARTPEC8
TOY = dataclasses.replace(ARTPEC8, name='toy', {})"""
_CODE = (
    "TOY = None", "TOY = 1/0", "raise SystemExit(3)", "import nothing_of_this_name", "def", "TOY = object()", "\0",
    "print('x')", "from dlpuconv_targets.artpec import ARTPEC8 as TOY", "class TOY: name = property(lambda self: 1/0)",
    "from dlpuconv.plugin import Target\nTOY = Target()", "raise ValueError('\\x1b[31m\\n')",
    *(_CHANGED.format(change) for change in ("rules=3", "title=None", "rules=(1,)", "scheme=None", "suffix=3")),
)  # fmt: skip


class Plugins(Reader):
    """A distribution `toychip` beside dlpuconv's own."""

    name = "plugins"
    share = 5
    plugins = True

    @override
    def make(self, rng: Random) -> Files:
        entries, about = _ENTRIES, _ABOUT
        if rng.random() < 0.6:
            entries = entries.replace("toychip:TOY", rng.choice(_POINTS)).replace(
                "odd", rng.choice((values.text(rng), "artpec8"))
            )
        if rng.random() < 0.1:
            entries = entries.replace("1.0 =", f"{rng.choice((values.text(rng), '2.0', '1.99', '0.9', '1'))} =")
        raw = octets.damaged(entries.encode("utf-8", "surrogatepass"), rng) if rng.random() < 0.4 else entries.encode()
        said = octets.damaged(about.encode(), rng) if rng.random() < 0.3 else about.encode()
        return {
            "toychip-1.0.dist-info/entry_points.txt": raw,
            "toychip-1.0.dist-info/METADATA": said,
            "toychip.py": rng.choice(_CODE).encode(),
        }

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.targets import targets
        from dlpuconv.registry import entries

        before, modules = list(sys.path), set(sys.modules)
        sys.path.insert(0, str(folder))
        entries._installed.cache_clear()
        try:
            return status_of(targets, json=True)
        finally:
            sys.path[:] = before
            for name in set(sys.modules) - modules:
                if name.startswith("toychip"):
                    del sys.modules[name]
