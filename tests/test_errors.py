"""What an error carries: an id beside its message, whatever happens to the message."""

from __future__ import annotations

import pickle
import traceback

import pytest

from dlpuconv.display.wording import python_words
from dlpuconv.errors import (
    DlpuconvError,
    MissingDependencyError,
    ModelError,
    PluginError,
    RegressionError,
    UnsupportedModelError,
    faults_of,
)


def test_an_id_survives_pickling_and_another_message() -> None:
    error = UnsupportedModelError("conv1", ["conv1", "conv2"], ["y"], id="operator-odd")
    copy = pickle.loads(pickle.dumps(error))
    copy.tell("other words", ["other words"])
    assert (copy.id, str(copy), copy.refused) == ("operator-odd", "other words", ("y",))


def test_classes_of_one_cause_know_their_id() -> None:
    missing = pickle.loads(pickle.dumps(MissingDependencyError("onnx2tf", "tflite", "this")))
    assert (missing.id, RegressionError("x").id) == ("library-missing", "batch-regression")


def test_json_has_the_id_and_null_for_a_plugin_s_error_without_one() -> None:
    assert ModelError("x", id="model-odd").to_json()["id"] == "model-odd"
    assert PluginError("x").to_json()["id"] is None


def test_a_fault_of_a_plugin_has_the_id_of_faults_and_its_own_error_keeps_its_own() -> None:
    with pytest.raises(PluginError) as fault, faults_of("the backend 'toy'"):
        raise ZeroDivisionError
    with pytest.raises(DlpuconvError) as meant, faults_of("the backend 'toy'"):
        raise PluginError("x", id="toy-broken")
    assert (fault.value.id, meant.value.id) == ("plugin-failed", "toy-broken")


def test_a_traceback_of_the_python_api_ends_in_the_id_once() -> None:
    with pytest.raises(ModelError) as caught, python_words(), python_words():
        raise ModelError("--cut-at a: odd", id="model-odd")
    lines = "".join(traceback.format_exception_only(caught.value)).splitlines()
    assert lines[0].endswith("cut_at=['a']: odd")
    assert lines[1:] == ["[model-odd] `dlpuconv errors model-odd` tells the cause and what to do."]
