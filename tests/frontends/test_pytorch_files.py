"""`.pt2` files: what torch.export.save writes is read, and nothing in a stranger's file runs."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import pytest

from dlpuconv.cli import main
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.pytorch.archive import plain_archive
from tests.error_ids import raises_error

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution, batch norm and two outputs with keys."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        self.register_buffer("offset", torch.ones(1))
        self.scale = torch.full((1,), 3.0)

    def forward(self, image: Any) -> Any:
        y = self.features(image) * self.scale + self.offset
        return {"mask": y.relu(), "logits": y.mean([2, 3])}


@pytest.fixture(scope="module")
def program() -> Any:
    torch.manual_seed(0)
    return torch.export.export(Net().eval(), (torch.zeros(1, 3, 8, 8),))


@pytest.fixture(scope="module")
def content(program: Any) -> bytes:
    made = io.BytesIO()
    torch.export.save(program, made)
    return made.getvalue()


@pytest.fixture
def file(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "net.pt2"
    path.write_bytes(content)
    return path


def edited(content: bytes, edit: Callable[[dict[str, bytes]], object]) -> bytes:
    """The file with its records changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    edit(records)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in records.items():
            archive.writestr(f"archive/{name}", data)
    return made.getvalue()


def replaced(record: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def edit(records: dict[str, bytes]) -> None:
        text = records[record].decode()
        assert old in text
        records[record] = text.replace(old, new).encode()

    return edit


class Runs:
    """A pickle that leaves a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @override
    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_file_gives_the_same_bytes_as_the_program_that_was_saved(program: Any, file: Path) -> None:
    before = file.read_bytes()
    model = load(file, SourceOptions())
    assert model.to_bytes() == load(program, SourceOptions()).to_bytes()
    assert (model.source.name, model.source.path) == ("net", str(file))
    assert [value.name for value in model.signature.outputs] == ["mask", "logits"]
    assert file.read_bytes() == before


def test_names_of_inputs_and_outputs_may_be_given(file: Path) -> None:
    model = load(file, SourceOptions(input_names=("pixels",), output_names=("a", "b")))
    assert [value.name for value in (*model.signature.inputs, *model.signature.outputs)] == ["pixels", "a", "b"]
    with raises_error("pytorch-names", "output_names", "2 outputs"):
        load(file, SourceOptions(output_names=("a",)))


def test_a_file_with_another_suffix_and_a_batch_of_any_size_is_read(tmp_path: Path) -> None:
    batch = torch.export.Dim("batch", max=64)
    any_size = torch.export.export(Net().eval(), (torch.zeros(2, 3, 8, 8),), dynamic_shapes={"image": {0: batch}})
    with (tmp_path / "net.bin").open("wb") as file:
        torch.export.save(any_size, file)
    model = load(tmp_path / "net.bin", SourceOptions(input_shapes={"image": (1, 3, 8, 8)}))
    assert model.signature.inputs[0].shape == (1, 3, 8, 8)


def test_a_program_that_was_saved_on_a_gpu_is_read_without_one(program: Any, content: bytes, tmp_path: Path) -> None:
    def edit(records: dict[str, bytes]) -> None:
        for name in (MODEL, WEIGHTS, "data/constants/model_constants_config.json"):
            replaced(name, '"type": "cpu", "index": null', '"type": "cuda", "index": 0')(records)

    (tmp_path / "net.pt2").write_bytes(edited(content, edit))
    assert load(tmp_path / "net.pt2", SourceOptions()).to_bytes() == load(program, SourceOptions()).to_bytes()


def test_every_command_reads_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file), "--target", "cv25", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"]


def test_a_program_in_training_mode_is_refused(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Net().train(), (torch.zeros(2, 3, 8, 8),)), tmp_path / "net.pt2")
    with raises_error("model-in-training", "net.pt2", "model.eval()"):
        load(tmp_path / "net.pt2", SourceOptions())


@dataclass
class Pair:
    """Known to torch in the process that saves only."""

    mask: Any
    logits: Any


def test_containers_of_the_saving_program_are_not_needed(tmp_path: Path) -> None:
    class OfPair(Net):
        @override
        def forward(self, image: Any) -> Any:
            return Pair(**super().forward(image))

    torch.export.register_dataclass(Pair, serialized_type_name="tests.Pair")
    torch.export.save(torch.export.export(OfPair().eval(), (torch.zeros(1, 3, 8, 8),)), tmp_path / "net.pt2")
    model = load(tmp_path / "net.pt2", SourceOptions())
    assert [value.name for value in model.signature.outputs] == ["mask", "logits"]


TOUCH = "__import__('pathlib').Path('ran').touch()"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda records: records.update({"data/aotinductor/model/a.so": b""}), "machine code"),
        (replaced(WEIGHTS, '"use_pickle": false', '"use_pickle": true'), "a pickle"),
        (replaced(WEIGHTS, '"weight_0"', '"../../weight_0"'), "a pickle"),
        (replaced(MODEL, "torch.ops.aten.relu.default", "torch.os.system"), "the operator 'torch.os.system'"),
        (replaced(MODEL, "torch.ops.aten.relu.default", "torch.ops.aten.from_file.default"), "the operator"),
        (replaced(MODEL, '"name": "image"', f'"name": "image={TOUCH}"'), "the name"),
        (replaced(MODEL, '"features.0.weight"', f'"features.{TOUCH}"'), "the text"),
        (
            replaced(MODEL, '"sizes": [{"as_int": 1}', f'"sizes": [{{"as_expr": {{"expr_str": "{TOUCH}"}}}}'),
            "the shape",
        ),
        (
            replaced(MODEL, '"sizes": [{"as_int": 1}', '"sizes": [{"as_expr": {"expr_str": "Symbol(\'a b()\')"}}'),
            "the shape",
        ),
    ],
)
def test_what_torch_would_run_is_refused_before_torch_sees_it(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pt2"
    path.write_bytes(edited(content, edit))
    with raises_error("pytorch-file-unsafe") as caught:
        load(path, SourceOptions())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_the_pickle_of_sample_inputs_is_never_loaded(content: bytes, tmp_path: Path) -> None:
    """Every file holds one; torch falls back from a safe reader to one that runs what it holds."""
    ran = tmp_path / "ran"
    hostile = edited(content, lambda records: records.update({"data/sample_inputs/model.pt": pickle.dumps(Runs(ran))}))
    (tmp_path / "net.pt2").write_bytes(hostile)
    load(tmp_path / "net.pt2", SourceOptions())
    assert not ran.exists()


def test_imports_of_containers_and_guards_are_left_out(content: bytes) -> None:
    def edit(records: dict[str, bytes]) -> None:
        program = json.loads(records[MODEL])
        signature = program["graph_module"]["module_call_graph"][0]["signature"]
        protocol, tree = json.loads(signature["out_spec"])
        tree["type"] = "collections.defaultdict"
        tree["context"] = json.dumps({"default_factory_module": "os", "default_factory_name": "system"})
        signature["out_spec"] = json.dumps([protocol, tree])
        program["guards_code"] = [TOUCH]
        records[MODEL] = json.dumps(program).encode()

    made = plain_archive(edited(content, edit), "net.pt2")
    assert b"default_factory" not in made
    assert b"touch" not in made


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (b"", "pytorch-file-damaged"),
        (b"PK\x03\x04 and so on", "pytorch-file-damaged"),
        ("half", "pytorch-file-damaged"),
        ("checkpoint", "pytorch-file-kind"),
        ("old", "pytorch-file-old"),
        ("no weights", "pytorch-file-damaged"),
        ("short weights", "pytorch-file-unreadable"),
    ],
)
def test_other_files_are_refused_in_one_sentence(content: bytes, tmp_path: Path, made: Any, cause: str) -> None:
    if made == "half":
        made = content[: len(content) // 2]
    elif made == "checkpoint":
        torch.save(Net().state_dict(), tmp_path / "checkpoint")
        made = (tmp_path / "checkpoint").read_bytes()
    elif made == "old":
        made = edited(content, lambda records: records.update({"serialized_exported_program.json": b"{}"}))
    elif made == "no weights":
        made = edited(content, lambda records: records.pop("data/weights/weight_0"))
    elif made == "short weights":
        made = edited(content, lambda records: records.update({"data/weights/weight_0": b"1234"}))
    path = tmp_path / "net.pt2"
    path.write_bytes(made)
    with raises_error(cause, "net.pt2") as caught:
        load(path, SourceOptions())
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_the_one_that_may_be_meant(file: Path) -> None:
    with raises_error("model-not-found", "nett.pt2", "did you mean 'net.pt2'"):
        load(file.with_name("nett.pt2"), SourceOptions())


def test_records_that_share_bytes_are_refused_before_they_are_read(content: bytes) -> None:
    """Many names for one large record: so a small file fills the memory."""
    made = bytearray(edited(content, lambda records: records.update({"one": bytes(1 << 20), "two": b""})))
    entry = made.rindex(b"PK\x01\x02", 0, made.rindex(b"archive/two"))
    other = made.rindex(b"PK\x01\x02", 0, made.rindex(b"archive/one"))
    made[entry + 16 : entry + 28] = made[other + 16 : other + 28]  # checksum and sizes
    made[entry + 42 : entry + 46] = made[other + 42 : other + 46]  # where it begins
    with raises_error("pytorch-file-damaged"):
        plain_archive(bytes(made), "net.pt2")
