"""Files, bytes and objects."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir
import pytest

from dlpuconv.errors import ModelError
from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error
from tests.frontends.support import conv, read, run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_path_bytes_a_proto_and_an_ir_model_give_the_same_graph(tmp_path: Path) -> None:
    proto = conv()
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    graphs = [
        read(source).to_bytes() for source in (path, str(path), path.read_bytes(), proto, onnx_ir.from_proto(proto))
    ]
    assert len(set(graphs)) == 1


def test_the_loaded_model_computes_what_the_file_computes() -> None:
    content = conv().SerializeToString()
    np.testing.assert_array_equal(run(read(content))[0], run(content)[0])


def test_the_source_is_named_after_the_file_and_carries_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "net.v2.onnx"
    path.write_bytes(conv().SerializeToString())
    source = read(path).source
    assert (source.name, source.path) == ("net.v2", str(path))
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(path, SourceOptions(), name="other").source.name == "other"
    assert read(path.read_bytes()).source.name == "model"


def test_neither_the_file_nor_an_object_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    proto = conv(("N", 3, "H", "W"), np.float16)
    path.write_bytes(proto.SerializeToString())
    path.chmod(0o400)
    before = proto.SerializeToString()
    graph = onnx_ir.from_proto(proto)
    for source in (path, proto, graph):
        read(source, cut_at=["c"], x=(1, 3, 4, 4))
    assert path.read_bytes() == before
    assert proto.SerializeToString() == before
    assert (
        onnx_ir.to_proto(graph).SerializeToString() == onnx_ir.to_proto(onnx_ir.from_proto(proto)).SerializeToString()
    )


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "mobilenet.onnx").touch()
    with raises_error("model-not-found", "mobilnet.onnx", "did you mean 'mobilenet.onnx'"):
        read(tmp_path / "mobilnet.onnx")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with raises_error("model-is-folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ("model-empty",)),
        (b"PK\x03\x04....", ("model-not-onnx", "zip archive", "PyTorch checkpoint")),
        (b"\x80\x02}q\x00", ("model-not-onnx", "Python pickle")),
        (b"version https://git-lfs.github.com/spec/v1\n", ("model-not-onnx", "Git LFS pointer")),
        (b"{'a': 1}", ("model-not-onnx", "text file")),
        (b"this is no model at all", ("model-truncated",)),
        (b"\x08\x08", ("model-not-onnx",)),
    ],
)
def test_other_content_is_named_for_what_it_is(content: bytes, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        read(content)


def test_every_truncation_of_a_file_is_an_error() -> None:
    content = conv().SerializeToString()
    for length in range(0, len(content) - 1, 7):
        with pytest.raises(ModelError):
            read(content[:length])


def test_another_object_is_refused_with_what_is_possible() -> None:
    with raises_error("argument-type", "onnx.ModelProto", "not int"):
        read(3)


def test_a_directory_of_an_unreadable_name_is_one_sentence() -> None:
    with raises_error("model-unreadable"):
        read("a\0b.onnx")


def test_names_of_the_exporting_machine_are_left_out() -> None:
    proto = conv()
    proto.graph.node[0].doc_string = "/home/somebody/train.py:12"
    proto.graph.node[0].metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/somebody/train.py:12")
    proto.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['features.0']")
    graph = read(proto)
    assert b"somebody" not in graph.to_bytes()
    assert dict(next(iter(graph.graph.graph)).metadata_props) == {"pkg.torch.onnx.name_scopes": "['features.0']"}


def test_a_name_that_is_no_text_is_damage() -> None:
    content = conv().SerializeToString().replace(b"conv", b"c\xff\xffv")
    with raises_error("model-text-invalid", "NodeProto"):
        read(content)


def test_every_node_gets_a_name_of_its_own() -> None:
    proto = conv()
    for node in proto.graph.node:
        node.name = ""
    assert [node.name for node in read(proto).graph.graph] == ["Conv_0", "Relu_1"]


def test_the_serialized_graph_is_valid_onnx() -> None:
    onnx.checker.check_model(onnx.ModelProto.FromString(read(conv()).to_bytes()), full_check=True)
