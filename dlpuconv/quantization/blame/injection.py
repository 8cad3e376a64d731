"""The float network with a way to add an error to any of its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Value

    type Values = npt.NDArray[Any]


class Injection:
    """Runs a float network, exact or with errors in some activations."""

    def __init__(self, network: Network, values: Sequence[Value]) -> None:
        """Get ready to add an error behind each of `values`.

        Args:
            network: float.
            values: activations that its nodes make.

        Raises:
            BackendError: the network cannot be run.
        """
        disturbed, self._errors = network.with_errors(values)
        self._names = [value.name for value in values]
        self._exact = network.loaded(values)
        self._disturbed = disturbed.loaded([value for value in network.outputs if value.is_data])
        self._stale = {self._errors[value.name]: np.zeros(value.shape, np.float32) for value in values}
        self._expected: list[Values] = []

    def values(self, feed: Feed) -> dict[str, Values]:
        """Every activation's exact value by name, inputs included; `outputs_with` then speaks of the same feed."""
        self._expected = self._run(feed)
        return {**feed, **dict(zip(self._names, self._exact(feed), strict=True))}

    def outputs_with(self, errors: Mapping[str, Values]) -> list[tuple[Values, Values]]:
        """Each output that is data without and with errors, which are added by activation name."""
        now = {self._errors[name]: values for name, values in errors.items()}
        found = self._run(now)
        self._stale = {name: np.zeros_like(values) for name, values in now.items()}
        return list(zip(self._expected, found, strict=True))

    def _run(self, changed: Feed) -> list[Values]:
        """The outputs, with other values of some inputs and no errors but those among them."""
        made = self._disturbed({**self._stale, **changed})
        self._stale = {}
        return made
