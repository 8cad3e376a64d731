"""What jobs are called: short, unlike one another, and fit for a file's name."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from dlpuconv.files.urls import shown, shown_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dlpuconv.jsonable import Json

_UNFIT = re.compile(r"[^\w.+-]+")
_LONGEST = 100
_SHORTEST_PART = 40


def model_names(models: Sequence[str]) -> dict[str, str]:
    """A name for each model, of its file; with as many folders above it as it takes to tell them apart.

    Args:
        models: paths and URLs, each once.
    """
    parts = {model: _parts(model) for model in models}
    names = {model: _joined(parts[model][-1:]) for model in models}
    for depth in range(2, max(map(len, parts.values()), default=0) + 1):
        alike = {name for name, count in Counter(names.values()).items() if count > 1}
        if not alike:
            break
        names |= {model: _joined(parts[model][-depth:]) for model, name in names.items() if name in alike}
    return dict(zip(names, unlike(names.values()), strict=True))


def job_name(model: str, target: str, varied: Mapping[str, Json]) -> str:
    """`model.target`, with what else the matrix varies: `yolo.artpec8.per-tensor.effort-best`."""
    words = [
        shown_whole(value) if isinstance(value, str) else f"{name}-{_flat(value)}" for name, value in varied.items()
    ]
    return _fit(".".join((model, _last(target), *words)))


def unlike(names: Iterable[str]) -> list[str]:
    """The names, all different: a name that occurred before gets a number."""
    seen: Counter[str] = Counter()
    taken: set[str] = set()
    found = []
    for name in names:
        other = name
        while other in taken:
            seen[name] += 1
            other = f"{name}-{seen[name] + 1}"
        taken.add(other)
        found.append(other)
    return found


def _parts(model: str) -> tuple[str, ...]:
    bare = re.sub(r"\w[\w+.-]*://", "", shown(model).replace("::", "/")).rstrip("/")
    *folders, last = [part for part in bare.split("/") if part] or ["model"]
    stem = last.rpartition(".")[0] or last
    return (*folders, stem)


def _joined(parts: Sequence[str]) -> str:
    return _fit("-".join(parts))[-_SHORTEST_PART:].lstrip("-.") or "model"


def _last(target: str) -> str:
    """A chip's name, or that of the file that describes one."""
    return target.rsplit("/", 1)[-1].removesuffix(".toml")


def _flat(value: Json) -> str:
    if isinstance(value, dict):
        return "-".join(f"{key}-{_flat(each)}" for key, each in value.items())
    return "-".join(map(_flat, value)) if isinstance(value, list) else str(value).lower()


def _fit(text: str) -> str:
    return _UNFIT.sub("-", text)[:_LONGEST].strip(".-") or "job"
