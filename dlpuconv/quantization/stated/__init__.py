"""The scales that a quantized source states: what of them a chip's file can have, and what becomes of the others."""
