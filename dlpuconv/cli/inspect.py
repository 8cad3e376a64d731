"""`dlpuconv inspect`: what a file holds, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.help import RESULT
from dlpuconv.language.printable import printable


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
    file: Annotated[
        Path,
        typer.Argument(
            help="A .tflite or .onnx file, a package folder, or a model of Keras, TensorFlow or PyTorch that `convert`"
            " takes, shown in its ONNX form.",
            show_default=False,
        ),
    ],
    layer: Annotated[
        list[str] | None,
        opt.option(
            "--layer",
            "-l",
            help="Show these layers in every detail: a glob of names (PyTorch module, ONNX node or value, tensor) or"
            " ops, or a number; may be repeated.",
            panel=RESULT,
            metavar="LAYER",
            autocompletion=complete_layer,
        ),
    ] = None,
    target: opt.PlacementTarget = None,
    input_shape: opt.InputShape = None,
    signature: opt.Signature = "",
    html: Annotated[
        Path | None,
        opt.option(
            "--html",
            help="Draw the graph as one HTML page, such as graph.html, in which you can search layers by name, and go"
            " from a layer to those before and after it; an older graph is replaced.",
            panel=RESULT,
            metavar="FILE",
        ),
    ] = None,
    json: opt.Json = False,
    quiet: Annotated[
        bool, opt.flag("--quiet", "-q", help="Print the summary of the file only, and no layers.")
    ] = False,
) -> None:
    """Show what a file holds, layer by layer.

    It shows operators, shapes, types, scales, and whether weights are per tensor or per channel. With --layer, it shows
    all tensors of these layers, with scales, values, options and neighbours; with --html, it draws the graph.

    Example: dlpuconv inspect model.artpec8.tflite --layer 'CONV*' --layer 12
    """
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.cli.parsing import shapes
    from dlpuconv.reporting.files import GRAPH, check_report, write_report
    from dlpuconv.workflow.inspect import inspect as run

    if html:
        check_report(html, kind=GRAPH)
    found = run(file, layer or (), shapes(input_shape), signature=signature, target=target)
    if html:
        write_report({html: found.to_html()}, GRAPH)
    if json:
        print_json(found.to_json())
        return
    shown = printable(found)
    if layer:
        from dlpuconv.inspection.details import render_layers

        show(render_layers(shown.view, shown.layers))
    else:
        from dlpuconv.inspection.overview import render_head, render_overview

        show((render_head if quiet else render_overview)(shown.view, shown.size, shown.division))
    if shown.placement:
        show(*shown.placement.sentences)
    if html:
        show(f"graph: {html}")
