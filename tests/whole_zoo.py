"""The zoo of the tests: the models of this repository, and those that a larger zoo of the same layout adds."""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pytest

REPOSITORY = Path(__file__).parents[1]
SMALL = REPOSITORY / "tests" / "models"
ONLY_LARGE = (
    "axis", "det_yolofastestv2", "det_yolov5n_axis", "imagenet_mnv2_torch", "lpr_lprnet", "sr_fsrcnn_x2",
    "text_ppocrv5_det",
)  # fmt: skip
"""Too large for this repository, or without a licence that allows to copy them into it."""

_DATA = "_data"


def larger() -> Path:
    """Where the larger zoo is looked for: DLPUCONV_ZOO, else beside the checkout."""
    return Path(os.environ.get("DLPUCONV_ZOO") or REPOSITORY.parent / "shared" / "zoo").resolve()


def is_there(folder: Path) -> bool:
    """Whether a folder is a zoo."""
    return (folder / "zoo.py").is_file()


def missing(item: pytest.Item) -> list[str]:
    """The models that a test needs and this repository lacks: those its marker names, and those it is a case of."""
    if (marker := item.get_closest_marker("zoo")) is None:
        return []
    cases = getattr(item, "callspec", None)
    needed = {*marker.args, *(value for value in (cases.params.values() if cases else ()) if isinstance(value, str))}
    return sorted(needed.intersection(ONLY_LARGE))


def put_together(folder: Path) -> None:
    """Links to both zoos' models and data in one folder; what both have is this repository's."""
    for zoo in filter(is_there, (SMALL, larger())):
        _link(zoo, folder)
        _link(zoo / _DATA, folder / _DATA)


def _link(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for entry in source.iterdir():
        if entry.name not in (_DATA, "__pycache__") and not (folder / entry.name).exists():
            (folder / entry.name).symlink_to(entry)


def task(zoo: Path, name: str) -> Any:
    """A model's own module, which loads samples (`load_calib`, `load_eval`) and has its metric."""
    spec = importlib.util.spec_from_file_location(f"task_{name}", zoo / name / "task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # other zoos may leave files to the garbage collector
        spec.loader.exec_module(module)
    return module


def samples(zoo: Path, name: str, count: int) -> npt.NDArray[np.float32]:
    """A model's first calibration samples, [N, ...]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # as above
        return np.asarray(task(zoo, name).load_calib(count), np.float32)
