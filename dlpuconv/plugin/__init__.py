"""All that a plugin needs of dlpuconv: a Target is frozen data about a chip, a Backend is code that makes its files.

A distribution registers targets under the entry-point group `dlpuconv.targets` (a `Target` value) and backends
under `dlpuconv.backends` (a `Backend` subclass), and says under `dlpuconv.api` for which `API_VERSION` they were
written: `"1.0" = "its_package"`. The built-in ones are registered in the same way, and import nothing else of the core
than this package:

- here: the contract itself, the number format, and the errors,
- `rules`, `views`, `placement`: what a chip demands of a file, and where it runs its layers,
- `package`: texts of a folder for a chip maker's own compiler,
- `data`: samples, files of any size, progress,
- `onnx`: the source model, and edits of it,
- `quantization`: recipes, and what layers lose,
- `isolation`: workers that read strangers' files in processes of their own,
- `tflite`: readers and runners of .tflite files.

Both are checked when they are loaded (`dlpuconv.registry.promises`), and what their code raises, `DlpuconvError` apart,
is told as the plugin's fault, under its name; DLPUCONV_TRACEBACK=1 shows where it came from.
"""

from __future__ import annotations

from dlpuconv.errors import (
    ArtifactError,
    BackendError,
    CalibrationError,
    DlpuconvError,
    MissingDependencyError,
    ModelError,
    OutputError,
    ShapeError,
    UnsupportedModelError,
    UsageError,
    did_you_mean,
)
from dlpuconv.ir import Affine, Normalization, Part, Port
from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, IntegerType
from dlpuconv.jsonable import Json
from dlpuconv.language.brief import listed
from dlpuconv.plugin.artifact import Artifact, Draft
from dlpuconv.plugin.backend import Backend, Prepared
from dlpuconv.plugin.job import InterfaceOptions, Job, Splitting
from dlpuconv.plugin.target import ExternalCompiler, Spelling, Target
from dlpuconv.plugin.version import API_VERSION
from dlpuconv.quantization.recipe import Recipe
from dlpuconv.scheme import Coding, Granularity, Numbers, Scheme

__all__ = [
    "API_VERSION",
    # a chip
    "ExternalCompiler", "Granularity", "Numbers", "Scheme", "Spelling", "Target",
    # how its integers stand for real numbers
    "Affine", "Coding", "INT8", "INT16", "IntegerType", "UINT8", "UINT16",
    # a way to make files
    "Backend", "Prepared",
    # what it is asked for
    "InterfaceOptions", "Job", "Normalization", "Recipe", "Splitting",
    # what it makes
    "Artifact", "Draft", "Json", "Part", "Port",
    # what it cannot do
    "ArtifactError", "BackendError", "CalibrationError", "DlpuconvError", "MissingDependencyError", "ModelError",
    "OutputError", "ShapeError", "UnsupportedModelError", "UsageError", "did_you_mean", "listed",
]  # fmt: skip
