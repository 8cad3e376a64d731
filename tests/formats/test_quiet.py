from __future__ import annotations

import os

import pytest

from dlpuconv.formats.quiet import quiet_native_libraries


def test_what_a_native_library_prints_is_dropped_and_what_follows_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_native_libraries():
        os.write(2, b"noise")
    os.write(2, b"word")
    assert capfd.readouterr().err == "word"


def test_stderr_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), quiet_native_libraries():
        raise ValueError("no")
    os.write(2, b"word")
    assert capfd.readouterr().err == "word"
