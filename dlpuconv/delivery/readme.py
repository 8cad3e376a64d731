"""The README beside a file: for whoever has the file, and may have nothing else."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.contract import python_snippet
from dlpuconv.contract.c_activation import softmax_axis
from dlpuconv.contract.description import affine_of
from dlpuconv.contract.words import gives, part_of, resized, shaped, takes
from dlpuconv.formats.kinds import kind_of
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.contract import Contract
    from dlpuconv.delivery.division import DividedNetwork
    from dlpuconv.plugin import Target

_DESCRIBED = {
    ".recipe.toml": "the recipe by which it was quantized; `dlpuconv convert --recipe` repeats it",
    ".model_params.h": "for C: sizes of the buffers, and functions that convert between pixels, real values and codes",
    ".bom.json": "the bill of materials (CycloneDX): source, samples and recipe, and the versions of the tools",
    ".json": "the manifest: these facts for programs, with the source's hash, the options and the verification report",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a README tells of.

    Attributes:
        name: of the file.
        stem: of the files beside it.
        made_from: name of the source model.
        target: the chip.
        contract: how to feed and read it.
        runs_on_camera: name of the file that the camera loads: its own, or what the chip's compiler makes of it.
        compile_with: the command that makes it; empty where that is done, or where there is no such compiler.
        beside: names of the files beside it, the manifest's among them.
        failed: why it failed verification; empty where it passed.
        divided: the parts of the network, of which the file is the chip's; None where it is all of it.
    """

    name: str
    stem: str
    made_from: str
    target: Target
    contract: Contract
    runs_on_camera: str
    compile_with: str
    beside: Collection[str]
    failed: tuple[str, ...]
    divided: DividedNetwork | None = None


def make_readme(about: About) -> str:
    """Markdown; same facts, same text."""
    from importlib import resources

    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"plain": _plain, "shaped": shaped, "quoted": repr, "sh": shlex.quote}
    text = (resources.files(__package__) / "templates" / "README.md.j2").read_text("utf-8")
    contract = about.contract
    return environment.from_string(text).render(
        about=about,
        contract=contract,
        division=about.divided.record if about.divided else None,
        takes=takes,
        resized=resized,
        gives=gives,
        part_of=part_of,
        softmax_axis=softmax_axis,
        whole=_beyond(about),
        affine_of=affine_of,
        has_functions=any(feed.pixel_offset is not None or affine_of(feed.port) for feed in contract.inputs)
        or any(map(affine_of, contract.outputs)),
        python=python_snippet(about.name, contract, kind_of(about.name)).rstrip(),
        run_once=about.target.run_on_camera.format(file=about.runs_on_camera, device=about.target.device),
        reference=f"{about.stem}.reference.npz",
        header=f"{about.stem}.model_params.h",
        described={name: _description(about, name) for name in (about.name, *sorted(about.beside))},
    )


def _beyond(about: About) -> str:
    """The first output of the source model that is made of the file's outputs by others; empty where none is."""
    if about.divided is not None and (record := about.divided.record).tail is not None:
        return record.outputs[0].name
    return next((port.source_name for port in about.contract.outputs if port.activation), "")


def _description(about: About, name: str) -> str:
    if name == about.name:
        return "the network"
    if name == about.runs_on_camera:
        return "the same, compiled for the chip: what the camera loads"
    if name == f"{about.stem}.reference.npz":
        return f"a few inputs, and {kind_of(about.name).answers}"
    if about.divided is not None and name in about.divided.record.files:
        return "what the camera's CPU runs, see above"
    return next((told for suffix, told in _DESCRIBED.items() if name == about.stem + suffix), "")


def _plain(text: str) -> str:
    """Names come from strangers' files: nothing in them may end the code that they stand in, or the table's cell."""
    return printable(text).replace("`", "'").replace("|", "/")
