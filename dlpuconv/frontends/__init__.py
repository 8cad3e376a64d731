"""Readers: files and objects from outside become a Model."""
