"""What JSON can hold."""

import math

type Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def finite(value: float) -> float | None:
    """None for what JSON has no form for."""
    return value if math.isfinite(value) else None
