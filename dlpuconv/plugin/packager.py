"""What the texts in a package folder for a chip maker's compiler tell.

A backend makes the folder's parts; the target, which alone knows the compiler, writes script and texts about them
(`Packager`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dlpuconv.formats.package_layout import Encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.division.files import RestFile
    from dlpuconv.formats.package_layout import ReferenceOrigin
    from dlpuconv.jsonable import Json

FEWEST_SAMPLES, MOST_SAMPLES = 100, 200
"""What the vendors' guides ask for; compiling takes longer with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageInput:
    """One input of the package's model.

    Attributes:
        name: in the file; letters, digits and `_` only.
        shape: in the file: [1, C, H, W] for an image.
        encoding: of the calibration files and of the reference inputs.
        color: `RGB`, `BGR` or `GRAY` for pixels of 3 or 1 channels; empty for anything else.
        raw_pixels: the model takes 0-255 as a camera delivers them: a stated normalization is inside.
        mean: what the model inside subtracts, in 0-255 units, one a plane; empty where not stated.
        std: what it divides by after that, likewise.
        order: plane of the source model's input that each plane is; empty where they are the same.
        list: file that names the calibration files, one a line; empty without any.
        folder: of the calibration files.
        images: folder of the same samples as PNG files; empty without any.
        computed: the front of a divided network gives it.
    """

    name: str
    shape: tuple[int, ...]
    encoding: Encoding
    color: str = ""
    raw_pixels: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    order: tuple[int, ...] = ()
    list: str = ""
    folder: str = ""
    images: str = ""
    computed: bool = False

    @property
    def is_pixels(self) -> bool:
        """Whether a camera could deliver this input as it is stored."""
        return self.encoding is Encoding.UINT8

    @property
    def width(self) -> int:
        """Numbers in a row: the last extent."""
        return self.shape[-1] if self.shape else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOutput:
    """One output of the package's model: float32."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a backend put into a package, for the texts about it.

    Attributes:
        network: short name of the network; letters, digits and `_` only.
        opset: of the model.
        inputs: in the file's order.
        outputs: in the file's order.
        samples: calibration files of each input.
        resize: how images were brought to the input's size; empty where the samples were arrays.
        reference: inferences in `reference/`.
        origin: of their inputs.
        rests: parts of the network that the camera's CPU runs before and behind the model, which lie beside it.
    """

    network: str
    opset: int
    inputs: tuple[PackageInput, ...]
    outputs: tuple[PackageOutput, ...]
    samples: int
    resize: str
    reference: int
    origin: ReferenceOrigin
    rests: tuple[RestFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a target says of a package.

    Attributes:
        files: script, configuration and README by relative path.
        facts: for the manifest, under `package`.
    """

    files: Mapping[str, bytes]
    facts: Mapping[str, Json] = field(default_factory=dict)


class Packager(Protocol):
    """Writes a package's texts."""

    def __call__(self, contents: Contents) -> Texts:
        """The texts about a package; same contents, same bytes."""
        ...
