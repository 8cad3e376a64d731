"""What jobs and copies are called: by what people know, and by nothing that opens a URL."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, override

import pytest

from dlpuconv.batches.names import job_name, model_names
from dlpuconv.batches.places import fetch, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["https://host/m.onnx?token=head.SECRET"], ["m"]),
        (["https://host/m.onnx?sig=a/SECRET"], ["m"]),
        (["s3://SECRET:SECRET@bucket/a/m.onnx", "s3://SECRET:SECRET@bucket/b/m.onnx"], ["a-m", "b-m"]),
        (["zip://m.onnx::s3://SECRET:SECRET@bucket/all.zip"], ["all"]),
        (["models/m.onnx"], ["m"]),
    ],
)
def test_a_model_is_called_as_its_file_without_what_opens_it(models: list[str], names: list[str]) -> None:
    assert list(model_names(models).values()) == names


def test_a_job_is_called_after_its_data_without_what_opens_them() -> None:
    assert job_name("m", "chip", {"calibration": "s3://SECRET:SECRET@bucket/x"}) == "m.chip.s3-bucket-x"


def test_a_url_of_this_machines_files_may_be_quoted(tmp_path: Path) -> None:
    assert resolved((tmp_path / "a b").as_uri(), tmp_path) == str(tmp_path / "a b")


class Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A server of a folder with a model."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "m.pt2").write_bytes(b"a model")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site"))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_copy_has_the_name_of_the_file_and_nothing_of_the_query(site: str, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    copy = fetch(f"{site}/m.pt2?token=a/SECRET", folder)
    assert (copy.name, copy.read_bytes()) == ("m.pt2", b"a model")
