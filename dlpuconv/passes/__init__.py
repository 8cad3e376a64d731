"""Rewrites that bring a model to normal form."""
