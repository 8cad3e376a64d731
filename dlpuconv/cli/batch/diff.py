"""`dlpuconv batch diff`: two batches side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv.cli import options as opt

_WHICH = "A store, a file of jobs that names one, the folder of --output, or results that --json printed."


def diff(
    before: Annotated[str, typer.Argument(help=f"The earlier batch. {_WHICH}", show_default=False)],
    after: Annotated[str, typer.Argument(help="The later batch, in the same form.", show_default=False)],
    fail_on: opt.FailOn = None,
    json: opt.Json = False,
) -> None:
    """Tell what got better or worse between two batches.

    Jobs are matched by their place in the matrix, even if models or versions have changed. With --fail-on, the exit
    status is 15 if a result is worse than allowed.

    Example: dlpuconv batch diff main.json results --fail-on verdict,drop=0.5,size=5%,missing
    """
    from dlpuconv.batches.results.conditions import Conditions
    from dlpuconv.batches.results.diff import compare_batches
    from dlpuconv.batches.results.sources import records_of
    from dlpuconv.batches.results.table import diff_text
    from dlpuconv.cli.console import fail, print_json, show
    from dlpuconv.cli.streams import streams
    from dlpuconv.errors import RegressionError

    conditions = Conditions.parse(fail_on or ())
    found = compare_batches(records_of(before), records_of(after))
    violations = found.violations(conditions)
    if json:
        print_json(found.to_json(violations))
    else:
        show(*diff_text(found))
    for sentence in violations:
        fail(sentence, RegressionError.id)
    streams.check()
    if violations:
        raise typer.Exit(RegressionError.status)
