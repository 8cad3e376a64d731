"""A network that was read from files, as one function: the source's inputs in, the source's outputs out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, override

import numpy as np

from dlpuconv.calibration.pictures import PictureInput, is_picture
from dlpuconv.errors import UsageError
from dlpuconv.ir import ValueSpec
from dlpuconv.verification.batches import Batching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    import numpy.typing as npt

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.division.division import Division
    from dlpuconv.formats import Runner

    type Reals = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An input or output of a network.

    Attributes:
        name: in the source model.
        shape: in the source model; None for an extent that only a run tells.
    """

    name: str
    shape: tuple[int | None, ...]

    @property
    def spec(self) -> ValueSpec | None:
        """What its shape says; None where that is not known before a run."""
        shape = tuple(extent for extent in self.shape if extent is not None)
        return ValueSpec.of(self.name, shape, "float32") if len(shape) == len(self.shape) else None

    @override
    def __str__(self) -> str:
        return f"{self.name} [{', '.join('?' if extent is None else str(extent) for extent in self.shape)}]"


@dataclass(kw_only=True, slots=True, repr=False, eq=False)
class LoadedNetwork:
    """What `dlpuconv.load` returns: call it with the source model's inputs. It closes itself when nobody needs it.

    Attributes:
        file: its name.
        inputs: of the source model, in its order.
        outputs: likewise.
        kernels: what runs the chip's part here.
        division: how the network is divided between the chip and the CPU; None where the file is all of it.
        notes: what cannot be known of the file.
        preprocessing: what the network expects of pictures; None where nobody knows.
        workers: so many samples of a batch are computed at the same time, each in a process of its own.
        runner: of the whole network, in the source model's names, layouts and values; None once it was closed.
    """

    file: str
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    kernels: str
    division: Division | None = None
    notes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    workers: int = 1
    runner: Runner | None

    def __call__(self, inputs: Mapping[str, Any] | npt.ArrayLike | Any | None = None, /, **by_name: Any) -> Reals:
        """One inference, or several where a network of one picture is given a batch of them.

        Args:
            inputs: arrays by input name; the array itself, where there is one input. Each is in the source model's
                shape, layout and values: normalized, where that is what the model was trained on. In place of an array
                a picture: a file's name, an image of Pillow's, or a list of them, which are resized and normalized as
                the conversion was told.
            by_name: the same as keywords.

        Returns:
            The source model's outputs by name, float32, in its shapes, layouts and real units.

        Raises:
            UsageError: an input is missing, unknown, no array or of another shape; or the network was closed.
            ArtifactError: the file, or a part beside it, cannot run.
            ShapeError: the manifest does not tell of this file.
        """
        if self.runner is None:
            raise UsageError(f"{self.file} was closed: load it again", id="network-closed")
        batching = self._batching()
        named = by_name if inputs is None else {**batching.named(inputs), **by_name}
        return batching.run(self._arrays(named), self._each)

    def close(self) -> None:
        """End what runs it."""
        self.runner = None

    def __enter__(self) -> Self:
        """The network itself, closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `close`."""
        self.close()

    @override
    def __repr__(self) -> str:
        ends = f"{', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}"
        parts = self.division
        beside = [name for name, part in (("front", parts.front), ("tail", parts.tail)) if part] if parts else []
        told = f" with a {' and a '.join(beside)}" if beside else ""
        return f"<LoadedNetwork {self.file}{told}: {ends} ({self.kernels})>"

    def _repr_html_(self) -> str:
        from dlpuconv.display.notebook import as_html
        from dlpuconv.workflow.loaded_text import network_text

        return as_html(network_text(self))

    def _each(self, singles: Iterable[Reals]) -> list[Reals]:
        if self.workers == 1:
            return [self._run_once(single) for single in singles]
        with ThreadPoolExecutor(self.workers) as threads:  # which wait for the processes that run it
            return list(threads.map(self._run_once, singles))

    def _run_once(self, inputs: Reals) -> Reals:
        assert self.runner is not None
        return {name: np.asarray(value, np.float32) for name, value in self.runner.run(inputs).items()}

    def _arrays(self, inputs: Mapping[str, Any]) -> Mapping[str, npt.ArrayLike]:
        """Inputs of which none is a picture any more."""
        return {name: self._values(name, value) if is_picture(value) else value for name, value in inputs.items()}

    def _values(self, name: str, picture: object) -> npt.ArrayLike:
        spec = next((end.spec for end in self.inputs if end.name == name), None)
        if self.preprocessing is None or spec is None or not spec.is_image:
            why = "it is not an image input" if self.preprocessing else "the file does not say how it takes pictures"
            raise UsageError(f"{self.file}: give an array for {name!r}: {why}", id="picture-not-taken")
        return PictureInput(spec=spec, preprocessing=self.preprocessing).values(picture)

    def _batching(self) -> Batching:
        # What lies behind a tail may have as many rows as there are detections, one among other numbers.
        fine = {(1,)} if self.division else {(1,), (None,)}
        return Batching(
            who=self.file,
            inputs={end.name: end.shape for end in self.inputs},
            lone=tuple(end.name for end in self.outputs if end.shape[:1] not in fine),
            refuse=partial(UsageError, id="network-inputs"),
        )
