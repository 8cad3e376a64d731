"""A stream that takes no more at the moment, or never again."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.cli.streams import Outlet, Streams

if TYPE_CHECKING:
    import pytest


def test_a_pipe_that_does_not_block_is_waited_for_while_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filling = os.write(writer, b" " * (1 << 20))
    got: list[bytes] = []
    monkeypatch.setattr(select, "select", lambda *_: got.append(os.read(reader, 1 << 20)))
    assert Outlet(writer).write(b"result") == 6
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert b"".join((*got, stream.read())) == b" " * filling + b"result"


def test_what_a_stream_does_not_take_any_more_is_dropped_and_told_once() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        outlet = Outlet(full.fileno())
        assert outlet.write(b"lost") == 4
        assert outlet.problem is not None
        assert outlet.problem.strerror == "No space left on device"
        assert outlet.write(b"lost too") == 8


def test_streams_that_somebody_put_in_place_stay(capsys: pytest.CaptureFixture[str]) -> None:
    with Streams() as streams:
        sys.stdout.write("told\n")
        streams.check()
    assert capsys.readouterr().out == "told\n"
