"""What stands in a package for Ambarella's compiler beside model and data: script, configuration, README, facts."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpuconv.plugin.package import FEWEST_SAMPLES, IN_WORDS, ReferenceOrigin, Resize, Texts
from dlpuconv_targets.cv25 import syntax

if TYPE_CHECKING:
    from dlpuconv.plugin import Json
    from dlpuconv.plugin.package import Contents, PackageInput

_ORIGINS: dict[ReferenceOrigin, str] = {
    ReferenceOrigin.CALIBRATION: "the first calibration samples",
    ReferenceOrigin.VALIDATION: "of the data for validation",
    ReferenceOrigin.MADE_UP: "synthetic, since no data were given",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CvflowPackager:
    """Writes the texts; see `dlpuconv.plugin.package.Packager`.

    Attributes:
        chip: in the names of files.
        title: for people.
        device: the larod device.
        environment: the tools' own file with the environment for this chip.
        note: what is known of this chip's compiler and of no other's.
        feeding: how an application makes the input of what the camera sees.
    """

    chip: str
    title: str
    device: str
    environment: str
    note: str
    feeding: str

    @property
    def script(self) -> str:
        """Name of the script that compiles."""
        return f"compile_{self.chip}.sh"

    def __call__(self, contents: Contents) -> Texts:
        """The texts about a package."""
        words = {
            "chip": self,
            "contents": contents,
            "syntax": syntax,
            "by_images": _by_images(contents),
            "padded": [given for given in contents.inputs if len(set(syntax.pitch(given))) > 1],
            "compiled": f"{contents.network}.{self.chip}.bin",
            "compiled_fx16": f"{contents.network}.{self.chip}.fx16.bin",
            "alike": _alike(contents),
            "fewest": FEWEST_SAMPLES,
            "few": 0 < contents.samples < FEWEST_SAMPLES,
            "origins": _ORIGINS,
            "resized": IN_WORDS[Resize(contents.resize)] if contents.resize else "",
        }
        return Texts(
            files={
                self.script: _rendered("compile.sh.j2", words),
                "README.md": _rendered("README.md.j2", words),
                "amba_config.json": _as_json({"inputs": {given.name: _configured(given) for given in contents.inputs}}),
            },
            facts=self._facts(contents),
        )

    def _facts(self, contents: Contents) -> dict[str, Json]:
        return {
            "script": self.script,
            "network": contents.network,
            "samples": contents.samples,
            "inputs": [_input_facts(given) for given in contents.inputs],
            "outputs": [
                {"name": output.name, "shape": list(output.shape), "dtype": "float32", "odst": syntax.odst(output)}
                for output in contents.outputs
            ],
        }


def _alike(contents: Contents) -> list[list[PackageInput]]:
    """Inputs of pixels; together those of which the same can be said."""
    found: dict[tuple[object, ...], list[PackageInput]] = {}
    for given in contents.inputs:
        if given.is_pixels:
            found.setdefault((given.mean, given.std, given.raw_pixels, given.color), []).append(given)
    return list(found.values())


def _by_images(contents: Contents) -> PackageInput | None:
    """The input that `gen_image_list.py` can make calibration files for: the only one, RGB."""
    only = contents.inputs[0] if len(contents.inputs) == 1 else None
    return only if only is not None and only.is_pixels and only.color == "RGB" and only.shape[0] == 1 else None


def _input_facts(given: PackageInput) -> dict[str, Json]:
    row, pitch = syntax.pitch(given)
    return {
        "name": given.name,
        "shape": list(given.shape),
        "layout": "NCHW" if given.is_pixels else None,
        "color": given.color or None,
        "dtype": given.encoding.value,
        "raw_pixels": given.raw_pixels,
        "row_bytes": row,
        "row_pitch": pitch,
        "rows_aligned": row == pitch,
        "list": given.list or None,
        "images": given.images or None,
        "isrc": syntax.isrc(given, given.list or "LIST"),
        "source_model": _source_model(given) if given.mean else None,
    }


def _source_model(given: PackageInput) -> Json:
    """What the tools would have to be told of the source model itself: for this one it is inside."""
    order = given.order or tuple(range(len(given.mean)))
    planes = sorted(range(len(order)), key=order.__getitem__)
    return {
        "color": "BGR" if given.order and given.color == "RGB" else given.color or None,
        "im": syntax.numbers(given.mean[plane] for plane in planes),
        "ic": syntax.numbers(given.std[plane] for plane in planes),
        "idf": syntax.idf(given.encoding),
    }


def _configured(given: PackageInput) -> dict[str, Json]:
    """An entry of SageMaker Neo's `amba_config.json`; the model takes the files as they are."""
    found: dict[str, Json] = {
        "shape": syntax.numbers(given.shape),
        "filepath": f"{given.images or given.folder}/" if given.folder else "",
    }
    if given.color in ("RGB", "BGR"):
        found["colorformat"] = given.color
    return {**found, "mean": 0.0, "scale": 1.0}


def _as_json(value: Json) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _rendered(template: str, words: dict[str, Any]) -> bytes:
    from importlib import resources

    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="{##",  # bash counts an array's elements with ${#ARRAY[@]}
    )
    environment.filters["quote"] = shlex.quote
    environment.filters["number"] = syntax.number
    text = (resources.files(__package__) / "templates" / template).read_text("utf-8")
    return environment.from_string(text).render(words).encode()
