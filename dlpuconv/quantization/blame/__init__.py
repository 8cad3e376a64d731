"""Which layers of a quantized network lose the signal."""
