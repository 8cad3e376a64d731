"""Networks as people write them in PyTorch: blocks of well-known families, exported in a moment.

None is written for a rewrite: each is what publications and repositories of its family hold, with fewer channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.networks import detectors, maps, mobile, sequences, transformers

if TYPE_CHECKING:
    from tests.corpus.networks.base import Network

NETWORKS: tuple[Network, ...] = (
    *mobile.NETWORKS,
    *transformers.NETWORKS,
    *maps.NETWORKS,
    *detectors.NETWORKS,
    *sequences.NETWORKS,
    maps.INTERLEAVED,  # the last one, as opsets alternate
)
