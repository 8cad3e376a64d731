"""A matrix multiplied out: every model with every target and every combination of values, as jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.job import Allowance, BatchJob
from dlpuconv.batches.limits import USUAL
from dlpuconv.batches.matrix.condition import Combination, Condition
from dlpuconv.batches.matrix.sections import (
    DATA,
    SETTINGS,
    ModelRow,
    close_to,
    keys_of,
    row,
    setting,
    settings_of,
    tables,
)
from dlpuconv.batches.names import job_name, model_names, unlike
from dlpuconv.batches.options import check_options
from dlpuconv.batches.places import matches, resolved
from dlpuconv.errors import UsageError
from dlpuconv.toml_table import TomlTable, quoted, read_small

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlpuconv.jsonable import Json

MOST_JOBS = 1_000_000
_PARTS = frozenset(("batch", "matrix", "models", "include", "exclude", "override"))
_OF_THE_BATCH = frozenset(("store", "executor", "models", "targets", "memory_gib", "minutes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What a file of jobs says.

    Attributes:
        jobs: in the order of the file.
        store: path or URL; empty where it says none.
        executor: what runs them; empty for this machine.
        limits: of each job.
    """

    jobs: tuple[BatchJob, ...]
    store: str = ""
    executor: str = ""
    limits: Allowance = USUAL


def read_plan(source: Path | Mapping[str, Any]) -> BatchPlan:
    """The jobs of a TOML file, or of a dict of the same form; relative paths are relative to the file.

    Raises:
        UsageError: it is no such file; the sentence says which line, and what was perhaps meant.
    """
    if isinstance(source, Path):
        table, folder = TomlTable.parse(read_small(source, "the file of jobs"), source.name), source.absolute().parent
    else:
        table, folder = TomlTable(dict(source), "the jobs", ""), Path.cwd()
    keys_of(table, _PARTS, "a file of jobs")
    batch = table.table("batch")
    keys_of(batch, _OF_THE_BATCH | SETTINGS, "[batch]")
    combinations = _combinations(table, batch, folder)
    return BatchPlan(
        jobs=tuple(_jobs(combinations, table)),
        store=resolved(batch.string("store", ""), folder),
        executor=batch.string("executor", ""),
        limits=_limits(batch),
    )


def _limits(batch: TomlTable) -> Allowance:
    memory, minutes = batch.number("memory_gib", USUAL.memory / 2**30), batch.number("minutes", USUAL.seconds / 60)
    for key, value in (("memory_gib", memory), ("minutes", minutes)):
        if not 0 < value < 2**20:
            batch.refuse(key, f"{key} is {value:g}, not above zero and below {2**20}")
    return replace(USUAL, memory=int(memory * 2**30), seconds=minutes * 60)


def _combinations(table: TomlTable, batch: TomlTable, folder: Path) -> list[Combination]:
    usual = row(TomlTable({k: v for k, v in batch.values.items() if k not in _OF_THE_BATCH - {"models", "targets"}},
                          table.file, table.text, "batch"), folder, "[batch]")  # fmt: skip
    axes = _axes(table.table("matrix"), folder)
    rows = [row(each, folder, "[[models]]") for each in tables(table, "models")]
    included = [row(each, folder, "[[include]]") for each in tables(table, "include")]
    for each in (*rows, *included):
        if not each.models:
            each.table.refuse("", 'a table of models names none: give model = "..."')
    sources = _sources([*([usual] if usual.models else []), *rows])
    extra = [(path, each) for each in included for path in _found(each)]
    if not sources and not extra:
        table.refuse("", "there is no model: give models = [...] in [batch], or tables that begin with [[models]]")
    names = model_names(list(dict.fromkeys((*sources, *(path for path, _ in extra)))))
    made = [c for path, each in sources.items() for c in _multiplied(path, names[path], each, usual, axes)]
    made = _left(made, [Condition(each) for each in tables(table, "exclude")])
    made += [c for path, each in extra for c in _multiplied(path, names[path], each, usual, {})]
    return _overridden(made, table, folder)


def _axes(matrix: TomlTable, folder: Path) -> dict[str, list[Json]]:
    """The values of each option that is varied."""
    keys_of(matrix, SETTINGS, "[matrix]")
    for key, values in matrix.values.items():
        if not isinstance(values, list) or not values:
            matrix.refuse(key, f"{key} is {quoted(values)}, where a matrix has a list of values")
    return {key: [setting(matrix, key, value, folder) for value in vs] for key, vs in matrix.values.items()}


def _sources(rows: Sequence[ModelRow]) -> dict[str, ModelRow]:
    """Each model with what is said of it: the last table that finds it counts."""
    return {path: each for each in rows for path in _found(each)}


def _found(each: ModelRow) -> Iterator[str]:
    for pattern in each.models:
        found = matches(pattern)
        if not found:
            key = "model" if "model" in each.table.values else "models"
            each.table.refuse(key, f"there is no model {pattern!r}{close_to(pattern)}", Path(pattern).name)
        yield from found


def _multiplied(
    path: str, name: str, each: ModelRow, usual: ModelRow, axes: Mapping[str, list[Json]]
) -> Iterator[Combination]:
    targets = each.targets or usual.targets
    if not targets:
        each.table.refuse("", f"{path!r} has no target: give targets = [...] in [batch]")
    own = {} if each is usual else each.settings
    free = {key: values for key, values in axes.items() if key not in own}
    for target, *values in product(targets, *free.values()):
        chosen = dict(zip(free, values, strict=True))
        varied = tuple(axes) if axes else tuple(own)
        settings = {**usual.settings, **chosen, **own}
        yield Combination(model=path, model_name=name, target=str(target), settings=settings, varied=varied)


def _left(made: list[Combination], conditions: list[Condition]) -> list[Combination]:
    for condition in conditions:
        condition.check(made, "[[exclude]]")
    return [each for each in made if not any(condition.holds(each) for condition in conditions)]


def _overridden(made: list[Combination], table: TomlTable, folder: Path) -> list[Combination]:
    """The combinations with the settings of every `[[override]]` whose `when` applies; the last one counts most."""
    for each in tables(table, "override"):
        keys_of(each, SETTINGS | {"when"}, "[[override]]")
        condition = Condition(TomlTable(each.table("when").values, each.file, each.text))
        condition.check(made, "the when of [[override]]")
        settings = settings_of(each, folder)
        if not settings:
            each.refuse("", "[[override]] states no option")
        made = [replace(c, settings={**c.settings, **settings}) if condition.holds(c) else c for c in made]
    return made


def _jobs(made: list[Combination], table: TomlTable) -> Iterator[BatchJob]:
    if len(made) > MOST_JOBS:
        table.refuse("", f"there are {len(made)} jobs, of {MOST_JOBS} at most")
    alike = {json.dumps([c.model, c.target, c.settings], sort_keys=True): c for c in made}
    if not alike:
        table.refuse("", "no job is left: [[exclude]] means every one")
    varied = [{key: c.settings[key] for key in c.varied if key in c.settings} for c in alike.values()]
    names = unlike(job_name(c.model_name, c.target, v) for c, v in zip(alike.values(), varied, strict=True))
    for name, combination, values in zip(names, alike.values(), varied, strict=True):
        options = {key: value for key, value in combination.settings.items() if key not in DATA}
        try:
            check_options(options)
        except UsageError as error:
            table.refuse("", f"{name}: {error}")
        yield BatchJob(
            name=name,
            model=combination.model,
            target=combination.target,
            calibration=str(combination.settings.get("calibration", "")),
            validation=str(combination.settings.get("validation", "")),
            options=options,
            axes={"model": combination.model_name, "target": combination.target, **_told(values)},
        )


def _told(values: Mapping[str, Json]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
