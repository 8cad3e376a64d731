"""Answers are computed once: a file is verified on samples on most of which it was judged when it was chosen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.files.content import sha256_of
from dlpuconv.verification.source_runner import source_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from pathlib import Path

    import numpy.typing as npt

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
    """Of the source model, and of files that stand for it."""

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, str], dict[str, npt.NDArray[np.generic]]] = {}
        self._room = _MEMORY

    def of_source(self, source: Model) -> Runner:
        """Runs the source model: always the same one, with the scales that it states or without."""
        return _Remembering(self, bool(source.scales), lambda: source_runner(source))

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
        key = who, _digest(inputs)
        if (known := self._known.get(key)) is not None:
            return dict(known)
        answer = compute().run(inputs)
        size = sum(values.nbytes for values in answer.values())
        if size <= self._room:
            self._room -= size
            self._known[key] = dict(answer)
        return answer


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


def _digest(inputs: Arrays) -> str:
    digest = hashlib.sha256()
    for name, values in inputs.items():
        digest.update(f"{name} {values.dtype} {values.shape} ".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
