"""Answers are computed once: a file is verified on samples on most of which it was judged when it was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from dlpuconv.files.content import sha256_of
from dlpuconv.files.keep import NOTHING
from dlpuconv.verification.kept_answers import digest_of, kept_answers
from dlpuconv.verification.source_runner import source_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration import Samples
    from dlpuconv.files.keep import Keep
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Model
    from dlpuconv.plugin import Artifact

    type Arrays = Mapping[str, npt.NDArray[np.generic]]

_MEMORY = 64 << 20
"""Bytes of answers that are kept: the first ones."""


class Runs(Protocol):
    """What a backend knows of running its files."""

    def runner(self, path: Path, /) -> Runner:
        """Something that runs one."""
        ...


class Answers:
    """The outputs of the source model, and of files that stand for it."""

    def __init__(self, keep: Keep = NOTHING) -> None:
        """Know none yet.

        Args:
            keep: has, or gets, what a source model answers to whole sets of samples.
        """
        self._keep = keep
        self._recalled: set[str] = set()
        self._known: dict[tuple[Hashable, str], dict[str, npt.NDArray[np.generic]]] = {}
        self._room = _MEMORY

    def of_source(self, source: Model, samples: Samples | None = None) -> Runner:
        """Runs the source model: always the same one, with the scales that it states or without.

        Args:
            source: of it.
            samples: on all of which it will be run; None where that is not known.
        """
        runner = _Remembering(self, bool(source.scales), lambda: source_runner(source))
        plain = not source.scales and source.original is None
        if samples is not None and plain and self._keep is not NOTHING and samples.digest not in self._recalled:
            self._recalled.add(samples.digest)
            for inputs, answer in kept_answers(self._keep, source, samples, runner.run).items():
                self._remember((runner.who, inputs), answer)
        return runner

    def of_artifact(self, artifact: Artifact, backend: Runs, file: Path) -> Runner:
        """Runs an artifact's file.

        Args:
            artifact: its content decides, with the backend, who answers.
            backend: runs the file, when an answer is needed: another one may run the same content in another way.
            file: where the artifact is.
        """
        files = tuple(sorted((name, sha256_of(content)) for name, content in artifact.contents.items()))
        return _Remembering(self, (backend, files), lambda: backend.runner(file))

    def find(self, who: Hashable, inputs: Arrays, compute: Callable[[], Runner]) -> dict[str, npt.NDArray[np.generic]]:
        """The answer to these inputs; nobody may write to it."""
        key = who, digest_of(inputs)
        if (known := self._known.get(key)) is not None:
            return dict(known)
        answer = compute().run(inputs)
        self._remember(key, answer)
        return answer

    def _remember(self, key: tuple[Hashable, str], answer: Arrays) -> None:
        size = sum(values.nbytes for values in answer.values())
        if key not in self._known and size <= self._room:
            self._room -= size
            self._known[key] = dict(answer)


@dataclass(frozen=True)
class _Remembering:
    """See `Answers.of`."""

    answers: Answers
    who: Hashable
    load: Callable[[], Runner]

    @cached_property
    def _runner(self) -> Runner:
        return self.load()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`."""
        return self.answers.find(self.who, inputs, lambda: self._runner)
