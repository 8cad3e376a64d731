"""The demo: one real model, three chips, and what 200 labelled images say of each file.

A small MobileNetV2 trained on CIFAR-10 is converted through the public API, as a user would do it. Then the float
model and every artifact classify the same images, read back from the files on disk: ONNX Runtime runs the float
models, TFLite's integer kernels (LiteRT without delegates) the int8 ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

import dlpuconv
from dlpuconv.formats.detect import runner
from dlpuconv.verification.report_text import render_reasons
from dlpuconv.verification.translate import to_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv.workflow.conversion import Conversion, Converted

    type Floats = npt.NDArray[np.float32]
    type Values = npt.NDArray[np.generic]
    type Classifier = Callable[[Floats], Values]

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY / "scripts" / "demo_data"
MODEL = DATA / "cifar_mobilenetv2.onnx"
PLAIN = DATA / "plain.recipe.toml"
"""What plain quantization does."""
INPUT = "input"
MEAN = (125.307, 122.961, 113.8575)
STD = (62.985, 62.0925, 66.708)
TARGETS = ("artpec7", "artpec8", "cv25")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images and their classes.

    Attributes:
        images: [N, 3, 32, 32] float32, normalized as the network was trained.
        classes: [N] int64, position of the class in alphabetical order.
    """

    images: Floats
    classes: npt.NDArray[np.int64]

    def accuracy(self, classify: Classifier) -> float:
        """Share of the images whose largest output is that of their class; `classify` takes [1, 3, 32, 32]."""
        answers = [int(classify(image[None]).argmax()) for image in self.images]
        return float(np.mean(np.array(answers) == self.classes))


def read_labelled(folder: Path) -> Labelled:
    """Every PNG in `folder/CLASS/`."""
    names = sorted(path.name for path in folder.iterdir())
    files = sorted(folder.glob("*/*.png"))
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB"), np.float32) for file in files])
    normalized = np.asarray((pixels - MEAN) / STD, np.float32)
    return Labelled(normalized.transpose(0, 3, 1, 2), np.array([names.index(file.parent.name) for file in files]))


def float_classifier(path: Path) -> Classifier:
    """The source model in ONNX Runtime."""
    run = runner(path).run
    return lambda image: first(run({INPUT: image}))


def artifact_classifier(path: Path, converted: Converted) -> Classifier:
    """A converted file, fed with its own integers in its own layout, as its manifest describes them."""
    run, made = runner(path).run, converted.artifact
    return lambda image: first(run(to_artifact({INPUT: image}, made.inputs, made.bindings)))


def first(outputs: Mapping[str, Values]) -> Values:
    """The only output; integers will do, since the largest of them stands for the largest real value."""
    return next(iter(outputs.values()))


def size(path: Path) -> str:
    """Of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return f"{sum(file.stat().st_size for file in files if file.is_file()) / 1000:.0f} kB"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One conversion of the demo, saved.

    Attributes:
        recipe: how it was found: `balanced` looks for one, `plain` is that of `PLAIN`.
        conversion: what came of it.
        paths: of its artifacts, in the same order.
    """

    recipe: str
    conversion: Conversion
    paths: list[Path]


def attempt(targets: tuple[str, ...], folder: Path, recipe: Path | None = None) -> Attempt:
    """Convert the bundled model as a user would, with the default effort or by a recipe, and save the result."""
    made = dlpuconv.convert(
        MODEL, target=targets, calibration=DATA / "calibration", mean=MEAN, std=STD, recipe=recipe, cache=False
    )
    return Attempt("balanced" if recipe is None else "plain", made, made.save(folder, force=True))


def measure(attempts: list[Attempt], labelled: Labelled) -> Table:
    """One row an artifact: what the file on disk makes of the images, beside the float model."""
    reference = labelled.accuracy(float_classifier(MODEL))
    table = Table("target", "recipe", "file", box=None, pad_edge=False)
    for heading in ("size", "numbers", "float", "converted", "verdict"):
        table.add_column(heading, justify="right")
    for tried in attempts:
        for converted, path in zip(tried.conversion.artifacts, tried.paths, strict=True):
            is_float = converted.artifact.inputs[0].quantization is None
            table.add_row(
                converted.target,
                "-" if is_float else tried.recipe,
                path.name,
                size(path),
                "float32" if is_float else "int8",
                f"{reference:.1%}",
                f"{labelled.accuracy(artifact_classifier(path, converted)):.1%}",
                "[green]pass[/]" if converted.report.passed else "[bold red]FAIL[/]",
            )
    return table


def main() -> int:
    """Convert, measure, print.

    Returns:
        0 if every file passed its verification, but for the one that shows what plain quantization does; else 1.
    """
    parser = argparse.ArgumentParser(description="Convert the bundled model for three chips and measure the results.")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "demo-output", help="default: %(default)s")
    output: Path = parser.parse_args().output
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)

    console.print(f"Converting {MODEL.name}, a MobileNetV2 trained on CIFAR-10, for {', '.join(TARGETS)} ...")
    start = time.monotonic()
    found = attempt(TARGETS, output)
    console.print(f"Converted and verified in {time.monotonic() - start:.1f} s. Now artpec8, plainly ...")
    plain = attempt(("artpec8",), output / "plain", PLAIN)

    labelled = read_labelled(DATA / "evaluation")
    console.print("", measure([found, plain], labelled), "", sep="\n")
    console.print(f"(top-1 of {len(labelled.classes)} labelled images that no conversion saw; int8 on TFLite's integer")
    console.print("kernels, float in ONNX Runtime; plain: weights as they are, one scale a layer)\n")
    for tried in (found, plain):
        for converted in tried.conversion.artifacts:
            for reason in render_reasons(converted.report):
                console.print(f"[bold]{tried.recipe}[/]", reason)
    console.print(f"The files, each with its manifest: {output}", soft_wrap=True)
    return 0 if found.conversion.verdict == "pass" else 1


if __name__ == "__main__":
    sys.exit(main())
