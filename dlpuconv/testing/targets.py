"""The contract of targets."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.testing.contract import HEAVY, Clauses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView
    from dlpuconv.plugin import Target
    from dlpuconv.verification.rule import Rule

_ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
_SENTENCE = re.compile(r"[A-Z0-9].* .*[^ ][.!?]", re.DOTALL)


class TargetContract(Clauses):
    """A target, checked with its own backend: its rules, and the file that the small network becomes."""

    heavy: ClassVar[tuple[str, ...]] = (*HEAVY, "ai_edge_litert", "numpy", "onnx", "onnx_ir")

    @classmethod
    @override
    def loading(cls) -> str:
        return f"from dlpuconv.registry import load_target; load_target({cls.target!r})"

    @classmethod
    def loaded(cls) -> Target:
        """The target; one that cannot be used says why."""
        from dlpuconv.registry import load_target

        return load_target(cls.target)

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """The target's rules, those of the file and those of the placement."""
        target = cls.loaded()
        placing = (*target.placement.limits, *target.placement.doubts) if target.placement else ()
        known = {id(rule): rule for rule in (*target.rules, *placing)}
        return tuple(known.values())

    def test_every_rule_has_an_id_of_its_own(self) -> None:
        """Capital words with hyphens, such as A8-KERNEL: users ignore rules by id, and programs go by it."""
        ids = [rule.id for rule in self.rules()]
        odd = sorted(name for name in ids if not _ID.fullmatch(name))
        assert not odd, f"these ids are not capital words with hyphens, such as A8-KERNEL: {', '.join(odd)}"
        twice = sorted(name for name, count in Counter(ids).items() if count > 1)
        assert not twice, f"several rules have the id {', '.join(twice)}"

    def test_every_rule_says_a_full_sentence(self) -> None:
        """Users read it alone, in reports and in the terminal."""
        odd = [f"{rule.id}: {rule.sentence!r}" for rule in self.rules() if not _SENTENCE.fullmatch(rule.sentence)]
        assert not odd, f"these are not full sentences: {'; '.join(odd)}"

    def test_every_rule_names_its_source(self) -> None:
        """A limit that nobody can look up is one that nobody can correct."""
        bare = [rule.id for rule in self.rules() if not rule.source.strip()]
        assert not bare, f"nothing says where these rules are known from: {', '.join(bare)}"

    def test_every_rule_judges_files_of_any_kind(self) -> None:
        """Files are strangers': empty ones, of other formats, of layers with nothing in them."""
        target = self.loaded()
        for view in _views():
            for rule in self.rules():
                rule.places(view, target.context)  # a fault of its code is a PluginError that names it

    def test_no_rule_failed_to_judge_the_converted_file(self) -> None:
        """A rule whose own code fails says nothing about the file."""
        from dlpuconv.verification.rule import Status

        findings = self.trial().converted.report.findings
        failed = [finding.sentence for finding in findings if finding.status is Status.FAILED_TO_JUDGE]
        assert not failed, " ".join(failed)


def _views() -> Iterator[FileView]:
    """Files that no backend makes, and that a user may hand to `dlpuconv verify`."""
    from dlpuconv.formats.kinds import KINDS
    from dlpuconv.formats.view import FileView, LayerView, TensorView
    from dlpuconv.formats.weighted import WEIGHTED
    from dlpuconv.ir.layer_names import LayerNames

    for format_ in KINDS:
        yield FileView(format=format_, tensors=(), layers=(), inputs=(), outputs=())
        flat = TensorView(index=0, name="", shape=(), dtype="float32")
        ops = (*WEIGHTED, "ADD", "CONCATENATION", "RESHAPE", "SOFTMAX", "Conv", "MatMul", "no such op")
        for op in ops:
            for inputs, outputs in (((), ()), ((0,), (0,)), ((-1, 0), (0, 0))):
                layer = LayerView(
                    index=0, op=op, version=1, custom=False, inputs=inputs, outputs=outputs, options={},
                    names=LayerNames(tensor=""),
                )  # fmt: skip
                yield FileView(format=format_, tensors=(flat,), layers=(layer,), inputs=(0,), outputs=(0,))
