"""`dlpuconv inspect`: what a file holds, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.cli import options as opt


def inspect(
    file: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a package folder.", show_default=False)],
    json: opt.Json = False,
) -> None:
    """Show the layers of a file: ops, shapes, types, and whether weights are per tensor or per channel."""
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.formats.detect import read
    from dlpuconv.verify import inspection_json, render_inspection

    view = read(file)
    if json:
        print_json(inspection_json(view))
    else:
        show(render_inspection(view))
