"""A small network with its report, to make pages of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlpuconv.contract import contract_of_file
from dlpuconv.formats.detect import read
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.placement import Placement
from dlpuconv.reporting import Material, make_page, render
from dlpuconv.reporting.origin import origin_of
from dlpuconv.verification.question import Question
from dlpuconv.verification.rules import advice, at_layers
from dlpuconv.verification.verifier import verify_file
from tests.verification.test_layers import converted, source
from tests.verification.test_verify_file import CHIP, Rows, written

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.reporting.page import Page

NO_QUANTIZE = advice("C-QUANTIZE", "QUANTIZE runs on the CPU.", "a test", at_layers(lambda *_: "it is one", "QUANTIZE"))
PLACED = replace(CHIP, rules=(*CHIP.rules, NO_QUANTIZE), placement=Placement(accelerator="NPU", limits=(NO_QUANTIZE,)))


def material(
    folder: Path, content: bytes | None = None, manifest: dict[str, Any] | None = None, *, compared: bool = True
) -> Material:
    """Of FULLY_CONNECTED -> FULLY_CONNECTED -> QUANTIZE, or of another file."""
    path = written(folder, converted() if content is None else content, manifest)
    question = Question(reference=source(), samples=Rows(), layers=True) if compared else Question()
    view, found = read(path), find_manifest(path)
    return Material(
        report=verify_file(path, PLACED, question),
        view=view,
        target=PLACED,
        size=path.stat().st_size,
        contract=contract_of_file(view, found),
        origin=origin_of(found) if found else None,
        asked_db=10.0,
    )


def page(folder: Path, content: bytes | None = None, **options: Any) -> Page:
    return make_page(material(folder, content, **options))


def html(folder: Path, content: bytes | None = None, **options: Any) -> str:
    return render(page(folder, content, **options))
