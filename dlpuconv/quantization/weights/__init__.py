"""Weights and biases as integers."""
