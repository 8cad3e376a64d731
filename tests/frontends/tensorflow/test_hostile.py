"""What a stranger may have put into a Keras file or a SavedModel is refused in a sentence, and never run."""

from __future__ import annotations

import io
import json
import shutil
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.errors import DlpuconvError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.tensorflow.keras_archive import CONFIG, METADATA, PARTS, WEIGHTS, plain_files
from dlpuconv.frontends.tensorflow.keras_config import plain
from dlpuconv.frontends.tensorflow.worker.keras_hdf5 import screen_hdf5
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras's own
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]
KERAS = "keras.layers"
_REALLY = 0x04030201
"""A size whose bytes are those of nothing else in an archive."""


def archive(config: Any, *, weights: bytes = b"", method: int = zipfile.ZIP_STORED, without: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        parts: dict[str, str | bytes] = {
            CONFIG: json.dumps(config),
            METADATA: '{"keras_version": "3.15.0"}',
            WEIGHTS: weights,
        }
        for name, content in parts.items():
            if name != without:
                file.writestr(name, content)
        file.writestr("../../escape.txt", "not wanted")
    return made.getvalue()


def layer(kind: str, module: str | None = KERAS, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "module": module, "registered_name": None, "config": {"name": "mine", **config}}


def function(name: str, module: str) -> dict[str, Any]:
    return {"class_name": "function", "module": module, "config": name, "registered_name": "function"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "4wEA"}}),
            ("keras-python-code", "Lambda"),
        ),
        (
            layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "4wEA"}}),
            ("keras-python-code", "Lambda"),
        ),
        (layer("Popen", "subprocess"), ("keras-python-code", "'Popen'")),
        (layer("Mine", None), ("keras-python-code", "'Mine'")),
        (layer("Mine", "keras.layersX"), ("keras-python-code", "'Mine'")),
        (layer("get_file", "keras.utils"), ("keras-python-code", "'get_file'")),
        (layer("Dense", activation=function("get_file", "keras.utils")), ("keras-python-code", "'get_file'")),
        (layer("Dense", activation=function("load_model", "keras.models")), ("keras-python-code", "'load_model'")),
        (layer("Dense", activation=function("system", "os")), ("keras-python-code", "'system'")),
        (
            layer("Dense", x={"class_name": "__typespec__", "module": "antigravity"}),
            ("keras-python-code", "'__typespec__'"),
        ),
        (layer("TorchModuleWrapper"), ("keras-python-code",)),
        (layer("TFSMLayer", filepath="/etc"), ("keras-python-code",)),
        (layer("StringLookup", vocabulary="/etc/passwd"), ("model-lookup-table",)),
    ],
)
def test_a_configuration_may_name_nothing_but_layers_of_keras(config: Any, told: tuple[str, ...]) -> None:
    whole = {"class_name": "Sequential", "module": "keras", "registered_name": "", "config": {"layers": [config]}}
    with raises_error(*told) as caught:
        plain(whole, "net.keras")
    assert "'mine'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_only_training_needs_is_left_out() -> None:
    config = {**layer("Dense", activation="relu"), "compile_config": {"optimizer": layer("Popen", "subprocess")}}
    assert plain(config, "net.keras") == layer("Dense", activation="relu")


def test_only_the_three_parts_of_a_model_are_taken_from_an_archive() -> None:
    assert set(plain_files(archive(layer("Dense")), "net.keras")) == set(PARTS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (archive(layer("Dense"), weights=bytes(1 << 22), method=zipfile.ZIP_DEFLATED), ("keras-file-damaged",)),
        (archive(layer("Dense"), method=zipfile.ZIP_LZMA), ("keras-file-damaged",)),
        (archive(layer("Dense"), without=WEIGHTS), ("keras-file-damaged", "'model.weights.h5'")),
        (archive([]), ("keras-file-damaged",)),
        (archive(layer("Dense"))[:-40], ("keras-file-damaged",)),
        (b"no archive", ("keras-file-damaged",)),
        (archive(json.loads("[" * 900 + "]" * 900)), ("keras-file-damaged",)),
    ],
)
def test_archives_that_are_damaged_or_made_to_fill_the_memory_are_refused(
    content: bytes, told: tuple[str, ...]
) -> None:
    with raises_error(*told):
        plain_files(content, "net.keras")


def in_the_table_of_contents(content: bytes, actual: int, claimed: int) -> bytes:
    before, behind = content.rsplit(actual.to_bytes(4, "little"), 1)
    return before + claimed.to_bytes(4, "little") + behind


def test_memory_follows_the_size_that_an_archive_claims_not_what_there_is() -> None:
    content = archive(layer("Dense"), weights=bytes(_REALLY), method=zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    with raises_error("keras-file-damaged"):
        plain_files(in_the_table_of_contents(content, _REALLY, 1 << 16), "net.keras")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1 << 22


def test_packed_bytes_that_were_changed_are_one_sentence() -> None:
    content = archive(layer("Dense"), weights=np.random.default_rng(0).bytes(4096), method=zipfile.ZIP_DEFLATED)
    start = content.index(WEIGHTS.encode()) + len(WEIGHTS)
    with raises_error("keras-file-damaged"):
        plain_files(content[:start] + b"\xff" * 64 + content[start + 64 :], "net.keras")


@pytest.fixture
def refused(keras: Any) -> Callable[..., None]:  # noqa: ARG001 - TensorFlow must be there
    def ask(source: Any, *told: str) -> None:
        with raises_error(*told) as caught:
            load(source, SourceOptions())
        assert "\n" not in str(caught.value)

    return ask


def external(file: Any, outside: Path) -> None:
    import h5py

    file["weights"] = h5py.ExternalLink(str(outside), "/secret")


def virtual(file: Any, outside: Path) -> None:
    import h5py

    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(outside), "secret", (4,))
    file.create_virtual_dataset("weights", layout)


def stored_elsewhere(file: Any, outside: Path) -> None:
    file.create_dataset("weights", (4,), "f4", external=[(str(outside), 0, 16)])


@pytest.mark.slow
@pytest.mark.parametrize("lead", [external, virtual, stored_elsewhere])
def test_weights_in_other_files_are_not_read(lead: Any, refused: Callable[..., None], tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file["secret"] = np.arange(4, dtype=np.float32)
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(layer("Dense"))
        lead(file, tmp_path / "outside.h5")
    refused(tmp_path / "net.h5", "keras-file-links")


@pytest.mark.slow
def test_the_weights_of_a_keras_file_lead_nowhere_either(
    refused: Callable[..., None], files: Path, tmp_path: Path
) -> None:
    h5py = pytest.importorskip("h5py")
    with zipfile.ZipFile(files / "net.keras") as file:
        config, weights = json.loads(file.read(CONFIG)), file.read(WEIGHTS)
    (tmp_path / "weights.h5").write_bytes(weights)
    with h5py.File(tmp_path / "weights.h5", "a") as file:
        external(file, tmp_path / "outside.h5")
    (tmp_path / "net.keras").write_bytes(archive(config, weights=(tmp_path / "weights.h5").read_bytes()))
    refused(tmp_path / "net.keras", "keras-file-links")


def test_groups_that_lie_in_each_other_are_each_looked_at_once(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = "{}"
        group = file
        for _ in range(60):  # 2^60 paths
            inner = group.create_group("one")
            group["other"], group = inner, inner
        group["again"] = file["one"]
    assert screen_hdf5(tmp_path / "net.h5") == "{}"
    with h5py.File(tmp_path / "net.h5", "a") as file:
        external(file["/".join(["one"] * 60)], tmp_path / "outside.h5")
    with raises_error("keras-file-links"):
        screen_hdf5(tmp_path / "net.h5")


@pytest.mark.slow
def test_a_registered_layer_of_an_older_file_is_named_as_one_of_python_code(
    refused: Callable[..., None], tmp_path: Path
) -> None:
    """Such files tell neither a module nor a registered name, but PACKAGE>NAME in place of the class."""
    h5py = pytest.importorskip("h5py")
    layers = [
        {"class_name": "Dense", "config": {"name": "first"}},
        {"class_name": "mine>Scale", "config": {"name": "own"}},
    ]
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}
        )
    refused(tmp_path / "net.h5", "keras-python-code", "the layer 'own'", "'mine>Scale'", "model.export")


@pytest.mark.slow
def test_weights_without_a_model_are_refused_with_what_to_do(
    refused: Callable[..., None], classifier: Any, tmp_path: Path
) -> None:
    classifier.save_weights(tmp_path / "net.weights.h5")
    refused(tmp_path / "net.weights.h5", "keras-no-architecture", "model.save_weights")


@pytest.mark.slow
def test_a_link_out_of_a_saved_model_is_not_followed(refused: Callable[..., None], files: Path, tmp_path: Path) -> None:
    shutil.copytree(files / "net", tmp_path / "net")
    data = tmp_path / "net" / "variables" / "variables.data-00000-of-00001"
    data.rename(tmp_path / "private")
    data.symlink_to(tmp_path / "private")
    refused(tmp_path / "net", "savedmodel-outside")


@pytest.mark.slow
def test_a_graph_that_reads_or_writes_files_is_refused_before_it_is_loaded(
    refused: Callable[..., None], tmp_path: Path
) -> None:
    import tensorflow as tf

    class Reading(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            tf.io.write_file(str(tmp_path / "written"), "by a model")
            return x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)

    module = Reading()
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"serving_default": module.__call__})
    refused(tmp_path / "net", "savedmodel-operators", "ReadFile", "WriteFile")
    assert not (tmp_path / "written").exists()


@pytest.mark.slow
def test_a_function_that_loading_would_run_is_not_run(refused: Callable[..., None], tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.trackable.resource import CapturableResource

    class Made(CapturableResource):  # type: ignore[misc]
        """TensorFlow calls these two functions of a resource whenever the model is loaded."""

        def _create_resource(self) -> Any:
            return tf.raw_ops.StackV2(max_size=1, elem_type=tf.float32, stack_name="made")

        @tf.function  # type: ignore[untyped-decorator]
        def _initialize(self) -> None:
            tf.io.write_file(str(tmp_path / "written"), "by a model")

    class Net(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.made = Made()
            self.made._initialize()

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": x * 2.0}

    module = Net()
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"serving_default": module.__call__})
    (tmp_path / "written").unlink()
    tf.saved_model.load(str(tmp_path / "net"))
    assert (tmp_path / "written").exists()  # that is what TensorFlow does
    (tmp_path / "written").unlink()
    refused(tmp_path / "net", "savedmodel-operators", "StackV2, WriteFile")
    assert not (tmp_path / "written").exists()


@pytest.mark.slow
def test_a_choice_of_signatures_is_the_users(refused: Callable[..., None], tmp_path: Path) -> None:
    import onnxruntime
    import tensorflow as tf

    class Both(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])  # type: ignore[untyped-decorator]
        def one(self, x: Any) -> Any:
            return x + 1.0

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])  # type: ignore[untyped-decorator]
        def two(self, x: Any) -> Any:
            return x + 2.0

    module = Both()
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"one": module.one, "two": module.two})
    told = "'one', 'two'", "'serving_default'", "--signature NAME"
    refused(tmp_path / "net", "savedmodel-signature-unclear", *told)
    ones = np.ones((1, 4), np.float32)
    for name, wanted in (("one", 2.0), ("two", 3.0)):
        session = onnxruntime.InferenceSession(load(tmp_path / "net", SourceOptions(signature=name)).to_bytes())
        (made,) = session.run(None, {session.get_inputs()[0].name: ones})
        assert (np.asarray(made) == wanted).all()
    with raises_error("signature-unknown", "--signature 'tow'", "'two'"):
        load(tmp_path / "net", SourceOptions(signature="tow"))
    tf.saved_model.save(module, str(tmp_path / "bare"))
    refused(tmp_path / "bare", "savedmodel-no-signature")


@pytest.mark.slow
def test_tables_are_refused(keras: Any, refused: Callable[..., None], tmp_path: Path) -> None:
    model = keras.Sequential([
        keras.Input((1,), dtype="string"), keras.layers.StringLookup(vocabulary=["a", "b"], name="words")
    ])  # fmt: skip
    model.save(tmp_path / "words.keras")
    model.export(str(tmp_path / "words"), verbose=False)
    refused(tmp_path / "words.keras", "model-lookup-table", "'words'", "StringLookup")
    refused(tmp_path / "words", "model-lookup-table")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_changed_bytes_end_in_a_model_or_in_one_sentence(name: str, files: Path, tmp_path: Path) -> None:
    content = (files / name).read_bytes()
    random = np.random.default_rng(8)
    for _ in range(12):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 20):
            damaged[place] = random.integers(256)
        (tmp_path / name).write_bytes(damaged)
        assert "\n" not in outcome(tmp_path / name)


def outcome(path: Path) -> str:
    try:
        load(path, SourceOptions())
    except DlpuconvError as error:
        return str(error)
    return ""
