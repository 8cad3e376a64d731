"""What a delivery is about to replace, written down first: so it can be completed or undone, whatever ends it.

A staging folder, beside the files that it is for, holds `new/` (what comes), `old/` (what went) and the journal. At
every moment each name is wholly old or wholly new, and which of the two is seen from its content.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.delivery.exchange import exchange
from dlpuconv.files.content import sha256_of
from dlpuconv.files.regular import open_regular
from dlpuconv.formats.unfinished import JOURNAL, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.files.content import Content

_NO_PROMISE = (errno.EINVAL, errno.ENOTSUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One name of the output folder that gets a new content.

    Attributes:
        name: of the file or folder.
        digest: of the new content; see `digest_of`.
        existed: something was there before.
    """

    name: str
    digest: str
    existed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One delivery.

    Attributes:
        staging: where it is made ready, in the output folder.
        items: what is replaced or new, in order.
        outdated: files of the earlier delivery that this one has no more.
    """

    staging: Path
    items: tuple[Item, ...]
    outdated: tuple[str, ...] = ()

    @staticmethod
    def read(staging: Path) -> Journal | None:
        """The journal in a staging folder; None where there is none: then nothing was replaced yet, or all was."""
        content = read_journal(staging)
        if not (is_real_folder(staging / "new") and is_real_folder(staging / "old")):  # a link leads to another's files
            return None
        try:
            items = tuple(
                Item(name=_plain(i["name"]), digest=i["digest"], existed=i["existed"]) for i in content["items"]
            )
            return Journal(staging=staging, items=items, outdated=tuple(map(_plain, content["outdated"])))
        except (LookupError, TypeError, ValueError):
            return None

    def write(self) -> None:
        """Put it on the disk, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        content = {"items": [asdict(item) for item in self.items], "outdated": self.outdated}
        draft = self.staging / f"{JOURNAL}.new"
        with draft.open("w", encoding="ascii") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.staging / JOURNAL)
        for folder in (self.staging, self.staging.parent):
            sync_folder(folder)

    def close(self) -> None:
        """From here on the delivery is over; what the staging folder still holds is waste.

        Raises:
            OSError: the disk failed.
        """
        sync_folder(self.staging.parent)
        (self.staging / JOURNAL).unlink(missing_ok=True)

    def advance(self) -> None:
        """Replace what is not replaced yet.

        Raises:
            OSError: a name cannot be replaced.
        """
        for item in self.items:
            if digest_of(self._new(item.name)) == item.digest != digest_of(self._live(item.name)):
                self._replace(item.name)
        for name in self.outdated:
            with suppress(FileNotFoundError):
                self._live(name).replace(self._old(name))

    def replace_all(self) -> None:
        """`advance` from the start, where it is known that nothing is replaced yet.

        Raises:
            OSError: a name cannot be replaced.
        """
        for item in self.items:
            self._replace(item.name)
        for name in self.outdated:
            self._live(name).replace(self._old(name))

    def revert(self) -> None:
        """Put everything back as it was.

        Raises:
            OSError: a name cannot be put back.
        """
        for name in self.outdated:
            if _is_there(self._old(name)) and not _is_there(self._live(name)):
                self._old(name).rename(self._live(name))
        for item in reversed(self.items):
            self._put_back(item)

    def settle(self) -> None:
        """Complete it, or undo it where that cannot be.

        What has begun to replace an earlier delivery is completed: whoever runs the conversion again has said that he
        wants that. A first delivery that did not get far is undone, so that the conversion can simply run again.

        Raises:
            OSError: neither can be done now.
        """
        done = [digest_of(self._live(item.name)) == item.digest for item in self.items]
        ready = [digest_of(self._new(item.name)) == item.digest for item in self.items]
        possible = all(a or b for a, b in zip(done, ready, strict=True))
        if possible and (all(done) or any(item.existed for item in self.items)):
            self.advance()
        else:
            self.revert()

    def _replace(self, name: str) -> None:
        """The new in the place of the old, which stays aside: a file is never missing meanwhile.

        A folder is only where nothing can exchange two names: then the journal says what belongs there.
        """
        new, live, old = self._new(name), self._live(name), self._old(name)
        if not _is_there(live):
            new.replace(live)
        elif not is_real_folder(live) and not is_real_folder(new):
            old.unlink(missing_ok=True)
            _keep(live, old)
            new.replace(live)
        elif exchange(new, live):
            new.rename(old)
        else:
            live.rename(old)
            new.rename(live)

    def _put_back(self, item: Item) -> None:
        new, live, old = self._new(item.name), self._live(item.name), self._old(item.name)
        if not item.existed:
            if digest_of(live) == item.digest:
                live.rename(new)
            return
        if not _is_there(old):
            if _is_there(new) and digest_of(live) == item.digest:  # exchanged, and not put aside yet
                exchange(new, live)
        elif not _is_there(live):
            old.rename(live)
        elif not is_real_folder(live) and not is_real_folder(old):
            old.replace(live)
        elif not exchange(old, live):
            live.rename(new)
            old.rename(live)

    def _live(self, name: str) -> Path:
        return self.staging.parent / name

    def _new(self, name: str) -> Path:
        return self.staging / "new" / name

    def _old(self, name: str) -> Path:
        return self.staging / "old" / name


def digest_of(path: Path) -> str:
    """Hex digest of a plain file, or of a folder's plain files with their names; empty for anything else."""
    if path.is_symlink():
        return ""
    if path.is_file():
        return _hash_file(path)
    if not path.is_dir():
        return ""
    found: list[tuple[str, str]] = []
    for parent, _, names in os.walk(path):
        for file in (Path(parent, name) for name in names):
            plain = file.is_file() and not file.is_symlink()
            found.append((file.relative_to(path).as_posix(), _hash_file(file) if plain else ""))
    return _hash_listed(found)


def digest_to_be(files: Mapping[str, Content]) -> str:
    """What `digest_of` will give: of a file, under the name "", or of a folder's files by relative path."""
    if "" in files:
        return sha256_of(files[""])
    return _hash_listed((name, sha256_of(content)) for name, content in files.items())


def sync_folder(folder: Path) -> None:
    """Have names that came and went reach the disk; a file system that cannot promise that is left alone.

    Raises:
        OSError: the disk failed.
    """
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_PROMISE:
            raise
    finally:
        os.close(number)


def _hash_file(path: Path) -> str:
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hash_listed(files: Iterable[tuple[str, str]]) -> str:
    lines = (f"{digest} {name}\n".encode("utf-8", "surrogateescape") for name, digest in sorted(files))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _keep(file: Path, aside: Path) -> None:
    """A second name for a file or link; a copy where the file system has no such thing."""
    try:
        os.link(file, aside, follow_symlinks=False)
    except OSError:
        part = aside.with_name(f"{aside.name}.part")  # half a copy is nothing to put back
        shutil.copy2(file, part, follow_symlinks=False)
        part.rename(aside)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def is_real_folder(path: Path) -> bool:
    """Whether there is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def _plain(name: Any) -> str:
    """A name that leads nowhere else.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not the name of a file")
    return name
