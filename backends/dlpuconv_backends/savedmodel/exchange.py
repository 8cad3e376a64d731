"""Files between the main process and the TensorFlow process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from dlpuconv.errors import CalibrationError
from dlpuconv_backends.workers import writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt


def write_samples(
    samples: Iterable[Sequence[npt.NDArray[np.float32]]], count: int, shapes: Sequence[tuple[int, ...]], folder: Path
) -> list[str]:
    """Write samples to one `.npy` file an input, one sample in memory at a time.

    Args:
        samples: each a list of arrays in the graph's order and layout, batch axis included.
        count: how many there are.
        shapes: of each input.
        folder: where to.

    Returns:
        The files, in the graph's order.

    Raises:
        CalibrationError: a sample has another shape than the input, or there are none.
        OutputError: the folder cannot be written.
    """
    import numpy as np

    if not count:
        raise CalibrationError("there are no calibration samples")
    files = [folder / f"samples-{position}.npy" for position in range(len(shapes))]
    with writing("the calibration samples", folder), ExitStack() as stack:
        # plain writes: a full disk is an error here, where it would be a crash in mapped memory
        stores = [stack.enter_context(file.open("wb")) for file in files]
        for store, shape in zip(stores, shapes, strict=True):
            header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": (count, *shape)}
            np.lib.format.write_array_header_1_0(store, header)  # type: ignore[no-untyped-call] # NumPy's own gap
        rows = 0
        for sample in samples:
            for store, shape, value in zip(stores, shapes, sample, strict=True):
                if value.shape != shape:
                    raise CalibrationError(
                        f"calibration sample {rows} has the shape {value.shape} where the converted model takes {shape}"
                    )
                store.write(np.ascontiguousarray(value, np.float32).data)
            rows += 1
    if rows != count:
        raise CalibrationError(f"{count} calibration samples were announced, but there are {rows}")
    return [str(file) for file in files]
