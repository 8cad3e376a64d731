"""What an examination finds, as values: printed in the terminal, written as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.errors import pip_install
from dlpuconv.jsonable import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpuconv.isolation import Attendant
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A distribution that dlpuconv asks for.

    Attributes:
        name: of the distribution.
        wanted: which versions will do, such as `>=2.0`; empty for any.
        version: the installed one; empty where none is.
        fits: it is installed, in a version that will do.
    """

    name: str
    wanted: str
    version: str
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An optional part of dlpuconv.

    Attributes:
        name: as pip knows it.
        purpose: what it is for; empty where nobody says.
        libraries: all that it needs.
    """

    name: str
    purpose: str
    libraries: tuple[Library, ...]

    @property
    def missing(self) -> tuple[Library, ...]:
        """Libraries that are not installed, or not in a version that fits."""
        return tuple(library for library in self.libraries if not library.fits)

    @property
    def remedy(self) -> str:
        """The command that brings what is missing; empty where nothing is."""
        return pip_install(self.name) if self.missing else ""

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {**told(self), "complete": not self.missing, "remedy": self.remedy}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A vendor's tool that a target's file still has to pass.

    Attributes:
        executable: its name.
        path: where it is; empty where it is not on PATH.
    """

    executable: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """Whether files can be made for a target.

    Attributes:
        name: of the target.
        backend: what makes its files; empty where the target cannot be loaded.
        problem: why no file of a network of one layer could be made, run and verified; empty where it could.
        remedy: what helps; empty where that is not known.
        attendants: the backend's own workers.
        compiler: of the vendor; None where the target needs none.
    """

    name: str
    backend: str = ""
    problem: str = ""
    remedy: str = ""
    attendants: tuple[Attendant, ...] = ()
    compiler: Compiler | None = None

    @property
    def ready(self) -> bool:
        """A network of one layer was converted, run and verified."""
        return not self.problem

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {**told(self), "ready": self.ready}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A plugin that does not load.

    Attributes:
        plugin: `the target 'mychip'`.
        problem: why.
    """

    plugin: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that dlpuconv writes to.

    Attributes:
        path: where it is.
        variable: the environment variable that names another one.
        writable: files can be made there, or in the closest folder above that there is.
        free: bytes.
        files: how many there are; 0 where that is not dlpuconv's business.
        size: of these, in bytes.
    """

    path: str
    variable: str
    writable: bool
    free: int
    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What it all runs on.

    Attributes:
        system: name, version and processor.
        python: version of the interpreter.
        interpreter: its path.
        processors: that this process may use.
        memory: bytes; 0 where the system does not tell.
        free_memory: bytes that nothing holds; 0 likewise.
    """

    system: str
    python: str
    interpreter: str
    processors: int
    memory: int
    free_memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that was found.

    Attributes:
        version: of dlpuconv.
        machine: what it runs on.
        libraries: what dlpuconv needs in any case.
        extras: its optional parts.
        targets: those that were asked for; all where none was.
        faults: plugins that do not load.
        cache: the folder of calibration statistics.
        temporary: the folder of files that are being worked on.
    """

    version: str
    machine: Machine
    libraries: tuple[Library, ...]
    extras: tuple[Extra, ...]
    targets: tuple[TargetHealth, ...]
    faults: tuple[Fault, ...]
    cache: Folder
    temporary: Folder

    @property
    def ready(self) -> bool:
        """Files can be made for every target that was looked at."""
        return all(target.ready for target in self.targets)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do, each once; what concerns a target comes first."""
        return tuple(dict.fromkeys(self._remedies()))

    def _remedies(self) -> Iterator[str]:
        if wrong := [library for library in self.libraries if not library.fits]:
            yield f"{_pip(wrong)}  # dlpuconv does not work without"
        for target in self.targets:
            if target.remedy:
                yield f"{target.remedy}  # for {_names_of(t for t in self.targets if t.remedy == target.remedy)}"
        for target in self.targets:
            if target.compiler and not target.compiler.path:
                yield (
                    f"install {target.compiler.executable}, with which files for {target.name} are compiled after the"
                    " conversion, or compile them on a machine that has it"
                )
        for folder in (self.cache, self.temporary):
            if not folder.writable:
                yield f"let {folder.variable} name a folder that can be written, instead of {folder.path}"

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {**told(self), "ready": self.ready, "remedies": [*self.remedies]}


def _pip(libraries: Iterable[Library]) -> str:
    wanted = " ".join(f'"{library.name}{library.wanted}"' for library in libraries)
    return f"pip install {wanted}"


def _names_of(targets: Iterable[TargetHealth]) -> str:
    return ", ".join(target.name for target in targets)
