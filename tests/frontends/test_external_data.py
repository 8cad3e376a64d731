"""Weights in files beside the model."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import onnx
import onnx_ir
import pytest

from tests.error_ids import raises_error
from tests.frontends.support import conv, read

if TYPE_CHECKING:
    from pathlib import Path


def save(folder: Path, location: str = "net.data") -> Path:
    """The model with its one weight in net.data, which it says is in `location`."""
    folder.mkdir(exist_ok=True)
    path = folder / "net.onnx"
    onnx.save(conv(), path, save_as_external_data=True, location="net.data", size_threshold=0)
    proto = onnx.load(path, load_external_data=False)
    for entry in proto.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(proto.SerializeToString())
    return path


def test_external_weights_give_the_same_graph_as_those_inside(tmp_path: Path) -> None:
    assert read(save(tmp_path)).to_bytes() == read(conv()).to_bytes()


def test_the_hash_covers_the_data_file(tmp_path: Path) -> None:
    path = save(tmp_path)
    data = (tmp_path / "net.data").read_bytes()
    assert read(path).source.sha256 == hashlib.sha256(path.read_bytes() + data[: 4 * 108]).hexdigest()


def test_a_data_file_in_a_subfolder_is_read(tmp_path: Path) -> None:
    path = save(tmp_path, "weights/net.data")
    (tmp_path / "weights").mkdir()
    (tmp_path / "net.data").rename(tmp_path / "weights" / "net.data")
    assert read(path).to_bytes() == read(conv()).to_bytes()


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    path = save(tmp_path)
    (tmp_path / "net.data").unlink()
    with raises_error("weights-file-missing", "'net.data'"):
        read(path)


def test_a_data_file_that_is_too_short_is_told_with_both_lengths(tmp_path: Path) -> None:
    path = save(tmp_path)
    (tmp_path / "net.data").write_bytes(b"1234")
    with raises_error("weights-file-truncated", "'w'", "432 bytes at 0", "4"):
        read(path)


@pytest.mark.parametrize("location", ["../net.data", "/etc/passwd", "a/../../net.data", "C:\\net.data", "..\\net.data"])
def test_nothing_outside_of_the_models_folder_is_read(tmp_path: Path, location: str) -> None:
    path = save(tmp_path / "in", location)
    (tmp_path / "net.data").write_bytes(bytes(4 * 108))
    with raises_error("weights-file-outside"):
        read(path)


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    path = save(tmp_path / "in", "link.data")
    (tmp_path / "secret").write_bytes(bytes(4 * 108))
    (tmp_path / "in" / "link.data").symlink_to(tmp_path / "secret")
    with raises_error("weights-file-outside"):
        read(path)


def test_a_cache_of_links_to_one_folder_of_blobs_is_read(tmp_path: Path) -> None:
    """As download caches lay out a snapshot: the model and its data both link to where the model really is."""
    save(tmp_path / "blobs")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for name in ("net.onnx", "net.data"):
        (snapshot / name).symlink_to(os.path.relpath(tmp_path / "blobs" / name, snapshot))
    assert read(snapshot / "net.onnx").to_bytes() == read(conv()).to_bytes()


def test_a_device_is_no_data_file(tmp_path: Path) -> None:
    path = save(tmp_path, "pipe")
    os.mkfifo(tmp_path / "pipe")
    with raises_error("weights-file-unreadable"):
        read(path)


def test_a_length_that_the_shape_does_not_need_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path)
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[0].dims[0] = 10**12
    path.write_bytes(proto.SerializeToString())
    with raises_error("weights-entry-invalid", "[1000000000000, 3, 3, 3]", "108000000000000"):
        read(path)


def test_bytes_and_protos_cannot_have_data_elsewhere(tmp_path: Path) -> None:
    path = save(tmp_path)
    for source in (path.read_bytes(), onnx.load(path, load_external_data=False)):
        with raises_error("model-needs-path"):
            read(source)


def test_an_ir_model_reads_its_own_files(tmp_path: Path) -> None:
    graph = onnx_ir.load(save(tmp_path))
    assert read(graph).to_bytes() == read(conv()).to_bytes()
    assert isinstance(graph.graph.initializers["w"].const_value, onnx_ir.ExternalTensor)


def test_an_ir_model_whose_file_is_gone_is_one_sentence(tmp_path: Path) -> None:
    graph = onnx_ir.load(save(tmp_path))
    (tmp_path / "net.data").unlink()
    with raises_error("weights-file-unreadable"):
        read(graph)
