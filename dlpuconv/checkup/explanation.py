"""How a source model was rewritten: what was done to each layer, what was not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.jsonable import plain

if TYPE_CHECKING:
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """A rewrite that was done to a layer, or declined.

    Attributes:
        rewrite: stable name.
        title: what becomes of a layer by it, in words.
        reason: why it was not done; empty where it was.
        times: how often.
    """

    rewrite: str
    title: str
    reason: str = ""
    times: int = 1

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        reason: dict[str, Json] = {"reason": self.reason} if self.reason else {}
        return {"rewrite": self.rewrite, "title": self.title, **reason, "times": self.times}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLayer:
    """One layer of the source model.

    Attributes:
        names: of it.
        op: its operator in the source model; empty where it is none of the source's.
        done: what was done to it and to what was made of it.
        declined: what was tried and not done, with the reasons.
    """

    names: LayerNames
    op: str
    done: tuple[Rewriting, ...]
    declined: tuple[Rewriting, ...]

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        done, declined = plain(self.done), plain(self.declined)
        return {**self.names.to_json(), "op": self.op or None, "done": done, "declined": declined}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a model was rewritten, layer by layer.

    Attributes:
        layers: those to which something was done or declined, in execution order.
        network: what was done to the network as a whole.
    """

    layers: tuple[ExplainedLayer, ...]
    network: tuple[Rewriting, ...]

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {"network": plain(self.network), "layers": plain(self.layers)}
