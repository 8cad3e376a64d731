"""What a comparison of two files found, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from dlpuconv.jsonable import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.placement import Forecast
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.report import IoTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the files.

    Attributes:
        file: its name.
        format: `tflite`, `onnx` or `package`.
        size: bytes.
        layers: how many.
        macs: multiply-accumulates of one inference.
        parameters: values of all constants.
        weights: their granularity, in words.
        inputs: as the file declares them.
        outputs: as the file declares them.
        op_counts: how often each op occurs.
        metadata: free texts of the file.
        placement: where its layers would run; None where no target was given.
        manifest: name of the manifest beside it; empty where there is none.
    """

    file: str
    format: str
    size: int
    layers: int
    macs: int
    parameters: int
    weights: str
    inputs: tuple[IoTensor, ...]
    outputs: tuple[IoTensor, ...]
    op_counts: Mapping[str, int]
    metadata: Mapping[str, str]
    placement: Forecast | None = None
    manifest: str = ""

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return told(self, manifest=self.manifest or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two files side by side.

    Attributes:
        a: the first.
        b: the second.
        between: the second's answers beside the first's; None without samples.
        a_to_reference: the first's answers beside the float source's; None without that or samples.
        b_to_reference: the second's, likewise.
        warnings: what the user should know of the figures.
    """

    a: Side
    b: Side
    between: ParityReport | None = None
    a_to_reference: ParityReport | None = None
    b_to_reference: ParityReport | None = None
    warnings: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"<Contrast {self.a.file} and {self.b.file}>"

    def _repr_html_(self) -> str:
        from dlpuconv.contrast.contrast_text import contrast_text
        from dlpuconv.display.notebook import as_html
        from dlpuconv.language.printable import printable

        return as_html(contrast_text(printable(self)))

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints."""
        return told(self)
