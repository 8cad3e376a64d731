"""What leaves the program: the manifest, the files beside an artifact, and how they are written."""

from dlpuconv.delivery.bom import BOM, build_bom
from dlpuconv.delivery.companions import Reference
from dlpuconv.delivery.destination import Force, check_destination
from dlpuconv.delivery.division import DividedNetwork
from dlpuconv.delivery.inputs import Inputs
from dlpuconv.delivery.provenance import Provenance, manifest_of
from dlpuconv.delivery.readme import About, make_readme
from dlpuconv.delivery.writer import deliver, recover, write_all

__all__ = [
    "BOM", "About", "DividedNetwork", "Force", "Inputs", "Provenance", "Reference", "build_bom", "check_destination",
    "deliver", "make_readme", "manifest_of", "recover", "write_all",
]  # fmt: skip
