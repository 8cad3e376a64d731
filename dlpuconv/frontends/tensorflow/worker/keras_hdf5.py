"""HDF5 files as Keras writes them: groups and arrays of numbers in the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ModelError
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from pathlib import Path


def screen_hdf5(path: Path) -> Any:
    """Check that a file reads no other one.

    Returns:
        The attribute that holds a model's configuration; None for weights alone.

    Raises:
        ModelError: it is no HDF5 file, or leads to other files.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _screen_groups(file)
            return file.attrs.get("model_config")
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(f"it is no HDF5 file, or is damaged: {first_line(error)}", id="keras-file-damaged") from error


def configuration(found: Any) -> str:
    """A model's configuration (JSON).

    Raises:
        ModelError: there is none.
    """
    if found is None:
        raise ModelError(
            "it holds weights and no model (model.save_weights): make the model in Python, call"
            " model.load_weights, and save the whole with model.save('model.keras')",
            id="keras-no-architecture",
        )
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def _screen_groups(file: Any) -> None:
    import h5py

    waiting, seen = [file], set()
    while waiting:
        group = waiting.pop()
        if (place := h5py.h5o.get_info(group.id).addr) in seen:  # a group may lie in several others, or in itself
            continue
        seen.add(place)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(
                    f"the entry {name!r} leads to another place, and only what is in the file itself is read",
                    id="keras-file-links",
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                raise ModelError(
                    f"the array {item.name!r} is in another file, and only what is in the file itself is read",
                    id="keras-file-links",
                )
