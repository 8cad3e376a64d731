"""The clauses that targets and backends share: what must hold for every conversion."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from dlpuconv.testing.trial import TrialRun

HEAVY = ("onnx2tf", "onnxruntime", "PIL", "tensorflow", "torch")
"""Libraries that take half a second or more, and that not every command which reads a model needs."""


class Clauses:
    """Clauses for pytest; a subclass names the target and, where it is not the target's own, the backend.

    Attributes:
        target: name of an installed target, or path of a .toml file.
        backend: name of an installed backend; None for the target's own.
    """

    target: ClassVar[str]
    backend: ClassVar[str | None] = None
    heavy: ClassVar[tuple[str, ...]] = HEAVY
    """Libraries that nothing may import before it needs them."""

    @classmethod
    def trial(cls) -> TrialRun:
        """The conversion of the small network, which is made once for all clauses of a class."""
        from dlpuconv.testing.trial import try_out

        if "_trial" not in vars(cls):
            cls._trial = try_out(cls.target, cls.backend)
        return cls._trial

    @classmethod
    def loading(cls) -> str:
        """Python source that loads the target or the backend."""
        raise NotImplementedError

    _trial: ClassVar[TrialRun]

    def test_loading_it_imports_no_heavy_library(self) -> None:
        """Commands that list or help load every target, and wait for what each imports."""
        code = f"import json, sys\n{self.loading()}\nprint(json.dumps([n for n in {self.heavy!r} if n in sys.modules]))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (
            f"it cannot be loaded in a process of its own: {(done.stderr.splitlines() or ['?'])[-1]}"
        )
        found = json.loads(done.stdout.splitlines()[-1])
        assert not found, f"loading it imports {', '.join(found)}: import them in the functions that use them"

    def test_the_same_job_gives_the_same_bytes(self) -> None:
        """A model that is converted again gives the same file, which can be compared, cached and signed."""
        first, second = self.trial().made
        differing = sorted(name or "the file" for name in first.keys() | second if first.get(name) != second.get(name))
        assert not differing, f"two runs made different bytes: {', '.join(differing)}"

    def test_what_it_was_given_is_unchanged(self) -> None:
        """Targets share a job's model and samples, and files are the user's: a backend edits copies."""
        changed = self.trial().changed
        assert not changed, f"a conversion changed {', '.join(changed)}"

    def test_inputs_and_outputs_have_the_types_that_the_target_says(self) -> None:
        """A user who says nothing gets the chip's own types, in an integer file."""
        from dlpuconv.scheme import Numbers

        converted = self.trial().converted
        target = converted.provenance.target
        if target.scheme.numbers is Numbers.FLOAT32:
            wanted = ("float32", "float32")
        else:
            wanted = (target.input_dtype, target.output_dtype)
        for noun, ports, dtype in zip(
            ("inputs", "outputs"), (converted.report.inputs, converted.report.outputs), wanted, strict=True
        ):
            found = sorted({port.dtype for port in ports})
            assert found == [dtype], f"the {noun} are {', '.join(found)}, where {dtype} is wanted"

    def test_the_file_computes_what_its_source_does(self) -> None:
        """By the target's own threshold, on samples that calibration did not see, through its inputs and outputs."""
        from dlpuconv.verification.rule import Severity

        report = self.trial().converted.report
        assert report.parity is not None, "the file was not compared with its source"
        broken = [
            f"{finding.rule}: {finding.sentence} ({finding.hits[0].detail})"
            for finding in report.findings
            if finding.severity is Severity.FAIL and finding.rule.startswith(("IO-", "OUT-"))
        ]
        assert not broken, f"the file does not do what its source does: {'; '.join(broken)}"
