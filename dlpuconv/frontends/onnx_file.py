"""Bytes, files and objects become a private ModelProto with all its weights inside, and a Source that says whence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.files.regular import read_regular
from dlpuconv.formats.files import is_folder
from dlpuconv.frontends.external_data import holds_external_data, load_external_data
from dlpuconv.ir import Source
from dlpuconv.ir.given_scales import NOT_GIVEN, GivenScales

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    import onnx_ir

    from dlpuconv.ir import Original

PROTOBUF_LIMIT = 2**31 - 1

_FORMATS = (
    (0, b"PK\x03\x04", "a zip archive, perhaps a PyTorch checkpoint or a Keras model"),
    (0, b"\x80\x02", "a Python pickle, perhaps a PyTorch checkpoint"),
    (0, b"\x89HDF", "an HDF5 file, perhaps a Keras model"),
    (0, b"version https://git-lfs", "a Git LFS pointer: fetch the real file with `git lfs pull`"),
    (4, b"ORTM", "an ONNX Runtime .ort file: convert the .onnx file that it was made from"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x1f\x8b", "a gzip archive: unpack it first"),
    (0, b"{", "a text file"),
    (0, b"<", "a text file"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """A model as it was read.

    Attributes:
        proto: ours to edit, weights inside.
        source: where it came from.
        scales: that it was read to state before; what it says itself counts more.
        original: the file, where its own runtime runs it.
    """

    proto: onnx.ModelProto = field(repr=False)
    source: Source
    scales: GivenScales = NOT_GIVEN
    original: Original | None = None


def from_path(path: Path, name: str | None = None) -> Acquired:
    """The model in a file, with the external data beside it. The files are only read.

    Raises:
        ModelError: there is no such file, it is no ONNX model, or external data is missing or outside the folder.
    """
    content = content_of(path)
    digest = hashlib.sha256(content)
    proto = parse(content, str(path))
    del content
    load_external_data(proto, path, digest)
    source = Source(name=name or path.stem or "model", sha256=digest.hexdigest(), path=str(path))
    return Acquired(proto=proto, source=source)


def from_bytes(content: bytes, name: str | None = None) -> Acquired:
    """The model in serialized form.

    Raises:
        ModelError: it is no ONNX model, or its weights are in other files.
    """
    proto = parse(content, "the model given as bytes")
    return _without_files(proto, hashlib.sha256(content).hexdigest(), name)


def from_proto(proto: onnx.ModelProto, name: str | None = None) -> Acquired:
    """A copy of this model.

    Raises:
        ModelError: its weights are in other files.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    return _without_files(copy, _digest(copy), name)


def from_graph(model: onnx_ir.Model, name: str | None = None) -> Acquired:
    """A copy of this model; tensors that are in files are read through it.

    Raises:
        ModelError: external data is missing, or the graph cannot be serialized.
    """
    import onnx_ir

    from dlpuconv.frontends.external_data import into_memory

    copy = into_memory(model.clone())
    try:
        proto = onnx_ir.to_proto(copy)
    except (ValueError, TypeError) as error:
        raise ModelError(f"the onnx_ir model cannot be serialized: {error}", id="model-invalid") from error
    return _without_files(proto, _digest(proto), name)


def parse(content: bytes, what: str) -> onnx.ModelProto:
    """The model in serialized form.

    Args:
        content: the file.
        what: to call it in a message.

    Raises:
        ModelError: it is no ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not content:
        raise ModelError(f"{what} is empty: an ONNX model was expected", id="model-empty")
    for offset, magic, kind in _FORMATS:
        if content[offset : offset + len(magic)] == magic:
            raise ModelError(f"{what} is not an ONNX model but {kind}", id="model-not-onnx")
    try:
        proto: onnx.ModelProto = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise ModelError(
            f"{what} is not an ONNX model, or is truncated or damaged ({len(content)} bytes)", id="model-truncated"
        ) from error
    if not proto.HasField("graph"):
        raise ModelError(f"{what} is not an ONNX model: it holds no graph", id="model-not-onnx")
    return proto


def content_of(path: Path) -> bytes:
    """What is in a file that a user named as a model.

    Raises:
        ModelError: there is none, it is too large, or it cannot be read.
    """
    if is_folder(path):
        raise ModelError(
            f"{path} is a folder without a saved_model.pb, so it is no SavedModel: give the path of the model file",
            id="model-is-folder",
        )
    try:
        if path.stat().st_size > PROTOBUF_LIMIT:
            raise ModelError(
                f"{path} is larger than 2 GiB, which protobuf cannot hold: keep weights as external data",
                id="model-too-large",
            )
        return read_regular(path)
    except FileNotFoundError:
        # Stems are compared, since a common suffix makes all names look alike.
        folder, suffix = path.parent, path.suffix or ".onnx"
        siblings = {p.stem: p.name for p in folder.glob(f"*{suffix}")} if folder.is_dir() else {}
        close = get_close_matches(path.stem, siblings, n=1)
        hint = f" (did you mean {siblings[close[0]]!r}?)" if close else ""
        raise ModelError(f"there is no file {path}{hint}", id="model-not-found") from None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}", id="model-unreadable"
        ) from error


def _without_files(proto: onnx.ModelProto, sha256: str, name: str | None) -> Acquired:
    if holds_external_data(proto):
        raise ModelError(
            "the model keeps weights in other files, so it must be given by its path", id="model-needs-path"
        )
    return Acquired(proto=proto, source=Source(name=name or "model", sha256=sha256))


def _digest(proto: onnx.ModelProto) -> str:
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
