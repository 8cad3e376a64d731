"""Package folder -> `PackageView`: lists, calibration files, hashes, reference inferences, all of them a stranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.formats.package_hashes import changed_files
from dlpuconv.formats.package_layout import BINS, IMAGES, LIST, MANIFEST, RECORD, REFERENCE, Encoding, ReferenceOrigin
from dlpuconv.formats.package_told import Told
from dlpuconv.formats.package_view import CalibrationList, Inference, PackageView, SampleFile
from dlpuconv.formats.safe_folder import MOST_TEXT, MissingFileError, SafeFolder, UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.formats.view import FileView

_MOST_LISTED = 10_000
_MOST_SAMPLE = 1 << 30
_MOST_INFERENCES = 3  # as many as dlpuconv writes
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


def read_package(root: Path, model: FileView) -> PackageView:
    """What lies around a package's model.

    Args:
        root: the folder.
        model: its model, which says what shapes the files should have.
    """
    folder = SafeFolder(root)
    manifest, record = Told.read(folder, MANIFEST), Told.read(folder, RECORD)
    inputs = [model.tensors[index] for index in model.inputs]
    outputs = {model.tensors[index].name: model.tensors[index].shape for index in model.outputs}
    told = {str(entry.get("name")): entry for entry in record.entries("inputs")}
    lists = tuple(
        _listed(folder, (tensor.name, tensor.shape), told.get(tensor.name), alone=len(inputs) == 1) for tensor in inputs
    )
    count = record.content.get("samples")
    return PackageView(
        lists=lists,
        pictures=_pictures(root / IMAGES),
        faults=tuple(_faults(folder, manifest, record)),
        origin=_origin(record.content),
        manifest=manifest.content,
        inferences=tuple(
            _inference(folder, number, [entry.input for entry in lists], list(outputs))
            for number in range(min(count, _MOST_INFERENCES) if isinstance(count, int) else 0)
        ),
        output_shapes=outputs,
    )


def _origin(record: dict[str, Any]) -> ReferenceOrigin | None:
    said = record.get("origin")
    return ReferenceOrigin(said) if isinstance(said, str) and said in ReferenceOrigin else None


def _listed(
    folder: SafeFolder, port: tuple[str, tuple[int, ...]], told: dict[str, Any] | None, *, alone: bool
) -> CalibrationList:
    """The list of one input: where the package says, else where such lists usually are."""
    name, shape = port
    encoding = Encoding.FLOAT32 if told and told.get("dtype") == Encoding.FLOAT32 else Encoding.UINT8
    if told is not None:
        place = told.get("list") or ""
        places = [place] if isinstance(place, str) else []
    else:
        usual = [f"{BINS}/{LIST}", LIST] if alone else [f"{BINS}/{name}/{LIST}"]
        places = [place for place in usual if _exists(folder, place)]
    if not places or not places[0]:
        return CalibrationList(input=name, shape=shape, encoding=encoding)
    files, problem = _files(folder, places[0])
    return CalibrationList(input=name, shape=shape, encoding=encoding, list=places[0], files=files, problem=problem)


def _files(folder: SafeFolder, place: str) -> tuple[tuple[SampleFile, ...], str]:
    """What a list names, and what is wrong with the list."""
    try:
        lines = folder.read(place, MOST_TEXT).decode("utf-8", "replace").splitlines()
    except UnusableFileError as error:
        return (), str(error)
    files = tuple(_sample(folder, line.strip()) for line in lines[:_MOST_LISTED] if line.strip())
    if len(lines) > _MOST_LISTED:
        return files, f"names {len(lines)} files, more than {_MOST_LISTED}"
    return files, "" if files else "names no file"


def _exists(folder: SafeFolder, name: str) -> bool:
    try:
        folder.find(name)
    except MissingFileError:
        return False
    except UnusableFileError:
        return True  # and reading it will say what is wrong
    return True


def _sample(folder: SafeFolder, name: str) -> SampleFile:
    try:
        path = folder.find(name)
        size = path.stat().st_size
    except (UnusableFileError, OSError) as error:
        return SampleFile(name=name, problem=str(error))
    if size > _MOST_SAMPLE:
        return SampleFile(name=name, size=size, problem="is larger than 1 GiB")
    return SampleFile(name=name, path=path, size=size)


def _inference(folder: SafeFolder, number: int, inputs: list[str], outputs: list[str]) -> Inference:
    return Inference(
        inputs={name: _sample(folder, f"{REFERENCE}/{number}/input_{name}.bin") for name in inputs},
        outputs={name: _sample(folder, f"{REFERENCE}/{number}/output_{name}.bin") for name in outputs},
    )


def _pictures(folder: Path) -> int:
    """Pictures below a folder; links to folders are not followed."""
    if folder.is_symlink():
        return 0
    return sum(name.lower().endswith(_PICTURES) for _, _, names in folder.walk() for name in names)


def _faults(folder: SafeFolder, manifest: Told, record: Told) -> Iterator[tuple[str, str]]:
    """What was told where nothing can be made of it, and files that are not what the others say."""
    yield from ((told.name, told.problem) for told in (manifest, record) if told.problem)
    yield from changed_files(folder, manifest)
