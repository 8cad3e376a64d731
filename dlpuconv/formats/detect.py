"""Which reader and which runner a file needs, by its content first and its name second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.files import is_folder, read_start
from dlpuconv.formats.kinds import ONNX, PACKAGE, TFLITE
from dlpuconv.formats.package_layout import RESTS
from dlpuconv.formats.safe_folder import SafeFolder, UnusableFileError

if TYPE_CHECKING:
    from dlpuconv.formats.runner import Runner, Tracer
    from dlpuconv.formats.view import FileView

_HEADER = 8
_IDENTIFIER = b"TFL3"
_POSSIBLE = "a .tflite file, an .onnx file or a package folder that holds one .onnx file"


def is_known(path: Path) -> bool:
    """Whether it is a file that every installation reads, `.tflite` or `.onnx`; folders are their backends'."""
    known = path.suffix in (TFLITE.suffix, ONNX.suffix)
    return not is_folder(path) and (known or read_start(path, _HEADER)[4:] == _IDENTIFIER)


def read(path: str | Path) -> FileView:
    """What a converted file holds.

    Raises:
        ArtifactError: the file is missing, damaged or of an unknown format.
    """
    path = Path(path)
    if is_folder(path):
        from dlpuconv.formats.onnx_graph import read_onnx
        from dlpuconv.formats.package_folder import read_package

        view = read_onnx(model_inside(path))
        return replace(view, format=PACKAGE.name, package=read_package(path, view))
    if _is_tflite(path):
        from dlpuconv.formats.tflite_file import read_tflite

        return read_tflite(path)
    from dlpuconv.formats.onnx_graph import read_onnx

    return read_onnx(path)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a package folder.

    Raises:
        ArtifactError: it cannot be read.
    """
    try:
        files = [p for p in path.rglob("*") if p.is_file()] if is_folder(path) else [path]
        return sum(p.stat().st_size for p in files)
    except OSError as error:
        raise ArtifactError(
            f"cannot read {str(path)!r}: {error.strerror or error}", id="artifact-unreadable"
        ) from error


def runner(path: str | Path) -> Runner:
    """Something that runs a converted file: `.tflite` on TFLite's integer kernels, `.onnx` in ONNX Runtime.

    Either in a process of its own, which the file may end, and which takes no memory and time without end.

    Raises:
        ArtifactError: the file is missing, damaged or of an unknown format, or ends the process that runs it.
        MissingDependencyError: a `.tflite` file, and ai-edge-litert is not installed.
    """
    path = Path(path)
    if not is_folder(path) and _is_tflite(path):
        from dlpuconv.formats.litert_runner import LiteRtRunner

        return LiteRtRunner(path)
    from dlpuconv.formats.ort_runner import OrtRunner

    return OrtRunner(model_inside(path) if is_folder(path) else path)


def tracer(path: Path, view: FileView, names: list[str]) -> Tracer:
    """A runner that also tells what is inside.

    Args:
        path: the file, or the folder.
        view: what it holds.
        names: tensors that will be asked for.

    Raises:
        ArtifactError: it cannot run, or its insides cannot be seen.
        MissingDependencyError: the library that runs it is not installed.
    """
    if view.kind is TFLITE:
        from dlpuconv.formats.litert_runner import LiteRtRunner

        return LiteRtRunner(path, keep=True)
    from dlpuconv.formats.ort_runner import OrtTracer
    from dlpuconv.formats.ort_worker import split_file

    model = split_file(model_inside(path) if path.is_dir() else path)
    if model is None:
        raise ArtifactError(
            f"{path.name} keeps weights in other files, so that its layers cannot be compared",
            id="artifact-external-weights",
        )
    return OrtTracer(model, names, path.name)


def model_inside(folder: Path) -> Path:
    """The one `.onnx` file of a package folder, beside those for the camera's CPU.

    Raises:
        ArtifactError: there is none, there are several, or it is a link out of the folder.
    """
    found = sorted(file for file in folder.glob("*.onnx") if file.name not in RESTS)
    if len(found) != 1:
        below = "" if found else _said_to_be_below(folder)
        raise ArtifactError(
            f"the folder {str(folder)!r} holds {len(found)} .onnx files{below}; dlpuconv reads {_POSSIBLE}",
            id="artifact-folder-ambiguous",
        )
    try:
        return SafeFolder(folder).find(found[0].name)
    except UnusableFileError as error:
        raise ArtifactError(f"{found[0].name} in {str(folder)!r} {error}", id="artifact-unreadable") from error


def _said_to_be_below(folder: Path) -> str:
    """Packages in the folder, for whoever names the one that they were written to."""
    packages = sorted(model.parent.name for model in folder.glob("*/*.onnx"))
    return f" (did you mean {str(folder / packages[0])!r}?)" if packages else ""


def _is_tflite(path: Path) -> bool:
    """True for the identifier of a TFLite file, and for its suffix (then the reader says what is wrong).

    Raises:
        ArtifactError: it is neither that nor called `.onnx`, or it cannot be read.
    """
    header = read_start(path, _HEADER)
    if header[4:] == _IDENTIFIER or path.suffix == TFLITE.suffix:
        return True
    if path.suffix != ONNX.suffix:
        raise ArtifactError(
            f"{path.name} is of no known format; dlpuconv reads {_POSSIBLE}", id="artifact-format-unknown"
        )
    return False
