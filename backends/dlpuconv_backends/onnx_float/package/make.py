"""Puts the parts of a package together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.plugin import BackendError
from dlpuconv.plugin.data import Color, ContentStore, PixelSamples, Silent, open_calibration, sha256_of
from dlpuconv.plugin.package import MODEL, SUMS, Contents, Encoding, PackageInput, PackageOutput, ReferenceOrigin
from dlpuconv_backends.onnx_float.interface import plain
from dlpuconv_backends.onnx_float.package.calibration import Calibrated, write_calibration
from dlpuconv_backends.onnx_float.package.reference import SAMPLES, write_reference
from dlpuconv_backends.onnx_float.package.samples import Chosen, choose_encodings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.plugin import Job, Json, Port
    from dlpuconv.plugin.data import Content, Samples, StoredFile
    from dlpuconv.plugin.package import Packager
    from dlpuconv_backends.onnx_float.backend import FloatModel

_NAME = 22  # characters: the longest name of a network that public scripts for this compiler allow
_COLORS = {1: "GRAY", 3: "RGB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A finished folder.

    Attributes:
        files: small ones by relative path.
        stored: the model and calibration files.
        warnings: what the user should know.
        facts: for the manifest.
    """

    files: dict[str, bytes]
    stored: dict[str, StoredFile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


def make_package(model: FloatModel, job: Job, packager: Packager) -> Package:
    """The folder that a chip maker's compiler takes.

    Without calibration data it has no calibration files; its reference inferences are of synthetic samples then.

    Raises:
        ArtifactError: ONNX Runtime cannot run the model.
        BackendError: the temporary folder is full.
    """
    samples, origin = _samples(job)
    chosen = Chosen(samples, model.inputs, job.bindings)
    encodings, warnings = choose_encodings(chosen)
    inputs = tuple(_input(port, encodings[port.name_in_file], job) for port in model.inputs)
    outputs = tuple(PackageOutput(name=port.name_in_file, shape=port.shape) for port in model.outputs)
    calibrated = Calibrated(inputs, {})
    if origin is ReferenceOrigin.CALIBRATION:
        try:
            calibrated = write_calibration(chosen, len(chosen), inputs, ContentStore(), job.progress)
        except OSError as error:
            raise BackendError(
                f"the calibration files do not fit into the temporary folder: {error}", id="backend-temporary-folder"
            ) from error
    files = write_reference(model.network, chosen, calibrated.inputs, outputs, origin)
    stored = {MODEL: model.content, **calibrated.files}
    contents = Contents(
        network=_network(job),
        opset=model.opset,
        inputs=calibrated.inputs,
        outputs=outputs,
        samples=len(chosen) if calibrated.files else 0,
        resize=job.preprocessing.resize.value if isinstance(samples, PixelSamples) else "",
        reference=min(SAMPLES, len(chosen)),
        origin=origin,
        rests=job.rests,
    )
    texts = packager(contents)
    files |= {**texts.files, **{rest.name: rest.content for rest in job.rests}}
    files[SUMS] = _sums({**files, **stored})
    warnings = (*warnings, *_missing(contents))
    return Package(files=files, stored=stored, warnings=warnings, facts={"package": dict(texts.facts)})


def _missing(contents: Contents) -> Iterator[str]:
    """What a package without calibration data lacks."""
    if contents.samples:
        return
    yield (
        "no calibration data were given, so the package holds none: the chip's compiler needs 100 to 200 samples"
        " (--calibration FOLDER)"
    )
    unknown = [given.name for given in contents.inputs if given.is_pixels and not given.raw_pixels]
    if unknown:
        yield (
            f"no --mean, --std or --preset was given, so {', '.join(unknown)} takes what the source model takes: if it"
            " was trained on normalized images, say how; if not, say --preset 0-255"
        )


def _samples(job: Job) -> tuple[Samples, ReferenceOrigin]:
    """What to calibrate with; where nobody gave that, what to show by inferences only."""
    calibration = job.calibration
    if calibration is not None and calibration.given is not None:
        return calibration.given, ReferenceOrigin.CALIBRATION
    if calibration is not None and calibration.judges:
        return calibration.held_out, ReferenceOrigin.VALIDATION
    drawn = open_calibration(
        "none",
        signature=job.model.signature,
        preprocessing=job.preprocessing,
        progress=Silent(),
        limit=SAMPLES + 1,  # one is held out
    )
    assert drawn is not None
    return drawn.fit, ReferenceOrigin.MADE_UP


def _input(port: Port, encoding: Encoding, job: Job) -> PackageInput:
    binding = job.bindings.get(port.name)
    raw = binding is not None and binding.raw_pixels
    color = _color(port, job, raw=raw) if encoding is Encoding.UINT8 else ""
    stated = raw and job.preprocessing.stated and binding is not None
    channels = port.shape[1] if len(port.shape) > 1 else 1
    return PackageInput(
        name=port.name_in_file,
        shape=port.shape,
        encoding=encoding,
        color=color,
        raw_pixels=raw,
        mean=_each(binding.offset, channels) if stated and binding else (),
        std=_each(binding.multiplier, channels) if stated and binding else (),
        order=binding.order if stated and binding else (),
        computed=any(port.source_name in rest.gives for rest in job.rests),
    )


def _color(port: Port, job: Job, *, raw: bool) -> str:
    """The order of the planes; a model that takes BGR does so until a stated normalization turns it."""
    color = _COLORS.get(port.shape[1], "") if len(port.shape) == len("NCHW") else ""
    return "BGR" if color == "RGB" and not raw and job.preprocessing.color is Color.BGR else color


def _each(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return values * channels if len(values) == 1 else values


def _network(job: Job) -> str:
    """A name for the compiled network."""
    return plain(job.model.source.name)[:_NAME].strip("_") or "network"


def _sums(files: Mapping[str, Content]) -> bytes:
    """What `sha256sum --check` reads."""
    return "".join(f"{sha256_of(content)}  {name}\n" for name, content in sorted(files.items())).encode()
