"""The table of inputs and outputs: every end of a contract in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.contract.description import is_quantized, layout
from dlpuconv.contract.words import gives, resized, takes
from dlpuconv.ir import Layout
from dlpuconv.reporting.page import PortRow
from dlpuconv.reporting.wording import MINUS, TIMES, number, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.contract import Contract, Feed
    from dlpuconv.ir import Port


def port_rows(contract: Contract) -> tuple[PortRow, ...]:
    """Every input and output in words."""
    inputs = [(feed.port, _takes(feed, contract)) for feed in contract.inputs]
    outputs = [(port, _gives(port)) for port in contract.outputs]
    return (*_rows(contract, inputs, "input"), *_rows(contract, outputs, "output"))


def _rows(contract: Contract, ports: Sequence[tuple[Port, str]], kind: str) -> Iterator[PortRow]:
    for position, (port, meaning) in enumerate(ports):
        order = layout(port)
        yield PortRow(
            kind=kind if len(ports) == 1 else f"{kind} {position}",
            name=port.name_in_file,
            stands_for=_stands_for(port) if contract.known else "",
            shape=shape(port.shape) if order is Layout.PLAIN else f"{shape(port.shape)} {order.upper()}",
            dtype=port.dtype,
            scale="" if port.scale is None else number(port.scale, 9),
            zero_point="" if port.zero_point is None else str(port.zero_point).replace("-", MINUS),
            real=_real(port),
            meaning=meaning,
        )


def _stands_for(port: Port) -> str:
    whole = f"{port.source_name}, {shape(port.source_shape)}"
    part = port.part
    return whole if part is None else f"{whole}: {part.start} to {part.stop - 1} on axis {part.axis}"


def _real(port: Port) -> str:
    if not is_quantized(port):
        return ""
    limits = np.iinfo(port.dtype)
    low, high = ((port.scale or 0.0) * (code - (port.zero_point or 0)) for code in (limits.min, limits.max))
    return f"{number(low)} to {number(high)}"


def _takes(feed: Feed, contract: Contract) -> str:
    return ". ".join(filter(None, (f"takes {takes(feed, contract)}", resized(feed).removesuffix("."))))


def _gives(port: Port) -> str:
    if not is_quantized(port):
        return f"gives {gives(port)}"
    return f"real = {_offset(port.zero_point or 0)} {TIMES} {number(port.scale or 0.0, 9)}"


def _offset(zero_point: int) -> str:
    if not zero_point:
        return "q"
    return f"(q {MINUS} {zero_point})" if zero_point > 0 else f"(q + {-zero_point})"
