"""Distributions of strangers: installed in a folder on the path, seen by a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dlpuconv.plugin import API_VERSION

GOOD = """
from dataclasses import replace
from dlpuconv_targets.artpec import ARTPEC9
TOY = replace(ARTPEC9, name="toy1", title="A toy chip", device="toy-dlpu")
"""


def install(site: Path, distribution: str, module: str, code: str, entries: str, api: str = API_VERSION) -> None:
    """What an installer leaves: a module and its metadata, which says the version of the plugin API unless empty."""
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"{entries}\n[dlpuconv.api]\n{api} = {module}\n" if api else entries)
    (site / f"{module}.py").write_text(code)


def dlpuconv(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, "-m", "dlpuconv", *arguments], capture_output=True, text=True, env=environment, check=False
    )
