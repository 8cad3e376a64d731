"""The fuzzer behind `scripts/fuzz`: damaged inputs for every reader, made from seeds, and what becomes of each."""
