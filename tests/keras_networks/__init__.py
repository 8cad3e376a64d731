"""Keras networks of real architectures with made-up weights, for tests and benchmarks."""
