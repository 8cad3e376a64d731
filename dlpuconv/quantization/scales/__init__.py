"""Scales and zero points of activations, under what a format asks of its operators."""
