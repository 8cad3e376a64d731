"""The parts of a manifest that tell how a file was made, each as far as whoever reads the file has to know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.jsonable import told
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.manifest.fields import Fields

_MOST_SAMPLES = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesRecord:
    """What the ranges were taken from.

    Attributes:
        calibrated: they are the user's own data.
        origin: the same in a word.
        samples: how many.
        held_out: how many were kept for the comparison.
        digest: of their content; None where there are none.
        of_images: the user gave images, which came to the input's size as `ImagesRecord` says.
        warnings: what was found wrong with them.
    """

    calibrated: bool = False
    origin: str = "absent"
    samples: int = 0
    held_out: int = 0
    digest: str | None = None
    of_images: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def made_up(self) -> bool:
        """Whether there were samples, and nobody gave them."""
        return not self.calibrated and self.samples > 0

    def to_json(self) -> dict[str, Json]:
        """`calibration`."""
        return told(self)

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """The same.

        Raises:
            FieldError: a field of it cannot be.
        """
        calibrated = entry.flag("calibrated")
        told = entry.has("samples") or not calibrated
        return cls(
            calibrated=calibrated,
            origin=entry.text("origin") if entry.has("origin") else "absent",
            samples=entry.integer("samples", 0, _MOST_SAMPLES) if told else 0,
            held_out=entry.integer("held_out", 0, _MOST_SAMPLES) if entry.has("held_out") else 0,
            digest=entry.text("digest") if entry.has("digest") else None,
            of_images=entry.has("of_images") and entry.flag("of_images"),
            warnings=entry.texts("warnings") if entry.has("warnings") else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesRecord:
    """What the network expects of an image; the attributes of `calibration.Preprocessing`.

    Attributes:
        resize: geometry, by the name of its option.
        color: channel order, likewise.
        mean: in 0-255 units; None where the user stated no normalization.
        std: likewise.
    """

    resize: str
    color: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def to_json(self) -> dict[str, Json]:
        """`preprocessing`; without a normalization, one that changes nothing."""
        return {
            "resize": self.resize,
            "color": self.color,
            "mean": list(self.mean or (0.0,)),
            "std": list(self.std or (1.0,)),
            "stated": self.mean is not None,
        }

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """The same.

        Raises:
            FieldError: a field of it cannot be.
        """
        stated = entry.flag("stated")
        return cls(
            resize=entry.text("resize"),
            color=entry.text("color"),
            mean=entry.numbers("mean") if stated else None,
            std=entry.numbers("std", divisor=True) if stated else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRecord:
    """What was done to the numbers.

    Attributes:
        granularity: of weights.
        overrides: granularities of those layers that have another.
        scales: channels of activations were scaled, by equalization or at gates.
        absorb: channels of activations were moved.
        content: all of it, as the recipe gives it.
    """

    granularity: Granularity
    overrides: frozenset[Granularity] = frozenset()
    scales: bool = False
    absorb: bool = False
    content: Mapping[str, Any] = field(repr=False)

    @property
    def granularities(self) -> frozenset[Granularity]:
        """Granularities that weights of the file may have."""
        return self.overrides | {self.granularity}

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """`recipe`.

        Raises:
            FieldError: a field of it cannot be.
        """
        overrides = entry.each("overrides") if entry.has("overrides") else ()
        return cls(
            granularity=entry.word("granularity", Granularity),
            overrides=frozenset(override.word("granularity", Granularity) for override in overrides),
            scales=(entry.has("equalize") and entry.flag("equalize"))
            or (entry.has("gates") and any(entry.each("gates"))),
            absorb=entry.has("absorb") and entry.flag("absorb"),
            content=entry.content,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """The options that the file was asked for with.

    Attributes:
        effort: of the search.
        recipe_given: the user gave a recipe, so that none was looked for.
        granularity: that was asked for; None where nothing was.
        split_outputs: `auto` or `off`; None in a manifest that does not say.
        output_kinds: what the user says that outputs are, by name.
        content: all of them, as the request gives them.
    """

    effort: str
    recipe_given: bool = False
    granularity: str | None = None
    split_outputs: str | None = None
    output_kinds: Mapping[str, OutputKind] = field(default_factory=dict)
    content: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, entry: Fields) -> Self:
        """`request`.

        Raises:
            FieldError: a field of it cannot be.
        """
        return cls(
            effort=entry.text("effort"),
            recipe_given=entry.has("recipe_given") and entry.flag("recipe_given"),
            granularity=entry.text("granularity") if entry.has("granularity") else None,
            split_outputs=entry.text("split_outputs") if entry.has("split_outputs") else None,
            output_kinds=_kinds(entry.inside("output_kinds")) if entry.has("output_kinds") else {},
            content=entry.content,
        )


def _kinds(entry: Fields) -> dict[str, OutputKind]:
    return {name: entry.word(name, OutputKind) for name in entry.content}
