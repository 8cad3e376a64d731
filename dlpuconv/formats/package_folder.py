"""Package folder -> `PackageView`: lists, calibration files, hashes, reference inferences, all of them a stranger's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.formats.package_view import CalibrationList, Inference, PackageView, SampleFile
from dlpuconv.formats.safe_folder import MissingFileError, SafeFolder, UnusableFileError
from dlpuconv.package import BINS, IMAGES, LIST, MANIFEST, RECORD, REFERENCE, SUMS, Encoding, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.formats.view import FileView

_MOST_TEXT = 64 << 20
_MOST_LISTED = 10_000
_MOST_HASHED = 16 << 30  # bytes of all files together
_MOST_SAMPLE = 1 << 30
_MOST_INFERENCES = 3  # as many as dlpuconv writes
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def read_package(root: Path, model: FileView) -> PackageView:
    """What lies around a package's model.

    Args:
        root: the folder.
        model: its model, which says what shapes the files should have.
    """
    folder = SafeFolder(root)
    manifest, record = _Told.read(folder, MANIFEST), _Told.read(folder, RECORD)
    inputs = [model.tensors[index] for index in model.inputs]
    outputs = {model.tensors[index].name: model.tensors[index].shape for index in model.outputs}
    told = {str(entry.get("name")): entry for entry in _entries(record.content, "inputs")}
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


@dataclass(frozen=True, slots=True)
class _Told:
    """The JSON object in a file.

    Attributes:
        name: of the file.
        content: empty where there is no such object.
        problem: why there is none although there is a file, to follow its name.
    """

    name: str
    content: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @classmethod
    def read(cls, folder: SafeFolder, name: str) -> _Told:
        try:
            return cls(name, folder.read_json(name, _MOST_TEXT))
        except MissingFileError:
            return cls(name)
        except UnusableFileError as error:
            return cls(name, problem=str(error))


def _origin(record: dict[str, Any]) -> Origin | None:
    said = record.get("origin")
    return Origin(said) if isinstance(said, str) and said in Origin else None


def _entries(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = content.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


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
        lines = folder.read(place, _MOST_TEXT).decode("utf-8", "replace").splitlines()
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


def _faults(folder: SafeFolder, manifest: _Told, record: _Told) -> Iterator[tuple[str, str]]:
    """Files that are not what `SHA256SUMS` or the manifest says, and what was told where nothing can be made of it."""
    yield from ((told.name, told.problem) for told in (manifest, record) if told.problem)
    try:
        sums = folder.read(SUMS, _MOST_TEXT).decode("utf-8", "replace")
    except UnusableFileError as error:
        sums = ""
        if not isinstance(error, MissingFileError):
            yield SUMS, str(error)
    manifested = list(_manifested(manifest.content))
    sizes = {name: size for name, _, size in manifested}
    said = dict.fromkeys((*_summed(sums), *((name, digest) for name, digest, _ in manifested)))
    left = _MOST_HASHED
    for name, digest in said:
        try:
            size = folder.find(name).stat().st_size
            if sizes.get(name) not in (None, size):
                yield name, f"has {size} bytes, the manifest says {sizes[name]}"
            elif size > left:
                yield name, f"is not checked: it has {size} bytes, and all files together may have {_MOST_HASHED}"
            else:
                left -= size
                if folder.sha256(name) != digest:
                    yield name, "is not the file that was written: its hash differs"
        except (UnusableFileError, OSError) as error:
            yield name, str(error)


def _summed(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:_MOST_LISTED]:
        if found := _SUM.fullmatch(line):
            yield found[2], found[1].lower()


def _manifested(manifest: dict[str, Any]) -> Iterator[tuple[str, str, int | None]]:
    for entry in _entries(manifest, "files")[:_MOST_LISTED]:
        size = entry.get("bytes")
        yield str(entry.get("name")), str(entry.get("sha256")).lower(), size if isinstance(size, int) else None
