"""The table of inputs and outputs: every end of a contract in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.contract.description import affine_of, layout
from dlpuconv.contract.words import gives, logits, places_of, resized, takes
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
        order, affine = layout(port), port.quantization
        yield PortRow(
            kind=kind if len(ports) == 1 else f"{kind} {position}",
            name=port.name_in_file,
            stands_for=_stands_for(port) if contract.known else "",
            shape=shape(port.shape) if order is Layout.PLAIN else f"{shape(port.shape)} {order.upper()}",
            dtype=port.dtype,
            scale=number(affine.scale, 9) if affine else "",
            zero_point=str(affine.zero_point).replace("-", MINUS) if affine else "",
            real=_real(port),
            meaning=meaning,
        )


def _stands_for(port: Port) -> str:
    whole = f"{'logits of ' if port.activation else ''}{port.source_name}, {shape(port.source_shape)}"
    return f"{whole}: {places_of(port.part)}" if port.part else whole


def _real(port: Port) -> str:
    if (affine := affine_of(port)) is None:
        return ""
    limits = np.iinfo(port.dtype)
    return f"{number(affine.real(limits.min))} to {number(affine.real(limits.max))}"


def _takes(feed: Feed, contract: Contract) -> str:
    return ". ".join(filter(None, (f"takes {takes(feed, contract)}", resized(feed).removesuffix("."))))


def _gives(port: Port) -> str:
    if (affine := affine_of(port)) is None:
        return f"gives {gives(port)}"
    return f"real = {_offset(affine.zero_point)} {TIMES} {number(affine.scale, 9)}{logits(port)}"


def _offset(zero_point: int) -> str:
    if not zero_point:
        return "q"
    return f"(q {MINUS} {zero_point})" if zero_point > 0 else f"(q + {-zero_point})"
