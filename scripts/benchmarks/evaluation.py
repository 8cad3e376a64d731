"""Evaluation data of a model of the zoo, and what the float model and files make of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.benchmarks.metrics import measure_of
from scripts.benchmarks.shared import zoo_folder, zoo_module

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.metrics import Measure
    from scripts.benchmarks.shared import Array

    type Outputs = list[Array]

DECIBEL_METRIC = "PSNR"


@dataclass(frozen=True)
class Evaluation:
    """Data and reference of one model.

    Attributes:
        zoo: the zoo's module.
        name: of the model.
        task: the zoo's module for it.
        x: [N, ...] float32, preprocessed, in the source's layout.
        y: what `task.score` wants.
        reference: the float model's outputs, each [N, ...].
        names: of the outputs.
    """

    zoo: Any
    name: str
    task: Any
    x: Array
    y: Any
    reference: Outputs
    names: list[str]

    @classmethod
    def load(cls, name: str, limit: int | None = None) -> Evaluation:
        """Read the evaluation data, N samples of them if limited, and run the float model."""
        zoo = zoo_module()
        task = zoo.task(name)
        x, y = task.load_eval()
        x, y = np.asarray(x[:limit], np.float32), y[:limit]
        reference, names = zoo.run_onnx(str(zoo_folder() / name / "model.onnx"), x)
        return cls(zoo, name, task, x, y, reference, names)

    @property
    def in_decibels(self) -> bool:
        """Whether the metric is a ratio in dB rather than a share."""
        return DECIBEL_METRIC in self.task.METRIC

    def loaded(self, file: Path) -> Outputs:
        """What a file answers as `dlpuconv.load` runs it: with its front, its tail and whatever its manifest tells."""
        import dlpuconv

        with dlpuconv.load(file) as network:
            answers = [network(self.x[at : at + 1]) for at in range(len(self.x))]
        return [np.concatenate([answer[name] for answer in answers]) for name in self.names]

    def converted(self, made: Conversion) -> Outputs:
        """What a conversion's only artifact answers."""
        with tempfile.TemporaryDirectory() as folder:
            return self.loaded(made.save(folder)[0])

    def foreign(self, content: bytes) -> Outputs:
        """What a TFLite file of another converter answers on the plain integer kernels.

        Raises:
            RuntimeError: a kernel gives up, as DIV does on zero in files of TFLiteConverter.
        """
        shapes = [(len(r) // len(self.x), *r.shape[1:]) for r in self.reference]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.tflite"
            file.write_bytes(content)
            found: Outputs = self.zoo.run_tflite(str(file), self.x, self.names, shapes)
        return found

    def measure(self, outputs: Outputs) -> Measure:
        """The metric of these outputs, as a function of how often each sample counts."""
        return measure_of(self.task, outputs, self.y)

    @cached_property
    def exact(self) -> Measure:
        """The float model's."""
        return self.measure(self.reference)

    def decibels(self, outputs: Outputs) -> float:
        """Signal-to-noise ratio beside the float model."""
        return float(self.zoo.sqnr(self.reference, outputs))
