"""Short work that must not end half done.

Ctrl-C and other signals interrupt the main thread only, so another one does it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def uninterrupted[T](work: Callable[[], T]) -> T:
    """What `work` returns or raises; it comes to its end even where its caller is interrupted while it waits.

    Python ends no process before its threads have ended, so that what is registered `atexit` finds the work done.

    Args:
        work: short, and without a lock that the caller holds.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the caller is
            errors.append(error)

    thread = threading.Thread(target=run, name="uninterrupted")
    thread.start()
    thread.join()
    for error in errors:
        raise error
    return results[0]
