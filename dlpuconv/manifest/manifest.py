"""The whole of a manifest as one frozen value, its form as JSON, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.errors import ArtifactError
from dlpuconv.ir import Links
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.manifest.division import DivisionRecord
from dlpuconv.manifest.fields import FieldError, Fields
from dlpuconv.manifest.listing import files_in
from dlpuconv.manifest.ports import InputRecord, OutputRecord
from dlpuconv.manifest.sections import ImagesRecord, RecipeRecord, RequestRecord, SamplesRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.manifest.listing import FileRecord

SCHEMA_VERSION, DIVIDED, ACTIVATED = 1, 2, 3
"""Of what is written, of what tells of a division, and of what tells of a final activation: raised where an older
reader would take a field for something else, or miss one, such as that an artifact is not the whole network."""
_MOST_VERSIONS = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that one must know of an artifact. What belongs to others is as they give it in JSON.

    Attributes:
        dlpuconv: version of the program that made it.
        target: the chip that it was made for.
        device: what the chip's runtime calls it.
        backend: what made it.
        request: the options that it was asked for with; None in a manifest that does not say.
        verdict: the verifier's.
        files: all that was delivered.
        source_name: of the model that it was made from.
        source_sha256: of that model.
        samples: what the ranges were taken from.
        images: what the network expects of them; None in a manifest that does not say.
        recipe: what was done to the numbers.
        trials: every recipe that was tried, in order.
        inputs: how to feed it.
        outputs: how to read it.
        division: how the network was divided; None where the artifact is the whole of it.
        layers: names of the file's layers, in its order; empty where they are not told.
        warnings: what the user should know.
        facts: more of it, by whoever made it.
        report: the verifier's.
        versions: of Python and the libraries that made it.
        timings: wall seconds by stage; empty where the manifest must be reproducible to the byte.
        name: of the file that it was read from.
    """

    dlpuconv: str
    target: str
    device: str = ""
    backend: str = ""
    request: RequestRecord | None = None
    verdict: str = ""
    files: tuple[FileRecord, ...] = field(default=(), repr=False)
    source_name: str = ""
    source_sha256: str
    samples: SamplesRecord
    images: ImagesRecord | None = None
    recipe: RecipeRecord
    trials: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    inputs: tuple[InputRecord, ...] = ()
    outputs: tuple[OutputRecord, ...] = ()
    division: DivisionRecord | None = None
    layers: tuple[LayerNames, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    report: Mapping[str, Any] = field(default_factory=dict, repr=False)
    versions: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    name: str = field(default="", compare=False)

    @property
    def links(self) -> Links:
        """How both ends correspond to the source model's."""
        bindings = (record.binding for record in self.inputs if record.binding is not None)
        return Links(
            inputs=tuple(record.port for record in self.inputs),
            outputs=tuple(record.port for record in self.outputs),
            bindings={binding.name: binding for binding in bindings},
        )

    @property
    def _version(self) -> int:
        if any(record.port.activation for record in self.outputs):
            return ACTIVATED
        return DIVIDED if self.division else SCHEMA_VERSION

    def to_bytes(self) -> bytes:
        """The manifest as JSON in UTF-8."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()

    def to_json(self) -> dict[str, Json]:
        """What `manifest.schema.json` describes."""
        found: dict[str, Json] = {
            "schema_version": self._version,
            "dlpuconv": self.dlpuconv,
            "target": self.target,
            "device": self.device,
            "backend": self.backend,
            "request": dict(self.request.content) if self.request else {},
            "verdict": self.verdict,
            "verified": self.verdict == "pass",
            "files": [file.to_json() for file in self.files],
            "source": {"name": self.source_name, "sha256": self.source_sha256},
            "calibration": self.samples.to_json(),
            "preprocessing": self.images.to_json() if self.images else {},
            "recipe": dict(self.recipe.content),
            "trials": [dict(trial) for trial in self.trials],
            "inputs": [record.to_json() for record in self.inputs],
            "outputs": [record.to_json() for record in self.outputs],
            **({"division": self.division.to_json()} if self.division else {}),
            "layers": [_layer_to_json(names) for names in self.layers],
            "warnings": list(self.warnings),
            "facts": dict(self.facts),
            "report": dict(self.report),
            "versions": dict(self.versions),
        }
        if self.timings:
            found["timings_s"] = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
        return found

    @classmethod
    def parse(cls, content: Mapping[str, Any], name: str = "") -> Self:
        """What a manifest says, of this version or an older one, whoever wrote it.

        What only some readers need may be missing, as it was in older ones. What is there is what it should be.

        Args:
            content: the JSON object.
            name: of its file.

        Raises:
            ValueError: it is damaged; which field, and why.
            ArtifactError: a newer version of dlpuconv made it, in a form that this one does not know.
        """
        whole = Fields(content)
        _refuse_newer(whole, name)
        source = whole.inside("source")
        found = cls(
            dlpuconv=whole.text("dlpuconv"),
            target=whole.text("target"),
            device=_text(whole, "device"),
            backend=_text(whole, "backend"),
            request=RequestRecord.parse(whole.inside("request")) if whole.has("request") else None,
            verdict=_text(whole, "verdict"),
            files=tuple(files_in(content)),
            source_name=_text(source, "name"),
            source_sha256=source.text("sha256"),
            samples=SamplesRecord.parse(whole.inside("calibration")),
            images=ImagesRecord.parse(whole.inside("preprocessing")) if whole.has("preprocessing") else None,
            recipe=RecipeRecord.parse(whole.inside("recipe")),
            trials=tuple(trial.content for trial in whole.each("trials")) if whole.has("trials") else (),
            inputs=tuple(map(InputRecord.parse, whole.each("inputs"))),
            outputs=tuple(map(OutputRecord.parse, whole.each("outputs"))),
            division=DivisionRecord.parse(whole.inside("division")) if whole.has("division") else None,
            layers=tuple(map(_layer, whole.each("layers"))) if whole.has("layers") else (),
            warnings=whole.texts("warnings") if whole.has("warnings") else (),
            **{key: whole.inside(key).content for key in ("facts", "report", "versions") if whole.has(key)},
            timings=_timings(whole),
            name=name,
        )
        _demand_ends(found)
        return found


def _demand_ends(manifest: Manifest) -> None:
    """A division tells of the artifact that it lies beside."""
    if (division := manifest.division) is None:
        return
    links = manifest.links
    ends = (
        ("entry", {wire.name for wire in division.entry}, "inputs", links.inputs),
        ("cut", set(division.cut), "outputs", links.outputs),
    )
    for name, told, what, ports in ends:
        if told != {port.source_name for port in ports}:
            raise FieldError(f"division.{name} does not name the {what} of the artifact")


def _refuse_newer(whole: Fields, name: str) -> None:
    version = whole.integer("schema_version", 1, _MOST_VERSIONS)
    if version > ACTIVATED:
        raise ArtifactError(
            f"the manifest {name} is of schema version {version}, which a newer dlpuconv wrote: this one reads versions"
            f" up to {ACTIVATED}",
            id="manifest-too-new",
        )


def _text(entry: Fields, name: str) -> str:
    return entry.text(name) if entry.has(name) else ""


def _timings(whole: Fields) -> dict[str, float]:
    if not whole.has("timings_s"):
        return {}
    found = whole.inside("timings_s")
    return {stage: found.number(stage) for stage in found.content}


def _layer_to_json(names: LayerNames) -> Json:
    """What a layer of the file may be called: the name that it is shown under first."""
    return {
        "name": names.title,
        "tensor": names.tensor,
        "nodes": list(names.nodes),
        "modules": list(names.modules),
        "values": list(names.values),
    }


def _layer(entry: Fields) -> LayerNames:
    return LayerNames(
        title=entry.text("name"),
        tensor=entry.text("tensor"),
        nodes=entry.texts("nodes"),
        modules=entry.texts("modules"),
        values=entry.texts("values"),
    )
