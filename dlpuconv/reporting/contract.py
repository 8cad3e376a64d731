"""The contract of inputs and outputs: what an application gives a file, and what it makes of the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.formats.names import port_names
from dlpuconv.ir import InputBinding
from dlpuconv.plugin import Port
from dlpuconv.reporting.page import PortRow
from dlpuconv.reporting.wording import MINUS, TIMES, number, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlpuconv.formats import FileView, TensorView
    from dlpuconv.verification.sidecar import Sidecar

_ORDERS: dict[tuple[int, ...], str] = {(0, 2, 3, 1): "NHWC", (0, 1, 2, 3): "NCHW"}
_IMAGE_CHANNELS = (1, 3, 4)
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
"""Types of ends that have codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Both ends of a file, in the file's own order.

    Attributes:
        inputs: with their numbers.
        outputs: likewise.
        bindings: by input name, how source values become the file's; empty where nothing is known of a source.
        known: True where a manifest tells what the ends are of the source model.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bindings: Mapping[str, InputBinding]
    known: bool

    def binding(self, port: Port) -> InputBinding:
        """How source values become this input's."""
        return self.bindings.get(port.name) or InputBinding(name=port.name)


def contract_of(view: FileView, sidecar: Sidecar | None) -> Contract:
    """What the file declares, and what a manifest tells of the source; a manifest of other ends tells nothing."""
    declared = [_declared(view, indices) for indices in (view.inputs, view.outputs)]
    if sidecar is not None:
        said = [{port.name_in_file: port for port in ports} for ports in (sidecar.inputs, sidecar.outputs)]
        if all(set(told) == {port.name for port in ports} for told, ports in zip(said, declared, strict=True)):
            inputs, outputs = (
                tuple(_known(port, told[port.name]) for port in ports)
                for told, ports in zip(said, declared, strict=True)
            )
            return Contract(inputs=inputs, outputs=outputs, bindings=sidecar.bindings, known=True)
    return Contract(inputs=declared[0], outputs=declared[1], bindings={}, known=False)


def port_rows(contract: Contract) -> tuple[PortRow, ...]:
    """Every input and output in words."""
    return (*_rows(contract, contract.inputs, "input"), *_rows(contract, contract.outputs, "output"))


def takes(port: Port, contract: Contract) -> str:
    """What goes into an input, in a sentence without a full stop."""
    binding = contract.binding(port)
    if binding.raw_pixels:
        return f"raw pixels 0 to 255{_colours(port)}, as the camera delivers them"
    if not contract.known:
        return "the network's own values: see how it was trained"
    return f"values preprocessed as for the source model{_changed(binding)}"


def layout(port: Port) -> str:
    """`NHWC`, `NCHW`, or empty where an order has no name."""
    if len(port.shape) != 4:
        return ""
    if port.shape[-1] in _IMAGE_CHANNELS and port.shape[1] not in _IMAGE_CHANNELS:
        return "NHWC"
    return _ORDERS.get(port.permutation, "") if port.source_shape != port.shape else ""


def _rows(contract: Contract, ports: Sequence[Port], kind: str) -> Iterator[PortRow]:
    for position, port in enumerate(ports):
        yield PortRow(
            kind=kind if len(ports) == 1 else f"{kind} {position}",
            name=port.name_in_file,
            stands_for=_stands_for(port) if contract.known else "",
            shape=" ".join(filter(None, (shape(port.shape), layout(port)))),
            dtype=port.dtype,
            scale="" if port.scale is None else number(port.scale, 9),
            zero_point="" if port.zero_point is None else str(port.zero_point).replace("-", MINUS),
            real=_real(port),
            meaning=_meaning(port, contract, kind),
        )


def _stands_for(port: Port) -> str:
    whole = f"{port.source_name}, {shape(port.source_shape)}"
    part = port.part
    return whole if part is None else f"{whole}: {part.start} to {part.stop - 1} on axis {part.axis}"


def _real(port: Port) -> str:
    if port.scale is None or port.zero_point is None or port.dtype not in INTEGERS:
        return ""
    limits = np.iinfo(port.dtype)
    low, high = (port.scale * (code - port.zero_point) for code in (limits.min, limits.max))
    return f"{number(low)} to {number(high)}"


def _meaning(port: Port, contract: Contract, kind: str) -> str:
    if kind == "input":
        return f"takes {takes(port, contract)}"
    if port.scale is None:
        return "gives real values" if port.dtype.startswith("float") else "gives whole numbers as they are"
    return f"real = {_offset(port.zero_point or 0)} {TIMES} {number(port.scale, 9)}"


def _offset(zero_point: int) -> str:
    if not zero_point:
        return "q"
    return f"(q {MINUS} {zero_point})" if zero_point > 0 else f"(q + {-zero_point})"


def _changed(binding: InputBinding) -> str:
    """What happens to source values on their way into the file, where anything does."""
    steps = []
    if binding.order:
        steps.append(f"channels in the order {', '.join(map(str, binding.order))}")
    if binding.multiplier != (1.0,):
        steps.append(f"times {', '.join(f'{value:.9g}' for value in binding.multiplier)}")
    if binding.offset != (0.0,):
        steps.append(f"plus {', '.join(f'{value:.9g}' for value in binding.offset)}")
    return "".join(f", {step}" for step in steps)


def _colours(port: Port) -> str:
    """A camera delivers RGB; for a network that wants BGR, the order was folded into its first layer."""
    channels = port.shape[-1] if layout(port) == "NHWC" else port.shape[1] if len(port.shape) == 4 else 0
    return ", RGB" if channels == 3 else ""


def _declared(view: FileView, indices: Sequence[int]) -> tuple[Port, ...]:
    tensors = [view.tensors[index] for index in indices]
    return tuple(_port(name, tensor) for name, tensor in zip(port_names(view, indices), tensors, strict=True))


def _known(declared: Port, said: Port) -> Port:
    """What the file declares, with the source's names and axes as far as they make sense."""
    fits = sorted(said.permutation) == list(range(len(declared.shape)))
    same = math.prod(said.source_shape) == math.prod(declared.shape)
    return replace(
        declared,
        name=said.name,
        file_name=declared.name,
        permutation=said.permutation if fits else declared.permutation,
        source_shape=said.source_shape if same else declared.shape,
        part=said.part,
    )


def _port(name: str, tensor: TensorView) -> Port:
    affine = tensor.quantization
    sound = affine is not None and math.isfinite(affine.scale[0]) and affine.scale[0] > 0
    return Port(
        name=name,
        source_shape=tensor.shape,
        shape=tensor.shape,
        permutation=tuple(range(len(tensor.shape))),
        dtype=tensor.dtype,
        scale=affine.scale[0] if affine is not None and sound else None,
        zero_point=affine.zero_point[0] if affine is not None and sound else None,
    )
