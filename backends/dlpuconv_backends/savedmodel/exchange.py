"""Files between the main process and the TensorFlow process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import CalibrationError

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
    """
    import numpy as np

    if not count:
        raise CalibrationError("there are no calibration samples")
    files = [folder / f"samples-{position}.npy" for position in range(len(shapes))]
    stores = [
        np.lib.format.open_memmap(  # type: ignore[no-untyped-call] # NumPy's own gap
            file, mode="w+", dtype=np.float32, shape=(count, *shape)
        )
        for file, shape in zip(files, shapes, strict=True)
    ]
    for row, sample in enumerate(samples):
        for store, value in zip(stores, sample, strict=True):
            if value.shape != store.shape[1:]:
                raise CalibrationError(
                    f"calibration sample {row} has the shape {value.shape} where the converted model takes "
                    f"{store.shape[1:]}"
                )
            store[row] = value
    for store in stores:
        store.flush()
    return [str(file) for file in files]
