"""What the values of the ONNX graph are called: as the file calls its tensors, made short and unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dlpuconv.formats.view import FileView

DOMAIN: Final = "tflite"
"""Of operators that have no reader: they are in the graph as they are, and refused unless they are cut off."""
REASON: Final = "reason"
"""Attribute of such an operator: why, in words that go on after its name."""

_SERVED: Final = "serving_default_"
_FIRST_OUTPUT: Final = ":0"


class Names:
    """Names that were given so far."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}  # with the last number that was put behind it

    def unique(self, wanted: str) -> str:
        """This name, or with a number behind it where it is taken."""
        name, number = wanted, self._taken.get(wanted, 0)
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken[wanted] = number
        self._taken[name] = self._taken.get(name, 0)
        return name

    def of_tensors(self, view: FileView) -> tuple[str, ...]:
        """A name for each tensor of a file, by what the file calls it; inputs and outputs choose first."""
        order = dict.fromkeys((*view.inputs, *view.outputs, *range(len(view.tensors))))
        names = {index: self.unique(_short(view.tensors[index].name) or f"tensor_{index}") for index in order}
        return tuple(names[index] for index in range(len(view.tensors)))


def _short(name: str) -> str:
    """`a/BiasAdd;a/Conv2D` names all that TensorFlow fused: the first one is what the tensor holds."""
    first = next(filter(None, name.split(";")), "")
    return first.removeprefix(_SERVED).removesuffix(_FIRST_OUTPUT)
