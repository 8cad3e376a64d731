#!/usr/bin/env python3
"""Takes the pictures of docs/verify.md: the reports of a good and of a bad file, as the system's Chromium shows them.

Pixels depend on the browser and its fonts, so that no test compares them; run this where the report looks otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import dlpuconv  # noqa: E402 - found by the line above

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MODELS = REPOSITORY / "tests" / "models"
WEIGHTS_ONLY = REPOSITORY / "tests" / "packaging" / "data" / "weights_only.tflite"
_WIDTH, _COLORS = 640, 48


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        name: of its file.
        page: the report.
        height: of what is seen of it, from the top, in pixels.
    """

    name: str
    page: str
    height: int


def main() -> int:
    """Make the files, verify them, and take both pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "drawings", help="folder of the pictures")
    folder = parser.parse_args().output
    with tempfile.TemporaryDirectory() as temporary:
        shots = (
            Shot("report-good.png", _good(Path(temporary)), 850),
            Shot("report-bad.png", _report(WEIGHTS_ONLY), 812),
        )
    for shot in shots:
        _take(shot, folder)
        print(f"written: {folder / shot.name}")
    return 0


def _good(folder: Path) -> str:
    """The demo's network for ARTPEC-8, beside its source."""
    model = MODELS / "cifar_mobilenetv2" / "model.onnx"
    calibration = MODELS / "_data" / "cifar10" / "calibration"
    dlpuconv.convert(model, target="artpec8", calibration=calibration, preset="imagenet", effort="fast").save(folder)
    return _report(folder / "model.artpec8.tflite", reference=model, data=calibration)


def _report(file: Path, reference: Path | None = None, data: Path | None = None) -> str:
    return dlpuconv.verify(file, target="artpec8", reference=reference, data=data).to_html()


def _take(shot: Shot, folder: Path) -> None:
    """As few colors as text and tables need: a twentieth of the size."""
    from io import BytesIO

    from PIL import Image
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("scripts/pictures.py: no Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": _WIDTH, "height": shot.height}, color_scheme="light")
        page.set_content(shot.page)
        content = page.screenshot(animations="disabled")
        started.close()
    Image.open(BytesIO(content)).convert("RGB").quantize(_COLORS).save(folder / shot.name, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
