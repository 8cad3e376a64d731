"""Messages: what is sent is received, and what is damaged or hostile is refused."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from dlpuconv.isolation.messages import (
    Inbox,
    MappedFile,
    Message,
    Outbox,
    file_of,
    packed,
    receive,
    send,
    share,
    unpacked,
)
from tests.descriptors import open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    type Array = npt.NDArray[Any]

LARGE = 1 << 17  # elements that go into a file
PREFIX = struct.Struct("<QQH")
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL

dtypes = st.one_of(
    of_numpy.boolean_dtypes(),
    of_numpy.integer_dtypes(),
    of_numpy.unsigned_integer_dtypes(),
    of_numpy.floating_dtypes(sizes=(16, 32, 64)),
)
arrays = dtypes.flatmap(lambda d: of_numpy.arrays(d, of_numpy.array_shapes(min_dims=0, min_side=0, max_side=5)))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def passed(message: Message) -> Message:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, message)
        received = receive(theirs, 1 << 24)
    assert received is not None
    return received


def check_same(found: Array, expected: Array) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


def memory_of(array: Array) -> MappedFile:
    memory = file_of(array)
    assert memory is not None
    return memory


@given(st.dictionaries(st.text(), values, max_size=4), st.dictionaries(st.text(), arrays, max_size=4))
def test_what_is_sent_is_received(facts: dict[str, Any], given: dict[str, Array]) -> None:
    found = passed(Message(facts=facts, arrays=given))
    assert found.facts == facts
    assert list(found.arrays) == list(given)
    for name, value in given.items():
        check_same(found.arrays[name], value)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(LARGE, dtype=np.float32),
        np.arange(LARGE, dtype=np.int16).reshape(2, -1).T,
        np.arange(LARGE, dtype=np.float64)[::-3],
        np.broadcast_to(np.float32(2), (64, 1024)),
    ],
)
def test_a_large_array_comes_in_a_file_that_nobody_can_change(value: Array) -> None:
    given = {"small": np.arange(3), "large": value, "none": np.zeros((0, 7))}
    found = passed(Message(arrays=given)).arrays
    for name, expected in given.items():
        check_same(found[name], expected)
    with pytest.raises(PermissionError):
        os.pwrite(memory_of(found["large"]).descriptor, b"x", 0)
    with pytest.raises(ValueError, match="read-only"):
        found["large"][...] = 0


def test_arrays_that_lie_in_a_mapped_file_are_sent_by_its_descriptor(tmp_path: Path) -> None:
    values = np.arange(LARGE, dtype=np.float32)
    path = tmp_path / "weights"
    path.write_bytes(values.tobytes())
    mapped = np.frombuffer(MappedFile(os.open(path, os.O_RDONLY), values.nbytes), np.float32)
    given: dict[str, Array] = {"w": mapped[:7].reshape(7, 1), "b": mapped[9:], "x": np.ones(2)}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, Message(arrays=given))
        found = receive(theirs, 1 << 24, trusting=True)
    assert found is not None
    for name in ("w", "b"):
        inode = Path(f"/proc/self/fd/{memory_of(found.arrays[name]).descriptor}").stat().st_ino
        assert inode == path.stat().st_ino
    for name, value in given.items():
        check_same(found.arrays[name], value)


def test_a_shared_array_is_sent_any_number_of_times_from_the_same_memory() -> None:
    values = share(np.arange(LARGE, dtype=np.float32).reshape(2, -1))
    check_same(values, np.arange(LARGE, dtype=np.float32).reshape(2, -1))
    inodes = set()
    for _ in range(2):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            send(ours, Message(arrays={"w": values}))
            found = receive(theirs, 1 << 24)
        assert found is not None
        check_same(found.arrays["w"], values)
        inodes.add(os.fstat(memory_of(found.arrays["w"]).descriptor).st_ino)
    assert inodes == {os.fstat(memory_of(values).descriptor).st_ino}


def test_what_comes_back_of_a_file_of_ones_own_is_where_it_was(tmp_path: Path) -> None:
    """Such a file is not sealed, so that another's would be copied."""
    path = tmp_path / "weights"
    path.write_bytes(bytes(4 * LARGE))
    mapped = MappedFile(os.open(path, os.O_RDONLY), 4 * LARGE)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, Message(arrays={"w": np.frombuffer(mapped, np.float32)}))
        found = receive(theirs, 1 << 24)
    assert found is not None
    assert memory_of(found.arrays["w"]) is mapped


@pytest.mark.parametrize("strange", [np.array(["text"]), np.array([None]), np.array([1j]), np.array([b"x"])])
def test_what_is_no_number_is_not_sent(strange: Array) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="'odd' does not consist of numbers"):
        send(ours, Message(arrays={"odd": strange}))


class Lane:
    """Lends in one direction."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.outbox, self.inbox = Outbox(), Inbox()

    def passed(self, arrays: Mapping[str, Any]) -> Mapping[str, Array]:
        send(self.ours, Message(arrays=arrays), self.outbox)
        found = receive(self.theirs, 1 << 26, inbox=self.inbox)
        assert found is not None
        return found.arrays


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane()
    with made.ours, made.theirs:
        yield made


@given(st.lists(st.dictionaries(st.text(), arrays, max_size=4), max_size=6))
def test_what_is_lent_is_received_whatever_came_before(messages: list[dict[str, Array]]) -> None:
    lane = Lane()
    with lane.ours, lane.theirs:
        for given in messages:
            found = lane.passed(given)
            assert list(found) == list(given)
            for name, value in given.items():
                check_same(found[name], value)


def test_what_is_lent_lies_in_the_same_memory_as_what_was_lent_before(lane: Lane) -> None:
    first = lane.passed({"x": np.zeros(LARGE, np.float32)})["x"]
    second = lane.passed({"x": np.ones(LARGE, np.float32)})["x"]
    assert first.ctypes.data == second.ctypes.data
    assert first.min() == 1
    with pytest.raises(ValueError, match="read-only"):
        second[...] = 0


def test_a_larger_message_leaves_what_was_lent_before_as_it_was(lane: Lane) -> None:
    before = lane.passed({"x": np.full(3, 7)})["x"]
    check_same(lane.passed({"x": np.ones(3 << 20)})["x"], np.ones(3 << 20))
    check_same(before, np.full(3, 7))


@pytest.mark.parametrize("extents", [(2, 2), (3, 5)])
def test_the_same_names_in_another_order_are_lent_under_their_own(lane: Lane, extents: tuple[int, int]) -> None:
    values = {
        name: np.full(extent, extent + number) for number, (name, extent) in enumerate(zip("xy", extents, strict=True))
    }
    for names in ("xy", "yx"):
        found = lane.passed({name: values[name] for name in names})
        for name in names:
            check_same(found[name], values[name])


def test_several_arrays_of_one_form_are_lent_as_one(lane: Lane) -> None:
    for start in (0, 10):
        parts = [np.array([start, 1], np.int8), np.array([2, 3], np.int8)]
        check_same(lane.passed({"x": parts})["x"], np.array([[start, 1], [2, 3]], np.int8))


def test_several_numbers_without_axes_are_lent_as_one_array(lane: Lane) -> None:
    check_same(lane.passed({"x": [np.array(1), np.array(2)]})["x"], np.array([1, 2]))


def test_what_is_no_number_is_not_lent(lane: Lane) -> None:
    with pytest.raises(ValueError, match="'odd' does not consist of numbers"):
        lane.passed({"odd": np.array(["text"])})


class Hostile:
    """The other side, which writes what it likes."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()

    def write(self, header: object, *descriptors: int, files: int | None = None, behind: bytes = b"") -> None:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        content = PREFIX.pack(len(text), len(behind), len(descriptors) if files is None else files) + text + behind
        written = socket.send_fds(self.theirs, [content], descriptors) if descriptors else 0
        self.theirs.sendall(content[written:])


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """Leaves no descriptor open on this side."""
    before = open_descriptors()
    other = Hostile()
    yield other
    other.ours.close()
    other.theirs.close()
    assert open_descriptors() == before


@contextmanager
def memory(content: bytes, *, sealed: bool) -> Iterator[int]:
    descriptor = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, content)
    if sealed:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    yield descriptor
    os.close(descriptor)


def of_one(*spelled: object) -> dict[str, object]:
    """A header that tells of one array: name, dtype, shape, file, offset."""
    return {"facts": {}, "arrays": [spelled]}


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"3",
        {"arrays": []},
        {"facts": 3, "arrays": []},
        {"facts": {}, "arrays": 3},
        of_one("x"),
        of_one("x", "|O", [1], -1, 0),
        of_one("x", "<U1", [1], -1, 0),
        of_one("x", "|V4", [1], -1, 0),
        of_one("x", [["a", "<f4"]], [1], -1, 0),
        of_one("x", "no", [1], -1, 0),
        of_one("x", "<f4", [-1], -1, 0),
        of_one("x", "<f4", [1 << 62], -1, 0),
        of_one("x", "<f4", [0, 1 << 70], -1, 0),
        of_one("x", "<f4", [float("inf")], -1, 0),
        of_one("x", "<f4", ["a"], -1, 0),
        of_one("x", "<f4", [1] * 100, -1, 0),
        of_one("x", "<f4", [1], -1, -4),
        of_one("x", "<f4", [1], -1, 8),
        of_one("x", "<f4", [1], -1, 1 << 70),
        of_one("x", "<f4", [1], 0, 0),
        of_one("x", "<f4", [3], -1, 0),
    ],
)
def test_a_damaged_header_is_refused(hostile: Hostile, header: object) -> None:
    hostile.write(header, behind=bytes(8))
    with pytest.raises(ValueError, match=r"."):
        receive(hostile.ours, 1 << 20)


@pytest.mark.parametrize("prefix", [PREFIX.pack(1 << 40, 0, 0), PREFIX.pack(2, 1 << 40, 0), b"\xff" * PREFIX.size])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(hostile: Hostile, prefix: bytes) -> None:
    hostile.theirs.sendall(prefix)
    with pytest.raises(ValueError, match="larger than 1024 bytes"):
        receive(hostile.ours, 1024)


def test_many_arrays_over_few_bytes_count_as_what_they_show(hostile: Hostile) -> None:
    with memory(bytes(64), sealed=True) as file:
        hostile.write({"facts": {}, "arrays": [[str(i), "<f8", [8], 0, 0] for i in range(100)]}, file)
    with pytest.raises(ValueError, match="its arrays are larger than 1024 bytes"):
        receive(hostile.ours, 1024)


def test_a_file_that_may_still_change_is_copied(hostile: Hostile) -> None:
    with memory(b"\1\2\3\4", sealed=False) as file:
        hostile.write(of_one("x", "|u1", [4], 0, 0), file)
        found = receive(hostile.ours, 1024)
        os.pwrite(file, b"\xff" * 4, 0)
        os.ftruncate(file, 0)
    assert found is not None
    assert found.arrays["x"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_file_that_is_shorter_than_said_is_refused(hostile: Hostile, sealed: bool) -> None:
    with memory(bytes(7), sealed=sealed) as file:
        hostile.write(of_one("x", "<f4", [2], 0, 0), file)
    with pytest.raises(ValueError, match="smaller than requested"):
        receive(hostile.ours, 1024)


def test_a_file_that_would_fill_the_memory_is_not_copied(hostile: Hostile) -> None:
    with memory(b"", sealed=False) as file:
        os.ftruncate(file, 1 << 42)
        hostile.write(of_one("x", "<f4", [2], 0, 0), file)
    with pytest.raises(ValueError, match="one of its files is larger than 1024 bytes"):
        receive(hostile.ours, 1024)


@pytest.mark.parametrize(("sent", "said"), [(0, 1), (2, 1), (2, 3), (0, 65535)])
def test_another_number_of_files_than_said_is_refused(hostile: Hostile, sent: int, said: int) -> None:
    with memory(bytes(8), sealed=True) as file:
        hostile.write(of_one("x", "<f4", [2], 0, 0), *[file] * sent, files=said)
    with pytest.raises(ValueError, match="files"):
        receive(hostile.ours, 1024)


def test_what_is_no_file_is_refused(hostile: Hostile, tmp_path: Path) -> None:
    pipe = os.pipe()
    for descriptor in (*pipe, os.open(tmp_path, os.O_RDONLY)):
        hostile.write(of_one("x", "<f4", [2], 0, 0), descriptor)
        os.close(descriptor)
        with pytest.raises(ValueError, match=r"cannot be read|larger than"):
            receive(hostile.ours, 1024)


@pytest.mark.parametrize("size", [2, LARGE])
def test_a_message_that_breaks_off_at_any_length_is_none(size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, Message(facts={"a": 1}, arrays={"x": np.arange(size, dtype=np.uint8)}))
        whole, descriptors, _, _ = socket.recv_fds(theirs, 1 << 20, 4)
        whole += theirs.recv(1 << 20) if descriptors else b""
    for length in range(len(whole)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if length and descriptors:
                socket.send_fds(ours, [whole[:length]], descriptors)
            else:
                ours.sendall(whole[:length])
            ours.close()
            assert receive(theirs, 1 << 20) is None
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("started", [b"", b"123", PREFIX.pack(10, 0, 0) + b"12345"])
def test_what_does_not_come_in_time_is_an_error(hostile: Hostile, started: bytes) -> None:
    hostile.theirs.sendall(started)
    with pytest.raises(TimeoutError):
        receive(hostile.ours, 1024, 0.01)


OUTBOX = 0xFFFF  # in the place of the number of files


@pytest.mark.parametrize("sealed", [0, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL])
def test_an_outbox_that_may_become_shorter_is_refused(hostile: Hostile, sealed: int) -> None:
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 4096)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, sealed)
    hostile.write(of_one("x", "<f4", [4], -2, 0), descriptor, files=OUTBOX)
    os.close(descriptor)
    with pytest.raises(ValueError, match="may not be used"):
        receive(hostile.ours, 1 << 20, inbox=Inbox())


def test_lending_is_refused_by_whoever_asked_for_arrays_of_their_own(hostile: Hostile) -> None:
    hostile.write(of_one("x", "<f4", [4], -2, 0))
    with pytest.raises(ValueError, match="buffer"):
        receive(hostile.ours, 1 << 20)


def test_what_lies_beyond_the_end_of_an_outbox_is_refused(hostile: Hostile) -> None:
    hostile.write(of_one("x", "<f4", [4], -2, 1 << 40))
    with pytest.raises(ValueError, match="buffer"):
        receive(hostile.ours, 1 << 20, inbox=Inbox())


def test_a_message_as_bytes_is_read_as_it_was() -> None:
    message = Message(facts={"a": [1, "ü"]}, arrays={"x": np.arange(6).reshape(2, 3).T, "/": np.zeros((0, 2), bool)})
    found = unpacked(packed(message))
    assert found.facts == message.facts
    assert list(found.arrays) == ["x", "/"]
    for name, values in message.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)
        assert found.arrays[name].dtype == values.dtype
        assert not values.size or not found.arrays[name].flags.writeable


@given(st.integers(0, 200), st.integers(0, 255))
def test_changed_bytes_of_a_message_are_a_message_or_refused(place: int, byte: int) -> None:
    content = bytearray(packed(Message(facts={"a": 1}, arrays={"x": np.arange(5, dtype=np.int16)})))
    content[place % len(content)] = byte
    for changed in (bytes(content), bytes(content[:place])):
        with suppress(ValueError):
            unpacked(changed)
