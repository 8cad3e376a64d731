"""Every rewrite earns its place on models that nobody made for it: one that fires on none of them is to be deleted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from dlpuconv.errors import BackendError, ModelError, UnsupportedModelError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normal_form, normalize
from dlpuconv_backends import cleanup
from dlpuconv_backends.lowering import lower
from tests.corpus.sources import Entry, exports, operator_models, zoo_models
from tests.once import once

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.zoo, pytest.mark.long]  # one test has the work of all

PASSES = [entry.name for entry in (*normal_form.REPEATED, *normal_form.LEFTOVERS)]
ONLY_FOR = {"fold-affine-in-front": "text_ppocrv5_det", "sink-single-values": "lpr_lprnet"}
"""Passes that fire for no other model of the corpus, and that model, which only a larger zoo has."""
CLEAN_UPS = [rewrite.__name__ for rewrite in (*cleanup.BEFORE_LAYOUT, *cleanup.AFTER_LAYOUT, *cleanup.AT_THE_END)]


@dataclass(frozen=True, slots=True)
class Fired:
    """How many models each rewrite did something for, and how many models went through a stage."""

    passes: Counter[str] = field(default_factory=Counter)
    clean_ups: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)

    def take(self, entry: Entry) -> None:
        """Bring a model as far as it goes."""
        try:
            options = SourceOptions(input_shapes={"": entry.shape} if entry.shape else {})
            normal, report = normalize(load(entry.model, options))
            self.stages["normal form"] += 1
            self.passes.update(one.name for one in report.passes if one.fired)
            lowered = lower(normal, layouts={})
        except (ModelError, UnsupportedModelError, BackendError) as error:
            if entry.whole or "a fault of dlpuconv" in str(error):
                raise
            return
        self.stages["lowered"] += 1
        self.clean_ups.update(name for name, count in lowered.fired.items() if count)


def count(entries: Iterable[Entry]) -> Fired:
    """What fires for these models."""
    fired = Fired()
    for entry in entries:
        fired.take(entry)
    return fired


@pytest.fixture(scope="module")
def fired(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Fired:
    def counted() -> Fired:
        return count(chain(exports(tmp_path_factory.mktemp("exports")), zoo_models(zoo), operator_models()))

    return once("corpus", tmp_path_factory, counted)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.zoo(ONLY_FOR[n])) if n in ONLY_FOR else n for n in dict.fromkeys(PASSES)],
)
def test_each_pass_fires_for_a_model_that_was_not_made_for_it(fired: Fired, name: str) -> None:
    assert fired.passes[name]


@pytest.mark.parametrize("name", dict.fromkeys(CLEAN_UPS))
def test_each_clean_up_fires_for_a_model_that_was_not_made_for_it(fired: Fired, name: str) -> None:
    assert fired.clean_ups[name]


def test_the_corpus_is_no_handful_of_models(fired: Fired) -> None:
    assert fired.stages["normal form"] > 250
    assert fired.stages["lowered"] > 200
