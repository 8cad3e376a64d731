"""A flatbuffers builder that works in a file of its own, so that the weights that go through it take no memory."""

from __future__ import annotations

import mmap
import os
import tempfile

import flatbuffers

from dlpuconv.plugin.data import rest, watch

_SMALLEST = 1 << 16
_LARGE = 1 << 20


class ScratchBuilder(flatbuffers.Builder):  # type: ignore[misc] # the library is untyped
    """The library's builder, whose buffer is a mapped file, where it is large: memory would be doubled and copied."""

    def __init__(self, expected: int) -> None:
        """Make room.

        Args:
            expected: bytes; where there are more, memory is taken after all.

        Raises:
            OSError: the folder for temporary files has no such room.
        """
        super().__init__(0)
        size = max(expected, _SMALLEST)
        self.head = size
        if size < _LARGE:  # a file would cost more than the memory: single operators are encoded by the thousand
            self.Bytes: bytearray | mmap.mmap = bytearray(size)
            return
        with tempfile.TemporaryFile(prefix="dlpuconv-") as file:
            os.posix_fallocate(file.fileno(), 0, size)  # a write to a mapped page that has no room ends the process
            mapped = mmap.mmap(file.fileno(), size)
        watch(mapped)
        self.Bytes = mapped

    def place(self, content: memoryview) -> None:
        """Put bytes in front of what there is; the builder has made sure of the room."""
        self.head -= len(content)
        self.Bytes[self.head : self.head + len(content)] = content
        if len(content) >= _LARGE:
            rest()  # it is in the file, and neither its pages there nor those that it came from are needed

    def whole(self) -> memoryview:
        """The file that was built; it is there as long as this is."""
        return memoryview(self.Bytes)[self.head :]
