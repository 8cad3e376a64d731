"""A classifier for three chips, and what plain quantization does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.demos.attempt import Attempt, source, table, tell_failures
from tests.models import cifar

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

TITLE = "a small MobileNetV2 that classifies pictures, for three chips, beside a plain per-tensor conversion"

_NAME = "cifar_mobilenetv2"
_TARGETS = ("artpec7", "artpec8", "cv25")


def run(output: Path, console: Console) -> int:
    """Convert, measure, print.

    Returns:
        0 if every file passed its verification, but for the one that shows what plain quantization does; else 1.
    """
    model = source(_NAME)
    trained: dict[str, Any] = {"calibration": cifar.CALIBRATION, "mean": cifar.MEAN, "std": cifar.STD}
    console.print(f"Converting {_NAME}, trained on CIFAR-10, for {', '.join(_TARGETS)} ...")
    found = Attempt.of(model, output, target=_TARGETS, **trained)
    console.print("Converted and verified. Now artpec8 again, without any of the techniques, for comparison ...")
    recipe = model.with_name("plain.recipe.toml")
    plain = Attempt.of(model, output / "plain", label="plain", target="artpec8", recipe=recipe, **trained)

    console.print("", table(_NAME, [found, plain]), "", sep="\n")
    console.print("(top-1 accuracy on 200 labelled pictures that were not used for calibration; float in ONNX Runtime,")
    console.print("int8 on TFLite's integer kernels; plain: one scale for each layer, and no equalization)\n")
    tell_failures(console, [found, plain])
    return 0 if found.conversion.verdict == "pass" else 1
