"""A lease where there are no locks: a file that its owner renews, and that others take over when nobody does.

Clocks of two machines are never compared: whoever waits looks whether the file changes, by a clock of its own. A lease
is taken over by putting the one of the next number, if absent; that decides who does, and no living owner's is removed.
An owner that is merely slow works on beside its successor: what they make is put if absent as well.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from dlpuconv.batches.store.shelf import Shelf

_MOST = 1 << 12  # bytes of a lease
_BEATS = 4  # in the time after which an owner counts as dead
_LOOKS = 20  # likewise, of one who waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an owner that gives no sign of life counts as living.

    Attributes:
        seconds: so long.
        now: a clock, in seconds.
        pause: waits for some seconds.
    """

    seconds: float = 30.0
    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


class RenewedLease:
    """Holds a name for as long as its `with` block lasts.

    Args:
        shelf: where the lease lies.
        name: of its file, to which a number is added.
        arrived: whether there is nothing to wait for any more.
        patience: with whoever holds it.
    """

    def __init__(self, shelf: Shelf, name: str, arrived: Callable[[], bool], patience: Patience) -> None:
        self._shelf = shelf
        self._name = name
        self._arrived = arrived
        self._patience = patience
        self._number: int | None = None
        self._done = Event()
        self._owner = f"{socket.gethostname()} {os.urandom(8).hex()}"
        self._heart = Thread(target=self._beat, name="dlpuconv-lease", daemon=True)

    def __enter__(self) -> None:
        """Wait until the lease is taken.

        Raises:
            OSError: the store cannot be reached.
        """
        self._number = self._taken()
        if self._number is not None:
            self._heart.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Release the lease, and those of dead owners from which it was taken over."""
        if self._number is None:
            return
        self._done.set()
        self._heart.join()
        for number in range(self._number, -1, -1):  # from the top: nobody finds a free place below one that is held
            with suppress(OSError):  # it will count as dead
                self._shelf.remove(self._file(number))

    def _taken(self) -> int | None:
        """The number of the lease that is ours now; None where there is nothing left to do."""
        number, seen, since = 0, b"", self._patience.now()
        while not self._arrived():
            if self._shelf.put(self._file(number), self._sign(0)):
                return number
            found = self._shelf.read(self._file(number), _MOST)
            now = self._patience.now()
            if found is None:  # let go just now
                number, seen = 0, b""
            elif found != seen:
                seen, since = found, now
            elif now - since >= self._patience.seconds:
                number, seen = number + 1, b""
            else:
                self._patience.pause(self._patience.seconds / _LOOKS)
        return None

    def _beat(self) -> None:
        assert self._number is not None
        count = 0
        while not self._done.wait(self._patience.seconds / _BEATS):
            count += 1
            with suppress(OSError):  # the next one may be possible
                self._shelf.replace(self._file(self._number), self._sign(count))

    def _file(self, number: int) -> str:
        return f"{self._name}.{number}"

    def _sign(self, count: int) -> bytes:
        return json.dumps({"owner": self._owner, "sign_of_life": count}).encode()
