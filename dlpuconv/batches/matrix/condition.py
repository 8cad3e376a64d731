"""Which jobs a table means: by globs of model and target, and by what options say."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.matrix.sections import SETTINGS, keys_of
from dlpuconv.errors import did_you_mean
from dlpuconv.toml_table import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.toml_table import TomlTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """What becomes a job.

    Attributes:
        model: path or URL.
        model_name: what jobs call it.
        target: one chip.
        settings: options and data.
        varied: the names of those that the matrix varies.
    """

    model: str
    model_name: str
    target: str
    settings: Mapping[str, Json]
    varied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds for a job if every key of its table does: a value, a glob, or a list of which one has to.

    Attributes:
        table: with the keys `model`, `target` and those of options.
    """

    table: TomlTable

    def check(self, among: Iterable[Combination], what: str) -> None:
        """Refuse a key that jobs have not, and a value that no job has: it is mistyped. A glob of models may find none.

        Args:
            among: all jobs.
            what: such a table is, for messages.
        """
        keys_of(self.table, SETTINGS | {"model", "target"}, what)
        if not self.table.values:
            self.table.refuse("", f"{what} without a key would mean every job")
        jobs = list(among)
        for key, wanted in self.table.values.items():
            if key != "model" and jobs and not any(_holds(key, wanted, job) for job in jobs):
                known = {value for job in jobs if isinstance(value := _value(key, job), str)}
                close = did_you_mean(wanted, known) if isinstance(wanted, str) else ""
                self.table.refuse(key, f"no job has {key} {quoted(wanted)}{close}")

    def holds(self, job: Combination) -> bool:
        """Whether the condition applies to this combination."""
        return all(_holds(key, wanted, job) for key, wanted in self.table.values.items())


def _holds(key: str, wanted: Any, job: Combination) -> bool:
    if isinstance(wanted, list) and not isinstance(_value(key, job), list):
        return any(_holds(key, each, job) for each in wanted)
    if key == "model":
        names = (job.model, job.model.rpartition("/")[2], job.model_name)
        return isinstance(wanted, str) and any(fnmatchcase(name, wanted) for name in names)
    found = _value(key, job)
    if isinstance(found, str) and isinstance(wanted, str):
        return fnmatchcase(found, wanted)
    return bool(found == wanted)


def _value(key: str, job: Combination) -> Json:
    return job.target if key == "target" else job.model if key == "model" else job.settings.get(key)
