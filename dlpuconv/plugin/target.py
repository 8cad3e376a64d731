"""A chip, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.scheme import Numbers
from dlpuconv.verification.rule import Context

if TYPE_CHECKING:
    from dlpuconv.placement import Placement
    from dlpuconv.plugin.packager import Packager
    from dlpuconv.scheme import Scheme
    from dlpuconv.verification.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCompiler:
    """A vendor's tool that turns our file into the chip's own, run when it is on PATH.

    Attributes:
        executable: its name.
        arguments: with `{file}` and `{folder}` (of the result) to be filled in.
        produces: file name of the result, with `{stem}`.
    """

    executable: str
    arguments: tuple[str, ...]
    produces: str


@dataclass(frozen=True, slots=True)
class Spelling:
    """Operators that a chip's compiler does not take, which its files say in others; by the names of the format.

    A spelling costs operators and some rounding, so that nothing is spelled behind the first operator that has no place
    on the accelerator whatever is done: from there on, all runs on the CPU.

    Attributes:
        out: they are spelled out.
        taken: operators that the compiler takes.
    """

    out: frozenset[str]
    taken: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A chip, as data.

    Attributes:
        name: on the command line.
        title: for people.
        backend: name of the backend that makes its file.
        scheme: the number format.
        device: the larod device that runs the file; empty for what no camera runs.
        suffix: what follows `<model>.<target>` in the artifact's name: `.tflite`, or nothing for a folder.
        calibration_required: False where the chip's own compiler quantizes.
        spelling: what its files say in other operators; None for nothing.
        rules: what the verifier demands of a file for this chip.
        placement: what decides where a layer runs; None where nothing is known of that.
        compiler: the vendor's tool that the file still has to pass, if any.
        run_on_camera: the command that runs the file, with `{file}` and `{device}`; empty where no camera does.
        packager: writes the texts of a package folder for the vendor's compiler, if the chip takes one.
        min_sqnr: dB that every output must reach where the user does not say; about 100 for float files.
        input_dtype: of an integer file's inputs, where the user does not say: `uint8`, `int8` or `float32`.
        output_dtype: of its outputs, likewise.
        distribution: the package that brings it; filled in when it is loaded.
        described: the text of the file that describes it; empty for a target of a package.
    """

    name: str
    title: str
    backend: str
    scheme: Scheme
    device: str
    suffix: str
    calibration_required: bool = True
    spelling: Spelling | None = None
    rules: tuple[Rule, ...] = ()
    placement: Placement | None = None
    compiler: ExternalCompiler | None = None
    run_on_camera: str = "larod-client -g {file} -c {device} -R 1 -i ''"
    packager: Packager | None = None
    min_sqnr: float = 10.0
    input_dtype: str = "uint8"
    output_dtype: str = "uint8"
    distribution: str = field(default="", compare=False)
    described: str = field(default="", compare=False, repr=False)

    @property
    def context(self) -> Context:
        """What its rules may know of any file."""
        return Context(
            weights=self.scheme.weights,
            discouraged=self.scheme.discouraged,
            quantized=self.scheme.numbers is not Numbers.FLOAT32,
            target=self.called,
        )

    @property
    def called(self) -> str:
        """As messages name it: `the target 'artpec8' (distribution dlpuconv)`."""
        return f"the target {self.name!r}" + (f" (distribution {self.distribution})" if self.distribution else "")
