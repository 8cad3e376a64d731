"""Which files of a package are not what its `SHA256SUMS` and its manifest say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.formats.package_layout import SUMS
from dlpuconv.formats.safe_folder import MOST_TEXT, MissingFileError, UnusableFileError
from dlpuconv.manifest import files_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.formats.package_told import Told
    from dlpuconv.formats.safe_folder import SafeFolder

_MOST_LISTED = 10_000
_MOST_HASHED = 16 << 30  # bytes of all files together
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def changed_files(folder: SafeFolder, manifest: Told) -> Iterator[tuple[str, str]]:
    """Each with what is wrong with it, to follow its name."""
    try:
        sums = folder.read(SUMS, MOST_TEXT).decode("utf-8", "replace").splitlines()
    except UnusableFileError as error:
        sums = []
        if not isinstance(error, MissingFileError):
            yield SUMS, str(error)
    yield from ((SUMS, fault) for fault in _faults(sums))
    listed = [*files_in(manifest.content, _MOST_LISTED)]
    sizes = {file.name: file.size for file in listed}
    said = [(match[2], match[1].lower()) for line in sums[:_MOST_LISTED] if (match := _SUM.fullmatch(line))]
    said += [(file.name, file.sha256.lower()) for file in listed]
    left = _MOST_HASHED
    for name, digest in dict.fromkeys(said):
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


def _faults(sums: Sequence[str]) -> Iterator[str]:
    """What is wrong with the list itself; empty lines and comments are not, as `sha256sum` has it."""
    if len(sums) > _MOST_LISTED:
        yield f"lists more than {_MOST_LISTED} files"
    lines = enumerate(sums[:_MOST_LISTED], 1)
    bad = [number for number, line in lines if line and not line.startswith("#") and not _SUM.fullmatch(line)]
    if bad:
        yield f"is damaged: line {bad[0]} is not the hash of a file"
