"""What the benchmarks share: the zoo, float graphs, tables."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dlpuconv.decibel import MOST_DB, Powers

if TYPE_CHECKING:
    import numpy as np

    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv_backends.lowering import Lowered

    type Array = np.ndarray[Any, np.dtype[Any]]

console = Console(width=None if sys.stdout.isatty() else 180, highlight=False)

TARGETS = ("artpec8", "artpec9", "cv25")


_CIFAR = {"mean": (125.307, 122.961, 113.8575), "std": (62.985, 62.0925, 66.708)}
_BY_255: dict[str, Any] = {"preset": "0-1"}
NORMALIZATIONS: dict[str, dict[str, Any]] = {
    "cifar_mobilenetv2": _CIFAR,
    "cifar_efficientnet": _CIFAR,
    "cifar_resnet20": _CIFAR,
    "imagenet_mnv2_torch": {"preset": "imagenet"},
    "text_ppocrv5_det": {"preset": "imagenet"},
    "vww_mobilenetv1_025": _BY_255,
    "sr_fsrcnn_x2": {"color": "gray", **_BY_255},
    "det_yolov5n_axis": _BY_255,
    "det_yolofastestv2": {"color": "bgr", **_BY_255},
    "lpr_lprnet": {"mean": (127.5,), "std": (128.0,)},
    "face_retinaface_mnet025": {"color": "bgr", "mean": (104.0, 117.0, 123.0), "std": (1.0,)},
    "seg_sinet_portrait": {
        "color": "bgr", "mean": (102.890434, 111.25247, 126.91212), "std": (16047.8946, 16019.5691, 16920.754775),
    },
}  # fmt: skip
"""What each model of the zoo expects of an image, as `convert` takes it; as its `task.py` does it."""


def zoo_folder() -> Path:
    """The zoo's folder: the larger one, or the models of the tests where there is none.

    Raises:
        SystemExit: DLPUCONV_ZOO names none.
    """
    repository = Path(__file__).resolve().parents[2]
    if named := os.environ.get("DLPUCONV_ZOO"):
        folder = Path(named).resolve()
    else:
        beside = repository.parent / "shared" / "zoo"
        folder = beside if (beside / "zoo.py").is_file() else repository / "tests" / "models"
    if not (folder / "zoo.py").is_file():
        sys.exit(f"no model zoo in {folder}: set DLPUCONV_ZOO")
    return folder


def zoo_module() -> Any:
    """The zoo's own `zoo.py`, which loads data and scores outputs."""
    sys.path.insert(0, str(zoo_folder()))
    warnings.simplefilter("ignore", ResourceWarning)
    return importlib.import_module("zoo")


def model_names(pattern: str) -> list[str]:
    """The zoo's models whose name matches.

    Raises:
        SystemExit: none does.
    """
    found = [p.parent.name for p in sorted(zoo_folder().glob("*/model.onnx")) if fnmatchcase(p.parent.name, pattern)]
    return found or sys.exit(f"no model of {zoo_folder()} matches {pattern!r}")


def has_tensorflow() -> bool:
    """Whether TFLiteConverter can be compared with."""
    return find_spec("tensorflow") is not None


def source_model(name: str) -> Model:
    """A model of the zoo, as it is."""
    from dlpuconv.frontends import SourceOptions, load

    return load(zoo_folder() / name / "model.onnx", SourceOptions())


def opened(values: Array, model: Model) -> Calibration:
    """The samples split as `dlpuconv.convert` splits them: the same ones calibrate everything that is compared."""
    from dlpuconv.calibration import Preprocessing, open_calibration
    from dlpuconv.display.progress import Silent

    calibration = open_calibration(
        {model.signature.inputs[0].name: values},
        signature=model.signature,
        preprocessing=Preprocessing(),
        progress=Silent(),
    )
    assert calibration is not None
    return calibration


def float_graph(model: Model) -> tuple[Lowered, bytes]:
    """The cleaned float TFLite graph that dlpuconv quantizes, and its file."""
    from dlpuconv.passes import normalize
    from dlpuconv_backends.flatbuffer import encode
    from dlpuconv_backends.lowering import lower

    lowered = lower(normalize(model)[0], layouts={})
    return lowered, encode(lowered.graph)


def decibels(reference: Array, got: Array) -> float:
    """Signal-to-noise ratio, at most 200; 0 where there is no signal."""
    powers = Powers()
    powers.add(reference, got)
    ratio = powers.decibels
    return ratio if ratio is not None else 0.0 if powers.noise else MOST_DB


def mark(good: bool) -> str:
    """A coloured word for a table."""
    return "[green]yes[/]" if good else "[red]NO[/]"
