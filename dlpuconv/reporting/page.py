"""The page as values: every text worded, every chart drawn, so that the template only puts them in their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.reporting.drawings import ErrorChart, Histogram
    from dlpuconv.reporting.layer_cells import LayerList
    from dlpuconv.verification.kinds.words import KindRow


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a list of facts.

    Attributes:
        label: what it is.
        value: with its unit.
        note: more, in small.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingText:
    """A broken rule.

    Attributes:
        rule: its id.
        fails: False for a warning.
        sentence: what must hold.
        fix: what to do; may be empty.
        places: layer and what was found there.
        count: of all places.
        more: what is left out, in words.
    """

    rule: str
    fails: bool
    sentence: str
    fix: str
    places: tuple[tuple[str, str], ...]
    count: int
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """An output beside the source's: figures as texts."""

    name: str
    sqnr: str
    cosine: str
    max_error: str
    peak: str
    agreement: str
    trouble: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePair:
    """What both models see in one picture.

    Attributes:
        name: of the output.
        kind: boxes or masks.
        before: by the float model, as a data URL.
        after: by the file.
        before_text: what is on it.
        after_text: likewise.
        width: of each, in pixels.
        height: likewise.
    """

    name: str
    kind: str
    before: str
    after: str
    before_text: str
    after_text: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUp:
    """One of the worst layers.

    Attributes:
        anchor: id of its row.
        number: in the file's order.
        op: of the layer.
        name: of the layer.
        figures: its error.
        why: the likely cause; may be empty.
        advice: what helps; may be empty.
        histograms: of weights and of what it makes.
    """

    anchor: str
    number: int
    op: str
    name: str
    figures: tuple[Fact, ...]
    why: str
    advice: str
    histograms: tuple[Histogram, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """A recipe that was tried."""

    recipe: str
    typical_db: str
    sqnr_db: str
    metric: str
    notes: tuple[str, ...]
    passes: bool
    chosen: bool
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRow:
    """An input or output, as an application sees it.

    Attributes:
        kind: `input` or `output`, and its number where there are several.
        name: in the file.
        stands_for: what it is of the source model; empty where that is not known.
        shape: extents, and their order where it is known.
        dtype: of its values.
        scale: real value of one step; empty for float.
        zero_point: empty for float.
        real: lowest to highest real value.
        meaning: what goes in, or what comes out, in a sentence.
    """

    kind: str
    name: str
    stands_for: str
    shape: str
    dtype: str
    scale: str
    zero_point: str
    real: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code to copy: what it is, and the code."""

    title: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of it.

    Attributes:
        file: name.
        chip: for people.
        passed: the verdict.
        warnings: how many kinds of them; empty for none.
        reasons: of a failure.
        figures: the most important numbers.
        findings: broken rules, fatal ones first.
        notes: what else to know.
        compared: what was compared, on what; empty where nothing was.
        outputs: beside the source's.
        kinds: what is known of them beside numbers.
        pictures: one picture as both models see it; empty where nothing can be drawn.
        charts: error by layer, for wide and for narrow screens; empty where nothing was measured.
        chart_note: how to read it.
        close_ups: the worst layers.
        close_up_note: which those are.
        layers: all of them.
        placement: what runs where, in sentences.
        trials: recipes that were tried.
        metric: name of the user's own metric; empty where there is none.
        ports: inputs, then outputs.
        snippets: for applications.
        camera: commands, in order.
        origin: where the file came from.
        version: of dlpuconv.
    """

    file: str
    chip: str
    passed: bool
    warnings: str
    reasons: tuple[str, ...]
    figures: tuple[Fact, ...]
    findings: tuple[FindingText, ...]
    notes: tuple[str, ...]
    compared: str
    outputs: tuple[OutputRow, ...]
    kinds: tuple[KindRow, ...]
    pictures: tuple[PicturePair, ...]
    charts: tuple[ErrorChart, ...]
    chart_note: str
    close_ups: tuple[CloseUp, ...]
    close_up_note: str
    layers: LayerList
    placement: tuple[str, ...]
    trials: tuple[TrialRow, ...]
    metric: str
    ports: tuple[PortRow, ...]
    snippets: tuple[Snippet, ...]
    camera: tuple[Snippet, ...]
    origin: tuple[Fact, ...]
    version: str
