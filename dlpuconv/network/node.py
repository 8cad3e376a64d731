"""What runs in a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.network.layer import Layer
    from dlpuconv.network.meaning import Meaning
    from dlpuconv.network.value import Value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node:
    """One operator.

    Attributes:
        kind: what the format calls it, for people.
        inputs: None stands for an absent optional one.
        outputs: at least one.
        meaning: what quantization must know of it.
        layer: weights and bias, where it has any.
        source_name: ONNX node, as far as lowering told; empty if unknown.
        aliases: other names that people may find its first output under, in the file that is made of the network.
        handle: the adapter's own.
    """

    kind: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    meaning: Meaning
    layer: Layer | None = None
    source_name: str = ""
    aliases: tuple[str, ...] = ()
    handle: object = None

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def input(self, index: int) -> Value:
        """The input at this position, which must be there.

        Raises:
            IndexError: it is absent.
        """
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise IndexError(f"{self.kind} has no input {index}")
        return value

    @property
    def data_inputs(self) -> list[tuple[int, Value]]:
        """The inputs that get a scale and are neither weights nor bias, with their positions."""
        aside = {self.layer.weights_at, self.layer.bias_at} if self.layer else set()
        return [(i, v) for i, v in enumerate(self.inputs) if v is not None and v.is_data and i not in aside]

    @property
    def data_activations(self) -> list[Value]:
        """What it reads that gets a scale and is computed."""
        return [v for _, v in self.data_inputs if not v.is_constant]

    @property
    def data_outputs(self) -> list[Value]:
        """The outputs that get a scale."""
        return [v for v in self.outputs if v.is_data]

    @property
    def clip(self) -> float | None:
        """The largest magnitude that its outputs can have because something cuts them off; None where nothing does."""
        return self.meaning.clip if self.layer is None else self.layer.activation.clip

    @property
    def activations(self) -> list[Value]:
        """What it reads that is no constant, each once, indices and conditions too."""
        return list(dict.fromkeys(v for v in self.inputs if v is not None and not v.is_constant))
