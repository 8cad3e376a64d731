"""The user's own metric: a function that scores a network on the user's own labelled data."""

from __future__ import annotations

import math
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from dlpuconv.errors import DlpuconvError, MetricError, UsageError
from dlpuconv.named_function import first_line, named_function, place_of
from dlpuconv.verification.metric import MetricScore

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.formats import Runner
    from dlpuconv.ir import Signature
    from dlpuconv.verification.predictor import Predict


class MetricFunction(Protocol):
    """What the user writes."""

    def __call__(self, predict: Predict, /) -> float:
        """Score a network.

        Args:
            predict: runs it; it stands for the float model in one call and for converted files in others.

        Returns:
            A finite number; higher is better. Calls that see the same predictions must give the same number.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A user's function under its name.

    Attributes:
        name: `module:function`.
        function: the user's own code: nothing that depends on it is cached.
        max_drop: how much lower than the float model a file may score; None for no limit.
    """

    name: str
    function: MetricFunction
    max_drop: float | None = None

    def score(self, predict: Predict) -> float:
        """What the function says of a network.

        Raises:
            MetricError: the function failed, or gave no finite number.
            DlpuconvError: `predict` could not do what the function asked for.
        """
        try:
            with redirect_stdout(sys.stderr):  # stdout is the command's result
                found = self.function(predict)
        except DlpuconvError:
            raise
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise MetricError(
                f"the metric {self.name} failed{place_of(error)}: {first_line(error)}", id="metric-failed"
            ) from error
        return self._number(found)

    def _number(self, found: object) -> float:
        wanted = "a metric must return one finite number, higher for a better network"
        try:
            # numpy's scalars and one-element arrays are numbers too; a text that reads as one is none
            number = float(found.item() if hasattr(found, "item") else found)  # type: ignore[arg-type]
        except (TypeError, ValueError, RuntimeError):
            number = None
        if number is None or isinstance(found, str | bytes):
            raise MetricError(
                f"the metric {self.name} returned a {type(found).__name__}: {wanted}", id="metric-not-a-number"
            )
        if not math.isfinite(number):
            raise MetricError(f"the metric {self.name} returned {number}: {wanted}", id="metric-not-a-number")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """A metric with what the float model scores.

    Attributes:
        metric: the user's.
        source: the float model's score.
        calls: how often the metric asked for a prediction: what a bar counts.
        signature: of the source model.
    """

    metric: Metric
    source: float
    calls: int
    signature: Signature

    @classmethod
    def take(cls, metric: Metric, runner: Runner, signature: Signature, step: Callable[[], None]) -> Yardstick:
        """Score the float model.

        Args:
            metric: the user's.
            runner: runs the float model.
            signature: of it.
            step: called after each inference.

        Raises:
            MetricError: see `Metric.score`.
        """
        from dlpuconv.verification.predictor import predict_by

        calls = 0

        def counted() -> None:
            nonlocal calls
            calls += 1
            step()

        source = metric.score(predict_by(runner, signature, counted))
        return cls(metric=metric, source=source, calls=calls, signature=signature)

    def __call__(self, network: Runner, step: Callable[[], None] = lambda: None) -> float:
        """Score a file.

        Args:
            network: the file as the source model that it stands for (`verification.linking.network_of`).
            step: called after each inference.

        Raises:
            MetricError: see `Metric.score`.
        """
        from dlpuconv.verification.predictor import predict_by

        return self.metric.score(predict_by(network, self.signature, step))

    def enough(self, value: float) -> bool:
        """Whether a file with this score keeps to the limit that the user set; never where there is none."""
        return self.metric.max_drop is not None and not self.judged(value).reason

    def judged(self, value: float) -> MetricScore:
        """A file's score beside the float model's."""
        return MetricScore(name=self.metric.name, source=self.source, value=value, max_drop=self.metric.max_drop)


def make_metric(metric: str | MetricFunction | None, max_drop: float | None) -> Metric | None:
    """The metric of a request.

    Args:
        metric: `module:function`, imported with the current folder at the end of the path, or the function itself.
        max_drop: in the metric's own unit.

    Raises:
        UsageError: there is no such function, or a limit that is none or has no metric.
        MetricError: the module fails while it is imported.
    """
    if max_drop is not None and metric is None:
        raise UsageError(
            "--max-drop is in the unit of a metric: give --metric MODULE:FUNCTION as well", id="option-needs-another"
        )
    if max_drop is not None and not 0 <= max_drop < math.inf:
        raise UsageError(f"--max-drop {max_drop:g} must be 0 or more, in the metric's own unit", id="option-value")
    if metric is None:
        return None
    if isinstance(metric, str):
        function = named_function("--metric", metric, "my_metric:top1", partial(MetricError, id="metric-failed"))
        return Metric(name=metric, function=function, max_drop=max_drop)
    if not callable(metric):
        raise UsageError(
            f"a {type(metric).__name__} is not a metric: give a function, or the text 'module:function'",
            id="argument-type",
        )
    return Metric(name=_name(metric), function=metric, max_drop=max_drop)


def _name(function: MetricFunction) -> str:
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}:{named.__qualname__}"
