"""Weights that a model keeps in files beside it: read from the model's own folder and from nowhere else."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.files.regular import check_regular, open_regular
from dlpuconv.frontends.protos import all_tensors
from dlpuconv.frontends.report import raise_together
from dlpuconv.frontends.weights import BITS_BELOW_A_BYTE, shape_problem

if TYPE_CHECKING:
    from typing import Protocol

    import onnx
    import onnx_ir

    class Digest(Protocol):
        """A hash object of hashlib."""

        def update(self, data: bytes, /) -> None:
            """Hash more bytes."""


def holds_external_data(proto: onnx.ModelProto) -> bool:
    """True when a tensor's values are in another file."""
    return any(_is_external(tensor) for _, tensor in all_tensors(proto))


def load_external_data(proto: onnx.ModelProto, model: Path, digest: Digest) -> None:
    """Read every external tensor into the model, in place.

    Args:
        proto: the model; afterwards nothing in it is external.
        model: its file; data is only read from within this file's folder.
        digest: takes the bytes that are read, in the model's order.

    Raises:
        ModelError: a file is missing, too short, or outside the folder; all such tensors' files are listed.
    """
    problems: dict[str, ModelError] = {}
    for name, tensor in all_tensors(proto):
        if not _is_external(tensor):
            continue
        try:
            content = _read(name, tensor, model)
        except ModelError as error:
            problems.setdefault(_entries(tensor).get("location", ""), error)
            continue
        digest.update(content)
        del tensor.external_data[:]
        tensor.ClearField("data_location")
        tensor.raw_data = content
    raise_together(list(problems.values()))


def external_files(proto: onnx.ModelProto, model: Path) -> dict[str, Path]:
    """By the names that a model has for them, the files that its weights are read from, as far as they are there.

    Args:
        proto: the model.
        model: its file.
    """
    found: dict[str, Path] = {}
    for name, tensor in all_tensors(proto):
        location = _entries(tensor).get("location", "")
        if _is_external(tensor) and location not in found:
            with suppress(ModelError):
                found[location] = _inside(location, name, model)
    return found


def external_locations(proto: onnx.ModelProto) -> list[str]:
    """Names of the files that weights are said to be in, relative to the model; without those that could lead out."""
    said = {_entries(tensor).get("location", "") for _, tensor in all_tensors(proto) if _is_external(tensor)}
    return sorted(location for location in said if location and not _leads_out(location))


def into_memory(model: onnx_ir.Model) -> onnx_ir.Model:
    """This model with the tensors that are in files read from there.

    Raises:
        ModelError: a file is missing or too short.
    """
    import onnx_ir

    held = [value.const_value for graph in model.graphs() for value in graph.initializers.values()]
    try:
        for path in {tensor.path for tensor in held if isinstance(tensor, onnx_ir.ExternalTensor)}:
            check_regular(Path(path))
        return onnx_ir.external_data.load_to_model(model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the onnx_ir model's external data cannot be read: {error}", id="weights-file-unreadable"
        ) from error


def _is_external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == 1  # TensorProto.EXTERNAL


def _entries(tensor: onnx.TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _read(name: str, tensor: onnx.TensorProto, model: Path) -> bytes:
    entries = _entries(tensor)
    location = entries.get("location", "")
    try:
        path = _inside(location, name, model)
    except OSError as error:  # a name that no file can have
        raise ModelError(
            f"the weights of {name!r} are said to be in a file whose name is impossible: {error.strerror}",
            id="weights-file-unnamed",
        ) from error
    try:
        offset = int(entries.get("offset") or 0)
        length = int(entries.get("length") or _expected(name, tensor))
    except ValueError as error:
        raise ModelError(
            f"the external data of {name!r} has an offset or length that is not a number", id="weights-entry-invalid"
        ) from error
    if length != _expected(name, tensor) or offset < 0:
        raise ModelError(
            f"the tensor {name!r} of shape {list(tensor.dims)} needs {_expected(name, tensor)} bytes of"
            f" {location!r}, but the model says {length} at {offset}",
            id="weights-entry-invalid",
        )
    try:
        size = path.stat().st_size
        if offset + length > size:
            raise ModelError(
                f"{path} is too short: {name!r} needs {length} bytes at {offset}, and the file has {size};"
                " it is truncated or belongs to another model",
                id="weights-file-truncated",
            )
        with open_regular(path) as file:
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise ModelError(
            f"the external data file {path} cannot be read: {error.strerror}", id="weights-file-unreadable"
        ) from error


def _inside(location: str, name: str, model: Path) -> Path:
    """The data file, which must be a regular file within the model's folder, symbolic links resolved.

    The rule is ONNX's own (no absolute path, no `..`); links are resolved so that they cannot lead out either.
    """
    outside = ModelError(
        f"the weights of {name!r} are said to be in {location!r}, which is outside the model's folder;"
        " only files beside the model are read",
        id="weights-file-outside",
    )
    if not location or "\0" in location:
        raise ModelError(
            f"the weights of {name!r} are said to be in another file, which is not named", id="weights-file-unnamed"
        )
    if _leads_out(location):
        raise outside
    folder = Path(os.path.realpath(model)).parent if model.is_symlink() else Path(os.path.realpath(model.parent))
    # A link beside the model may lead to where the model itself really is (caches are laid out so), or stay inside.
    allowed = {Path(os.path.realpath(model.parent)), folder}
    path = Path(os.path.realpath(model.parent / location))
    if not path.exists() and model.is_symlink():
        path = Path(os.path.realpath(folder / location))
    if not any(path.is_relative_to(place) for place in allowed):
        raise outside
    if path.exists() and not path.is_file():
        raise ModelError(
            f"the model keeps weights in {location!r}, which is not a regular file", id="weights-file-unreadable"
        )
    if not path.is_file():
        raise ModelError(
            f"the model keeps weights in {location!r}, and there is no such file in {model.parent}",
            id="weights-file-missing",
        )
    return path


def _leads_out(location: str) -> bool:
    pure, windows = PurePosixPath(location), PureWindowsPath(location)
    return bool(pure.is_absolute() or windows.is_absolute() or windows.drive or ".." in (*pure.parts, *windows.parts))


def _expected(name: str, tensor: onnx.TensorProto) -> int:
    import onnx

    if problem := shape_problem(name, tensor):
        raise problem
    try:
        bits: int = BITS_BELOW_A_BYTE.get(tensor.data_type) or 8 * int(
            onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"the tensor {name!r} has the unknown data type {tensor.data_type}", id="tensor-type-unknown"
        ) from error
    return int(-(-math.prod(tensor.dims) * bits // 8))
