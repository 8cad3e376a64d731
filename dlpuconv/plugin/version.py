"""The version of the plugin API, and whether what was written for another one fits it."""

from __future__ import annotations

import re

API_VERSION = "1.0"
"""What `dlpuconv.plugin` promises: a new minor version adds to it, a new major one changes or removes something."""


def misfit(declared: str) -> str:
    """Why a plugin that was written for this version cannot be used, and what helps; empty where it can."""
    ours = f"this dlpuconv has version {API_VERSION}"
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", declared, re.ASCII)
    if found is None:
        return f"declares the plugin API {declared!r}, which is not a version such as {API_VERSION}; {ours}"
    theirs, mine = (int(found[1]), int(found[2])), tuple(map(int, API_VERSION.split(".")))
    if theirs[0] == mine[0] and theirs[1] <= mine[1]:
        return ""
    helps = "a newer dlpuconv" if theirs > mine else "a newer version of it, or an older dlpuconv"
    return f"was written for version {declared} of the plugin API, and {ours}: install {helps}"
