"""The contract of backends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.testing import network
from dlpuconv.testing.contract import HEAVY, Clauses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlpuconv.plugin import Job
    from dlpuconv.testing.trial import Opened

_STRANGE = "com.example"


class BackendContract(Clauses):
    """A backend, checked with a target whose files it makes: its refusals, its errors, and the converted file.

    Attributes:
        unsupported: names of two operators, with one input and an output of its shape, that the backend cannot convert:
            ONNX's own, or any others, which become operators of an unknown domain.
    """

    backend: ClassVar[str | None]
    heavy: ClassVar[tuple[str, ...]] = HEAVY
    unsupported: ClassVar[tuple[str, str]] = ("Alpha", "Beta")

    @classmethod
    @override
    def loading(cls) -> str:
        return f"from dlpuconv.registry import load_backend; load_backend({cls.backend!r})"

    def test_its_runner_gives_outputs_as_they_are_told(self) -> None:
        """Outputs have the shape and type that the camera gives, because users' own code depends on them."""
        answers = self.trial().answers
        assert not answers, f"the runner gives other outputs than the artifact tells: {'; '.join(answers)}"

    def test_a_refusal_lists_all_that_cannot_be_converted(self) -> None:
        """A user who has to change a model must learn at once all that has to be changed."""
        from dlpuconv.errors import UnsupportedModelError

        refused = self._raised(lambda given: _converted(given, _with_operators(given.job, self.unsupported)))
        assert refused is not None, f"a model of {' and '.join(self.unsupported)} was converted"
        told = " ".join((str(refused), *getattr(refused, "problems", ())))
        assert isinstance(refused, UnsupportedModelError), f"it raised {type(refused).__name__}: {told}"
        missing = [repr(node) for node in (network.FIRST, network.SECOND) if node not in told]
        assert not missing, f"the refusal does not name the node {', '.join(missing)}: {told}"

    def test_what_it_raises_of_damaged_files_is_an_error_of_dlpuconv(self) -> None:
        """A file that is read back may come from anywhere, and a command ends with one sentence about it."""
        for content in (b"", b"junk and nothing else", bytes(4096)):
            self._read(content)

    def test_it_can_be_closed_whatever_came_before(self) -> None:
        """A conversion may be interrupted before it begins."""
        from dlpuconv.registry import load_backend

        started = load_backend(self.backend or "")()
        started.warm_up()
        started.close()

    def _read(self, content: bytes) -> None:
        from dlpuconv.errors import DlpuconvError, PluginError

        def read(given: Opened, folder: Path) -> None:
            path = folder / f"damaged{given.target.suffix}"
            if given.target.suffix:
                path.write_bytes(content)
            else:
                path.mkdir()
                (path / "model.onnx").write_bytes(content)
            given.backend.read(path)

        raised = self._raised(read, with_folder=True)
        # the core tells what a plugin's code raises unforeseen as a PluginError: that is one sentence too, of a fault
        foreseen = isinstance(raised, DlpuconvError) and not isinstance(raised, PluginError)
        assert raised is None or foreseen, f"it raised {type(raised).__name__}: {raised}"

    def _raised(self, act: Callable[..., None], *, with_folder: bool = False) -> Exception | None:
        """What an act with a started backend raises: an error of dlpuconv, a fault of its code, or None."""
        from dlpuconv.testing.trial import filled_folder, opened

        with filled_folder() as folder, opened(self.target, self.backend, folder) as given:
            try:
                act(given, folder) if with_folder else act(given)
            except Exception as error:  # noqa: BLE001 - which one is what the clauses ask
                return error
        return None


def _converted(given: Opened, job: Job) -> None:
    given.backend.emit(given.backend.prepare(job), given.target, given.recipe)


def _with_operators(job: Job, operators: tuple[str, str]) -> Job:
    """The job with other operators in two places of its model."""
    import onnx.defs

    model = job.model.copy()
    model.graph.opset_imports[_STRANGE] = 1
    instead = dict(zip((network.FIRST, network.SECOND), operators, strict=True))
    for node in model.graph.graph:
        if node.name in instead:
            node.op_type = instead[node.name]
            node.domain = "" if onnx.defs.has(node.op_type) else _STRANGE
    return replace(job, model=model)
