"""Each kind of source has its reader, and options that it has no use for are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.frontends import SourceOptions
from dlpuconv.frontends.readers import EXAMPLES, FACTORY, NAMES, SIGNATURE, SourceRequest, acquire
from tests.error_ids import raises_error
from tests.frontends.support import conv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (SourceRequest(options=SourceOptions(factory="nets:make")), FACTORY),
        (SourceRequest(options=SourceOptions(allow_pickle=True)), FACTORY),
        (SourceRequest(options=SourceOptions(output_names=("y",))), NAMES),
        (SourceRequest(options=SourceOptions(signature="encode")), SIGNATURE),
        (SourceRequest(options=SourceOptions(), example_inputs=((),)), EXAMPLES),
    ],
)
@pytest.mark.parametrize("name", ["net.onnx", "net.keras", "net.h5"])
def test_an_option_without_use_is_refused_before_anything_is_read(
    asked: SourceRequest, told: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(conv().SerializeToString())
    with raises_error("option-not-for-source") as caught:
        acquire(tmp_path / name, asked)
    assert str(caught.value) == told.format(tmp_path / name)


@pytest.mark.parametrize("source", [None, 7, object(), ["net.onnx"]])
def test_what_is_no_model_is_told_what_is(source: Any) -> None:
    with raises_error("argument-type", "keras.Model"):
        acquire(source, SourceRequest(options=SourceOptions()))
