"""`dlpuconv inspect`: what a file holds, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.printable import printable


def complete_layer(context: typer.Context, incomplete: str) -> list[str]:
    """Ops and layers of the file that begin with what was typed; none where the file cannot be read."""
    from dlpuconv.errors import DlpuconvError
    from dlpuconv.inspection.selection import read_named

    if not context.args:  # while a line is typed, its arguments are not assigned yet
        return []
    try:
        view = read_named(Path(context.args[0]))
    except DlpuconvError:
        return []
    known = dict.fromkeys((*view.op_counts, *(name for layer in view.layers for name in layer.names.each)))
    return [name for name in known if name.startswith(incomplete)]


def inspect(
    file: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a package folder.", show_default=False)],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            "-l",
            help="GLOB of names (PyTorch module, ONNX node or value, tensor) or ops, or a number: those layers in every"
            " detail; may be repeated.",
            autocompletion=complete_layer,
            show_default=False,
        ),
    ] = None,
    json: opt.Json = False,
) -> None:
    """Show the layers of a file: ops, shapes, types, scales, and whether weights are per tensor or per channel.

    With --layer, the tensors of those layers with their scales, values, options and neighbours.

    Example: dlpuconv inspect model.artpec8.tflite --layer 'CONV*' --layer 12
    """
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.formats.detect import size_of
    from dlpuconv.inspection.selection import read_named, select_layers

    view = read_named(file)
    chosen = select_layers(view, layer or ())
    if json:
        from dlpuconv.inspection.serialize import inspection_json

        print_json(inspection_json(view, chosen))
    elif layer:
        from dlpuconv.inspection.details import render_layers

        show(render_layers(printable(view), printable(chosen)))
    else:
        from dlpuconv.inspection.overview import render_overview

        show(render_overview(printable(view), size_of(file)))
