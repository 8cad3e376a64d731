"""Records as Parquet, which data frames open with the types of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.batches.results.columns import columns, rows
from dlpuconv.errors import MissingDependencyError
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.batches.record import JobRecord


def demand_parquet() -> None:
    """Before long work whose result it will write.

    Raises:
        MissingDependencyError: the library is not installed.
    """
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise MissingDependencyError("pyarrow", "parquet", "--parquet")


def to_parquet(records: Sequence[JobRecord]) -> bytes:
    """One row a record, with the columns of the CSV.

    Raises:
        MissingDependencyError: the library is not installed.
    """
    demand_parquet()
    import pyarrow as pa
    import pyarrow.parquet as pq

    shown = columns(records)
    types: dict[type, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    values = list(zip(*rows(records, shown), strict=True)) or [() for _ in shown]
    table = pa.table(
        [pa.array(printable(found), types[column.kind]) for column, found in zip(shown, values, strict=True)],
        names=[column.title for column in shown],
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # which has no types
