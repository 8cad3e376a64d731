"""Keras models, their files, and SavedModels become the same network, with the names that the user knows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Layout
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model

pytestmark = [
    pytest.mark.slow,  # TensorFlow takes seconds to load
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras's own
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def run(model: Model, **inputs: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    runner = OrtRunner(model.to_bytes(), "the model")
    return [np.asarray(value) for value in runner.run(inputs).values()]


def operators(model: Model) -> list[str]:
    return [node.op_type for node in model.graph.graph]


def digest(model: Any) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in model.get_weights())).hexdigest()


@pytest.mark.parametrize("form", ["net.keras", "net.h5", "net", "net/saved_model.pb", "object"])
def test_every_form_computes_what_keras_computes(form: str, files: Path, classifier: Any) -> None:
    picture = np.random.default_rng(4).uniform(0, 255, (1, 12, 12, 3)).astype(np.float32)
    expected = np.asarray(classifier(picture, training=False))
    before = digest(classifier)
    model = load(classifier if form == "object" else files / form, SourceOptions())
    (got,) = run(model, picture=picture)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert digest(classifier) == before


def test_the_file_and_the_folder_become_the_same_graph(files: Path) -> None:
    of_file, of_folder = load(files / "net.keras", SourceOptions()), load(files / "net", SourceOptions())
    assert operators(of_file) == operators(of_folder)
    for one, other in zip(of_file.graph.graph, of_folder.graph.graph, strict=True):
        assert [v.shape for v in one.outputs] == [v.shape for v in other.outputs]
        assert one.name == other.name


def test_the_same_file_gives_the_same_bytes(files: Path) -> None:
    first, second = load(files / "net.keras", SourceOptions()), load(files / "net.keras", SourceOptions())
    assert first.to_bytes() == second.to_bytes()


def test_nodes_have_the_names_of_layers(files: Path) -> None:
    names = {node.name for node in load(files / "net.keras", SourceOptions()).graph.graph}
    assert {"scaled", "stem_bn", "stem_relu", "block_1_depthwise", "scores"} <= names


def test_inputs_and_outputs_have_the_users_names_and_order(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    right, left = keras.Input((4,), name="right"), keras.Input((4,), name="left", dtype="int32")
    total = layers.Add(name="total")([right, keras.ops.cast(left, "float32")])
    keras.Model([right, left], [layers.ReLU(name="clipped")(total), total]).save(tmp_path / "two.keras")
    model = load(tmp_path / "two.keras", SourceOptions())
    assert [(spec.name, spec.dtype) for spec in model.signature.inputs] == [("right", "float32"), ("left", "int32")]
    assert [spec.name for spec in model.signature.outputs] == ["clipped", "total"]
    ones = np.ones((1, 4), np.float32)
    clipped, total = run(model, right=ones, left=np.full((1, 4), -3, np.int32))
    assert (clipped == 0).all()
    assert (total == -2).all()


def test_outputs_by_key_keep_their_keys(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((4,), name="image")
    given = {"twice": image * 2.0, "half": image * 0.5, "more": {"thrice": image * 3.0, "parts": [image * 4.0]}}
    keras.Model(image, given).save(tmp_path / "keys.keras")
    model = load(tmp_path / "keys.keras", SourceOptions())
    assert [spec.name for spec in model.signature.outputs] == ["half", "more_parts_0", "more_thrice", "twice"]
    for values, factor in zip(run(model, image=np.ones((1, 4), np.float32)), (0.5, 4, 3, 2), strict=True):
        assert (values == factor).all()


def test_unknown_extents_are_asked_for_as_for_onnx_models(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((None, None, 3), name="image", dtype="uint8")
    scores = keras.layers.UpSampling2D(2, interpolation="bilinear", name="larger")(keras.layers.Rescaling(2.0)(image))
    keras.Model(image, [scores, keras.ops.argmax(scores, axis=-1)]).save(tmp_path / "any.keras")
    with raises_error("shape-unknown", "axis 1, 2", "--input-shape image=1,H,W,3"):
        load(tmp_path / "any.keras", SourceOptions())
    model = load(tmp_path / "any.keras", SourceOptions(input_shapes={"image": (1, 4, 4, 3)}))
    assert [(spec.shape, spec.dtype) for spec in model.signature.inputs] == [((1, 4, 4, 3), "uint8")]
    pixels = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    larger, labels = run(model, image=pixels)
    assert larger.shape == (1, 8, 8, 3)
    assert (labels == 2).all()  # the last channel is the largest everywhere
    assert labels.dtype == np.int32


def test_channels_of_an_input_are_last_however_many_there_are(keras: Any, tmp_path: Path) -> None:
    features = keras.Sequential([keras.Input((3, 8, 16), name="features"), keras.layers.ReLU(name="relu")])
    features.save(tmp_path / "features.keras")
    (spec,) = load(tmp_path / "features.keras", SourceOptions()).signature.inputs
    assert (spec.layout, spec.channels) == (Layout.NHWC, 16)


def test_channels_of_an_input_are_first_where_the_layers_of_keras_want_them_so(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    keras.Sequential([
        keras.Input((3, 16, 24), name="picture"),
        layers.Rescaling(1 / 255, name="scaled"),
        layers.Conv2D(4, 3, data_format="channels_first", name="stem"),
    ]).save(tmp_path / "first.keras")  # fmt: skip
    (spec,) = load(tmp_path / "first.keras", SourceOptions()).signature.inputs
    assert (spec.layout, spec.channels) == (Layout.NCHW, 3)


def test_recurrent_layers_compute_what_keras_computes(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    keras.utils.set_random_seed(5)
    model = keras.Sequential([
        keras.Input((6, 3), name="steps"),
        layers.LSTM(4, return_sequences=True, name="lstm"),
        layers.GRU(5, return_sequences=True, name="gru"),
        layers.SimpleRNN(4, go_backwards=True, name="rnn"),
    ])  # fmt: skip
    steps = np.random.default_rng(6).standard_normal((1, 6, 3)).astype(np.float32)
    expected = np.asarray(model(steps))
    model.save(tmp_path / "steps.keras")
    model.export(str(tmp_path / "steps"), verbose=False)  # where layers are loops
    for source in (tmp_path / "steps.keras", tmp_path / "steps"):
        (got,) = run(load(source, SourceOptions()), steps=steps)
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_model_with_the_users_own_python_is_traced_where_that_is(keras: Any) -> None:
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2.0

    model = keras.Sequential([
        keras.Input((4,), name="x"), Doubled(name="doubled"), keras.layers.Lambda(lambda x: x + 1.0, name="one_more")
    ])  # fmt: skip
    (got,) = run(load(model, SourceOptions()), x=np.ones((1, 4), np.float32))
    assert (got == 3).all()


@pytest.mark.usefixtures("keras")
def test_files_of_keras_2_are_read(tmp_path: Path) -> None:
    keras_2 = pytest.importorskip("tf_keras")
    model = keras_2.Sequential([
        keras_2.Input((8, 8, 3), name="image"),
        keras_2.layers.Conv2D(4, 3, name="conv2d_1"),
        keras_2.layers.BatchNormalization(name="norm"),
    ])  # fmt: skip
    image = np.random.default_rng(7).standard_normal((1, 8, 8, 3)).astype(np.float32)
    expected = np.asarray(model(image, training=False))
    model.save(tmp_path / "old.h5")
    model.save(tmp_path / "old.keras")
    model.save(tmp_path / "old")
    for source in (tmp_path / "old.h5", tmp_path / "old.keras", tmp_path / "old", model):
        (got,) = run(load(source, SourceOptions()), image=image)
        np.testing.assert_allclose(got, expected, atol=1e-5)
