"""Dask: a cluster that runs already, or one of this machine's for the time of the batch."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.engines.engine import Engine
from dlpuconv.batches.engines.local import processors
from dlpuconv.errors import BackendError, MissingDependencyError
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 30
_ANY_PORT = "127.0.0.1:0"  # without an address, the scheduler's page is there all the same, for whoever reaches 8787


@contextmanager
def cluster_engine(address: str, workers: int | None = None) -> Iterator[Engine]:
    """The engine of a scheduler.

    Args:
        address: `host:port`, as distributed has it; empty for a cluster on this machine.
        workers: of a cluster on this machine, or the most jobs at a time on one that runs already.

    Raises:
        MissingDependencyError: distributed is not installed.
        BackendError: nobody answers at that address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise MissingDependencyError("distributed", "dask", "--executor dask") from None
    with ExitStack() as stack:
        if not address:
            cluster = LocalCluster(
                n_workers=workers or processors(), threads_per_worker=1, dashboard_address=_ANY_PORT, silence_logs=50
            )
            stack.callback(cluster.close)
            client = Client(cluster)
        else:
            client = _client(Client, address)
        stack.callback(_close, client)
        threads = sum(client.nthreads().values())
        name = f"the Dask scheduler at {client.scheduler.address}" if address else "a Dask cluster of this machine"
        yield Engine(
            name=name,
            executor=client.get_executor(pure=False),
            slots=(workers if address else None) or max(threads, 1),
            limit=workers if address else None,
            distant=bool(address),
            alive=lambda: client.status == "running",
        )


def _client(kind: Any, address: str) -> Any:
    try:
        return kind(f"tcp://{address}" if "://" not in address else address, timeout=_PATIENCE_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise BackendError(
            f"no Dask scheduler answers at {address}: {first_line(error)}", id="executor-unreachable"
        ) from error


def _close(client: Any) -> None:
    """Without waiting for a scheduler that has gone."""
    with suppress(Exception):
        client.close(timeout=2)
