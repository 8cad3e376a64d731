"""Which sources need an optional part of dlpuconv, by the name that pip knows it by."""

from __future__ import annotations

SOURCES = {
    "tensorflow": "Keras models, .keras and .h5 files, and SavedModel folders",
    "torch": "PyTorch modules, .pt2 files, and .pt and .pth files of weights",
}
