"""Ambarella's CVflow chips. All facts about them, with their sources, are in the rules beside this file."""

from __future__ import annotations

from dataclasses import replace

from dlpuconv.plugin import Numbers, Scheme, Target
from dlpuconv_targets.cv25.package import CvflowPackager
from dlpuconv_targets.cv25.placement import CVFLOW_PLACEMENT
from dlpuconv_targets.cv25.rules import CVFLOW_RULES

_CV25_PACKAGER = CvflowPackager(
    chip="cv25",
    title="CV25 (Ambarella CVflow)",
    device="ambarella-cvflow",
    environment="cv25.env",
    note="A file for CV75 does not run on CV25.",
    feeding=(
        "In an application, larod's device `ambarella-cvflow-proc` scales and converts what the camera sees (NV12) to\n"
        "`rgb-planar` with a row pitch that is a multiple of 32 bytes."
    ),
)

CV25 = Target(
    name="cv25",
    title=_CV25_PACKAGER.title,
    backend="onnx-float",
    scheme=Scheme(numbers=Numbers.FLOAT32),
    device=_CV25_PACKAGER.device,
    suffix="",
    calibration_required=False,
    rules=CVFLOW_RULES,
    placement=CVFLOW_PLACEMENT,
    run_on_camera="{file}/compile_cv25.sh ENVIRONMENT   # the tools' env/cv25.env",
    packager=_CV25_PACKAGER,
    min_sqnr=100.0,
)

_CV75_PACKAGER = replace(
    _CV25_PACKAGER,
    chip="cv75",
    title="CV75 (Ambarella CVflow)",
    device="cv75-dlpu-native",
    environment="cv75.env",
    note=(
        "CV75 takes ONNX only, and its files have another header: one for CV25 does not run on it. There is no public\n"
        "recipe for CV75: the commands are CV25's, with the tools' environment for CV75. Compare them with your manual."
    ),
    feeding="`larod-client -a` lists the devices, among them those that scale and convert what the camera sees.",
)

CV75 = replace(
    CV25,
    name="cv75",
    title=_CV75_PACKAGER.title,
    device=_CV75_PACKAGER.device,
    run_on_camera="{file}/compile_cv75.sh ENVIRONMENT   # the tools' env/cv75.env",
    packager=_CV75_PACKAGER,
)
"""What differs from CV25, as far as is public (Axis: CV75 model conversion; its model zoo's files)."""

__all__ = ["CV25", "CV75"]
