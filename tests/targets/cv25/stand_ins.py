"""Executables named like Ambarella's tools, which check what they are told and fail where the real ones would.

They know what is public of those: which flags there are, that lists name files from the folder that the tool runs in,
that a file holds one array of the stated shape and format, that `vas` writes `vas_output/` where it runs. A name with a
space, which nobody knows the real ones to take, is an error.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_COMMON = """#!{python}
import json, os, pathlib, sys
argv = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([{name!r}, *argv]) + "\\n")
def fail(text):
    print({name!r} + ": " + text, file=sys.stderr)
    sys.exit(3)
def flags(switches, several=()):
    found, rest = {{}}, list(argv)
    while rest:
        flag = rest.pop(0)
        if flag in switches:
            found[flag] = True
        elif not flag.startswith("-") or not rest:
            fail("what is " + repr(flag) + "?")
        elif flag in several:
            found.setdefault(flag, []).append(rest.pop(0))
        elif flag in found:
            fail(flag + " twice")
        else:
            found[flag] = rest.pop(0)
    return found
if os.environ.get("FAIL") == {name!r}:
    fail("out of memory")
if os.environ.get("IDLE") == {name!r}:
    sys.exit(0)
if any(" " in text for text in argv):
    fail("a space in " + repr(argv))
"""

GEN_IMAGE_LIST = """
import numpy, PIL.Image
f = flags(["-ns"])
if sorted(f) != ["-bf", "-bo", "-c", "-d", "-e", "-f", "-ns", "-o", "-r"]: fail("flags " + repr(sorted(f)))
if (f["-c"], f["-d"]) != ("0", "0,0"): fail("not RGB in unsigned 8 bits")
height, width = map(int, f["-r"].split(","))
images = sorted(p for p in pathlib.Path(f["-f"]).iterdir() if p.name.endswith(f["-e"]))
if not images: fail("no images in " + f["-f"])
pathlib.Path(f["-o"]).write_text("".join(str(p) + "\\n" for p in images))
names = []
for number, path in enumerate(images):
    planes = numpy.asarray(PIL.Image.open(path).convert("RGB").resize((width, height))).transpose(2, 0, 1)
    if os.environ.get("BGR"): planes = planes[::-1]
    name = os.path.join(f["-bf"], "image_%d.bin" % number)
    planes.tofile(name)
    names.append(name)
pathlib.Path(f["-bo"]).write_text("".join(name + "\\n" for name in names))
"""

ONNXPARSER = """
f = flags([], ["-isrc", "-odst"])
if set(f) - {"-c"} != {"-m", "-o", "-of", "-isrc", "-odst"}: fail("flags " + repr(sorted(f)))
import onnx
graph = onnx.load(f["-m"]).graph
shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)}
told = set()
for text in f["-isrc"]:
    parts = dict(part.partition(":")[::2] for part in text.split("|"))
    if sorted(parts) != ["i", "idf", "iq", "is"]: fail("-isrc " + text)
    name, _, listed = parts["i"].partition("=")
    shape = [int(n) for n in parts["is"].split(",")]
    if shapes.get(name) != shape: fail("no input %s of shape %s" % (name, shape))
    size = {"0,0,0,0": 1, "1,2,0,7": 4}[parts["idf"]]
    for n in shape: size *= n
    lines = pathlib.Path(listed).read_text().split("\\n")
    if lines.pop() or not lines: fail("list " + listed)
    for line in lines:
        if pathlib.Path(line).stat().st_size != size: fail(line + " is not %d bytes" % size)
    told.add(name)
outputs = [text.removeprefix("o:").removesuffix("|odf:fp32") for text in f["-odst"]]
if told != {v.name for v in graph.input} or outputs != [v.name for v in graph.output]: fail("inputs or outputs")
if "-c" in f and f["-c"] != "act-force-fx16,coeff-force-fx16": fail("-c " + f["-c"])
os.makedirs(f["-of"])
(pathlib.Path(f["-of"]) / (f["-o"] + ".vas")).write_text("vas")
"""

VAS = """
if argv[:2] != ["-auto", "-show-progress"] or len(argv) != 3: fail("flags " + repr(argv))
pathlib.Path(argv[2]).read_text()
os.makedirs("vas_output")
"""

CAVALRY_GEN = """
f = flags([])
if sorted(f) != ["-d", "-f"] or not os.path.isdir(f["-d"]): fail("flags " + repr(argv))
pathlib.Path(f["-f"]).write_bytes(b"cavalry")
"""

GRAPH_SURGERY = """
f = dict(zip(argv[1::2], argv[2::2]))
if argv[0] != "onnx" or sorted(f) != ["-m", "-o", "-t"]: fail("flags " + repr(argv))
pathlib.Path(f["-o"]).write_bytes(pathlib.Path(f["-m"]).read_bytes())
"""

TOOLS = {
    "gen_image_list.py": GEN_IMAGE_LIST,
    "onnxparser.py": ONNXPARSER,
    "vas": VAS,
    "cavalry_gen": CAVALRY_GEN,
    "graph_surgery.py": GRAPH_SURGERY,
}


class StandIns:
    """The tools in a folder of their own, with the environment file that puts them on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "amba tools"  # a space, as a stranger's path may have
        self.log = folder / "calls.jsonl"
        self.environment = self.folder / "env" / "cv25.env"
        self.environment.parent.mkdir(parents=True)
        for name, body in TOOLS.items():
            tool = self.folder / name
            tool.write_text(_COMMON.format(python=sys.executable, log=str(self.log), name=name) + body)
            tool.chmod(0o755)
        # Real ones use variables that are not set, and return non-zero.
        self.environment.write_text(f'export PATH="{self.folder}:$PATH"\nOLD="$NOT_SET"\nfalse\nreturn 1\n')

    def calls(self) -> list[list[str]]:
        """What was run, in order."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def names(self) -> list[str]:
        """The tools that were run, in order."""
        return [name for name, *_ in self.calls()]
