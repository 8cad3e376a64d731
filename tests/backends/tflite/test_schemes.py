"""A chip that wants what TFLite files cannot be is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.ir.affine import INT16, UINT8, Affine
from dlpuconv.plugin import Spelling
from dlpuconv.scheme import Coding, Granularity
from dlpuconv_backends.tflite.schemes import refuse_scheme
from dlpuconv_backends.tflite.spell import SPELLINGS
from dlpuconv_targets.artpec import ARTPEC8
from tests.error_ids import raises_error


def refuse(**wanted: Any) -> None:
    refuse_scheme(replace(ARTPEC8, scheme=replace(ARTPEC8.scheme, **wanted)))


def test_what_the_specification_has_is_made() -> None:
    refuse()
    refuse(
        activation_codes=Coding(power_of_two=True),
        weight_codes=Coding(symmetric=True, power_of_two=True, reduce_range=True),
        by_operator={"FULLY_CONNECTED": Granularity.PER_CHANNEL},
        prescribed={"LOGISTIC": Affine.of(1 / 256, -128), "RELU6": Affine.of(6 / 255, -128)},
    )


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"activation_codes": Coding(type=INT16)}, "int16 activations"),
        ({"activation_codes": Coding(type=UINT8)}, "uint8 activations"),
        ({"activation_codes": Coding(symmetric=True)}, "symmetric activations"),
        ({"activation_codes": Coding(reduce_range=True)}, "activations of a reduced range"),
        ({"weight_codes": Coding(type=UINT8, symmetric=True)}, "uint8 weights"),
        ({"weight_codes": Coding()}, "asymmetric weights"),
        ({"prescribed": {"LOGISTIC": Affine.of(0.5, 0)}}, "a scale of 0.5 behind LOGISTIC"),
        ({"prescribed": {"Sigmoid": Affine.of(0.5, 0)}}, "a scale of 0.5 behind Sigmoid"),
        ({"by_operator": {"Conv": Granularity.PER_CHANNEL}}, "a granularity of weights of Conv"),
    ],
)
def test_what_it_has_not_is_refused(wanted: dict[str, Any], told: str) -> None:
    with raises_error("backend-scheme", "artpec8", told, "tflite"):
        refuse(**wanted)


def test_all_that_is_refused_is_in_one_sentence() -> None:
    with raises_error("backend-scheme", "int16 activations, uint8 weights, asymmetric weights"):
        refuse(activation_codes=Coding(type=INT16), weight_codes=Coding(type=UINT8))


def test_only_operators_that_have_a_spelling_can_be_spelled_out() -> None:
    refuse_scheme(replace(ARTPEC8, spelling=Spelling(out=frozenset(SPELLINGS), taken=frozenset({"MUL"}))))
    with raises_error("backend-scheme", "artpec8", "LOGISTIC", "tflite"):
        refuse_scheme(replace(ARTPEC8, spelling=Spelling(out=frozenset({"GELU", "LOGISTIC"}), taken=frozenset())))
