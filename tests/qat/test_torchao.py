"""What is used of torchao is as it was when this was written: a release in which it moved fails here."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

pytest.importorskip("torchao")


def test_specifications_have_the_fields_that_are_filled_in() -> None:
    from torchao.quantization.pt2e.quantizer import (
        FixedQParamsQuantizationSpec,
        QuantizationAnnotation,
        QuantizationSpec,
        SharedQuantizationSpec,
    )

    def names(kind: type) -> list[str]:
        return [field.name for field in fields(kind)]

    assert {"dtype", "observer_or_fake_quant_ctr", "quant_min", "quant_max", "qscheme", "ch_axis"} <= set(
        names(QuantizationSpec)
    )
    assert {"dtype", "scale", "zero_point", "quant_min", "quant_max", "qscheme"} <= set(
        names(FixedQParamsQuantizationSpec)
    )
    assert names(SharedQuantizationSpec) == ["edge_or_node"]
    assert {"input_qspec_map", "output_qspec", "_annotated"} <= set(names(QuantizationAnnotation))


def test_quantizers_have_the_methods_that_are_overridden() -> None:
    from torchao.quantization.pt2e.quantizer import Quantizer

    own = {"annotate": ["self", "model"], "validate": ["self", "model"]}
    own["prepare_obs_or_fq_callback"] = ["self", "model", "edge_or_node_to_obs_or_fq"]
    assert {name: list(inspect.signature(getattr(Quantizer, name)).parameters) for name in own} == own


def test_modules_are_prepared_and_converted_by_these_functions() -> None:
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_qat_pt2e

    assert list(inspect.signature(prepare_qat_pt2e).parameters) == ["model", "quantizer"]
    assert next(iter(inspect.signature(convert_pt2e).parameters)) == "model"


def test_a_channel_axis_is_handed_to_what_is_called_per_channel() -> None:
    from torchao.quantization.pt2e.prepare import _create_obs_or_fq_from_qspec
    from torchao.quantization.pt2e.quantizer import QuantizationSpec

    from dlpuconv.qat.quantizer import _specification
    from dlpuconv.scheme import Coding

    made = _specification(Coding(symmetric=True), 1.0, 1)
    assert isinstance(made, QuantizationSpec)
    module = _create_obs_or_fq_from_qspec(made, {}, True)
    assert (module.ch_axis, module.quant_min, module.quant_max, module.pace) == (1, -127, 127, 1.0)
