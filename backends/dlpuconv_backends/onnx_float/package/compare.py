#!/usr/bin/env python3
"""Compares what the simulator or the camera gave with the float outputs in this folder. Needs numpy only.

    compare.py                          shows what to feed and what is expected
    compare.py OUTPUT ...               compares: one file for every output, in the order shown
    compare.py NAME=OUTPUT ...          the same by name, for some of the outputs
    --sample N                          which of the samples was fed; 0 without it
    --min-db DB                         signal-to-noise ratio that every output must reach; 15 without it, below which
                                        something is wrong, such as the order of colours

An OUTPUT file holds the raw float32 numbers of one output (`odf:fp32`), rows padded to 32 bytes or not.
Exit status: 0 all outputs agree, 1 some do not, 2 a file cannot be used.
"""

# Made for the compiler's own environment: it runs on Python 3.6 and later.
import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROW = 32  # bytes that a row is padded to


def load(path: Path, shape: Any) -> Any:
    """The numbers in a file as an array of this shape, without the padding of rows."""
    content = path.read_bytes()
    if len(content) % 4:
        raise ValueError(f"{path} has {len(content)} bytes: no float32 numbers (odf:fp32)")
    values = np.frombuffer(content, "<f4")
    shape = tuple(shape) or (1,)
    size, width = int(np.prod(shape)), shape[-1]
    if values.size == size:
        return values.reshape(shape)
    padded = -(-width // (ROW // 4)) * (ROW // 4)
    if values.size == size // width * padded:
        return values.reshape((*shape[:-1], padded))[..., :width]
    raise ValueError(f"{path} holds {values.size} numbers, but the output {list(shape)} has {size}")


def agreement(expected: Any, got: Any) -> Any:
    """Signal-to-noise ratio in dB, cosine, largest error, and whether the largest value is at the same place."""
    expected, got = expected.ravel().astype(np.float64), got.ravel().astype(np.float64)
    if not np.isfinite(got).all():
        return -np.inf, np.nan, np.inf, False
    noise, signal = float(np.sum((expected - got) ** 2)), float(np.sum(expected**2))
    length = float(np.sqrt(signal * np.sum(got**2)))
    decibels = np.inf if noise == 0 else -np.inf
    if noise and signal:
        decibels = 10 * np.log10(signal / noise)
    cosine = float(np.dot(expected, got)) / length if length else float(noise == 0)
    return decibels, cosine, float(np.abs(expected - got).max()), expected.argmax() == got.argmax()


def show(record: Any) -> None:
    """What to feed, and what is expected."""
    count = record["samples"]
    print(f"{count} samples, numbered N from 0; raw little-endian numbers, in the order of the shape")
    for given in record["inputs"]:
        name, dtype, shape = given["name"], given["dtype"], given["shape"]
        print(f"input  {name}: {dtype} {shape}, reference/N/input_{name}.bin")
    for output in record["outputs"]:
        name, shape = output["name"], output["shape"]
        print(f"output {name}: float32 {shape}, reference/N/output_{name}.bin")


def chosen(arguments: Any, outputs: Any) -> Any:
    """Pairs of an output and the file to compare it with."""
    known = {output["name"]: output for output in outputs}
    named = [text.partition("=") for text in arguments]
    if all(name in known and path for name, _, path in named):
        return [(known[name], Path(path)) for name, _, path in named]
    if any(name in known and path for name, _, path in named):
        raise ValueError("give NAME=FILE for every file, or for none")
    if len(arguments) != len(outputs):
        listed = ", ".join(known)
        raise ValueError(f"{len(arguments)} files for {len(outputs)} outputs ({listed}); NAME=FILE is for some of them")
    return [(output, Path(text)) for output, text in zip(outputs, arguments)]  # noqa: B905 - Python 3.6


def compare(pairs: Any, sample: int, least: float) -> bool:
    """Print one line an output; whether all agree."""
    good = True
    for output, path in pairs:
        name = output["name"]
        expected = load(HERE / str(sample) / f"output_{name}.bin", output["shape"])
        decibels, cosine, error, same = agreement(expected, load(path, output["shape"]))
        good = good and decibels >= least
        word, place = "ok  " if decibels >= least else "FAIL", "the same" if same else "another"
        print(f"{word} {name}: {decibels:.1f} dB, cosine {cosine:.6f}, largest error {error:.6g}, top at {place} place")
    return good


def main() -> int:
    """Run on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outputs", nargs="*", metavar="OUTPUT")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--min-db", type=float, default=15.0)
    arguments = parser.parse_args()
    record = json.loads((HERE / "reference.json").read_text())
    if not arguments.outputs:
        show(record)
        return 0
    last = record["samples"] - 1
    if not 0 <= arguments.sample <= last:
        parser.error(f"--sample is 0 to {last}")
    try:
        pairs = chosen(arguments.outputs, record["outputs"])
        return 0 if compare(pairs, arguments.sample, arguments.min_db) else 1
    except (OSError, ValueError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
