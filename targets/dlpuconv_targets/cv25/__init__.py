"""Ambarella's CVflow chips. All facts about them, with their sources, are in the rules beside this file."""

from __future__ import annotations

from dlpuconv.plugin import Target
from dlpuconv.scheme import Numbers, Scheme
from dlpuconv_targets.cv25.placement import CVFLOW_PLACEMENT
from dlpuconv_targets.cv25.rules import CVFLOW_RULES

CV25 = Target(
    name="cv25",
    title="CV25 (Ambarella CVflow)",
    backend="onnx-float",
    scheme=Scheme(numbers=Numbers.FLOAT32),
    device="ambarella-cvflow",
    suffix="",
    calibration_required=False,
    rules=CVFLOW_RULES,
    placement=CVFLOW_PLACEMENT,
    run_on_camera="compile {file} with Ambarella's tools, then: larod-client -g model.bin -c {device} -i ''",
)

__all__ = ["CV25"]
