"""What leaves the program: the manifest, the files beside an artifact, and how they are written."""

from dlpuconv.delivery.bom import BOM, build_bom
from dlpuconv.delivery.companions import Reference
from dlpuconv.delivery.manifest import build_manifest
from dlpuconv.delivery.readme import About, make_readme
from dlpuconv.delivery.writer import check_destination, write_all

__all__ = ["BOM", "About", "Reference", "build_bom", "build_manifest", "make_readme", "check_destination", "write_all"]
