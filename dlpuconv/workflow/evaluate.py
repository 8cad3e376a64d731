"""One metric for a module, a model and the files made from it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions
from dlpuconv.frontends import load as read
from dlpuconv.frontends.pytorch.sources import is_module
from dlpuconv.frontends.readers import becomes_onnx
from dlpuconv.ir import Model
from dlpuconv.workflow.conversion import Converted
from dlpuconv.workflow.load import crew_of, load
from dlpuconv.workflow.loaded import Endpoint, LoadedNetwork
from dlpuconv.workflow.metric import make_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.ir import ValueSpec
    from dlpuconv.verification.predictor import Predict


class DataMetric(Protocol):
    """What scores a network on data that it is handed."""

    def __call__(self, predict: Predict, data: Any, /) -> float:
        """Score a network.

        Args:
            predict: runs it, as for `MetricFunction`.
            data: what `evaluate` was given.
        """
        ...


def evaluate(model: Any, data: Any, metric: DataMetric, workers: int = 1) -> float:
    """See `dlpuconv.evaluate`.

    Raises:
        MetricError: the metric failed, or gave no finite number.
        DlpuconvError: the model cannot be read or run.
    """
    judge = make_metric(_WithData(metric, data), None)
    assert judge is not None
    with _predicting(model, workers) as predict:
        return judge.score(predict)


class _WithData:
    """A metric as one of `--metric`, which knows its data."""

    def __init__(self, metric: DataMetric, data: Any) -> None:
        self._metric, self._data = metric, data
        self.__qualname__ = getattr(metric, "__qualname__", type(metric).__qualname__)

    def __call__(self, predict: Predict, /) -> float:
        return self._metric(predict, self._data)


@contextmanager
def _predicting(model: Any, workers: int) -> Iterator[Predict]:
    """What runs a model, whatever it is."""
    if isinstance(model, LoadedNetwork):
        yield model
    elif is_module(model):
        from dlpuconv.frontends.pytorch.predict import predict_by_module

        yield predict_by_module(model)
    else:
        with _network(model, workers) as network:
            yield network


def _network(model: Any, workers: int) -> LoadedNetwork:
    if isinstance(model, Converted):
        return model.load(workers=workers)
    if isinstance(model, str | Path) and not becomes_onnx(Path(model)):
        return load(Path(model), workers)
    source = model if isinstance(model, Model) else read(model, SourceOptions())
    signature, content = source.signature, source.to_bytes()
    return LoadedNetwork(
        file=source.source.name,
        inputs=tuple(map(_endpoint, signature.inputs)),
        outputs=tuple(map(_endpoint, signature.outputs)),
        kernels="ONNX Runtime",
        workers=workers,
        runner=crew_of(workers, lambda: OrtRunner(content, source.source.name)),
    )


def _endpoint(spec: ValueSpec) -> Endpoint:
    return Endpoint(name=spec.name, shape=spec.shape)
