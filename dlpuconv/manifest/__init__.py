"""The manifest: all that one must know of an artifact, as JSON beside it; `manifest.schema.json` is its contract.

Whoever writes one and whoever reads one meet in `Manifest`, and its form is decided here alone. It tells the form of a
recipe, a report and the other parts that belong to somebody else as their owners give it.
"""

from dlpuconv.manifest.division import DivisionRecord, Maker, RestRecord, Wire
from dlpuconv.manifest.listing import FileRecord, files_in, is_ours
from dlpuconv.manifest.manifest import SCHEMA_VERSION, Manifest
from dlpuconv.manifest.ports import InputRecord, OutputRecord
from dlpuconv.manifest.sections import ImagesRecord, RecipeRecord, RequestRecord, SamplesRecord

__all__ = [
    "SCHEMA_VERSION", "DivisionRecord", "FileRecord", "ImagesRecord", "InputRecord", "Maker", "Manifest",
    "OutputRecord", "RecipeRecord", "RequestRecord", "RestRecord", "SamplesRecord", "Wire", "files_in", "is_ours",
]  # fmt: skip
