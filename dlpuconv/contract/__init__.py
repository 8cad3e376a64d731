"""How to feed a file and how to read it: one description, and the manifest's entries, code and sentences made of it."""

from dlpuconv.contract.c_code import c_header
from dlpuconv.contract.description import Contract, Feed, Picture
from dlpuconv.contract.manifest_entries import images_record, input_record, output_record
from dlpuconv.contract.origin import contract_of_artifact, contract_of_file
from dlpuconv.contract.python_code import python_snippet

__all__ = [
    "Contract", "Feed", "Picture", "c_header", "contract_of_artifact", "contract_of_file", "images_record",
    "input_record", "output_record", "python_snippet",
]  # fmt: skip
