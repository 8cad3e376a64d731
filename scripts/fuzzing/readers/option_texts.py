"""What users type: the values of options, through the whole command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import values
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_COMMON = {
    "--input-shape": ("x=1,4", "1,4", "x=1,-1", "y=1,4", "x=0", "x=1,4,", "=1,4", "x=99999999999,1", "x=²,4", "x=٣,4"),
    "--cut-at": ("y", "x", "z", ",", "y,y", "x,y"),
    "--resize": ("stretch", "letterbox", "center-crop"),
    "--color": ("rgb", "bgr", "gray"),
    "--mean": ("0", "123.7,116.3,103.5", "nan", "inf", "1e400", ",", "1,", "1_0", "٣", "0x1", "-0", "1e-46"),
    "--std": ("1", "0", "58,57,57", "1e-46", "-1", "nan", "1e-320"),
    "--preset": ("imagenet", "0-1", "-1-1", "0-255"),
    "--fold-preprocess": ("conv", "op", "off"),
    "--input-layout": ("nhwc", "nchw"),
    "--opset": ("13", "0", "-1", "99999999999999999999", "17"),
    "--target": ("cv25", "cv25,cv25", "artpec", "cv75", ",", "cv25,nothing"),
}
_CONVERT = {
    "--granularity": ("per-tensor", "per-channel", "auto"),
    "--override": ("*=per-channel", "=", "a=b", "[=per-tensor", "a=per-tensor=per-channel"),
    "--effort": ("fast", "balanced", "best"),
    "--recipe": (".", "/dev/null", "nothing.toml"),
    "--metric": ("os:getcwd", "nothing:x", ":", "a", "os:", "os:nothing", "..:x", "os.path:sep"),
    "--max-drop": ("1", "nan", "-1", "inf"),
    "--input-dtype": ("uint8", "int8"),
    "--output-dtype": ("uint8", "int8"),
    "--split-outputs": ("auto", "off"),
    "--tail": ("auto", "off"),
    "--final-activation": ("auto", "keep", "cut"),
    "--backend": ("onnx-float", "tflite", "nothing"),
    "--min-sqnr": ("10", "nan", "-inf", "1e999"),
    "--report": ("r.html", ".", "r.txt", "nothing/r.html"),
    "--calibration": ("none", "random", ".", "nothing.npz", "/dev/null"),
}
_VERIFY = {
    "--ignore": ("TFL-SCALE", "nothing", ""),
    "--firmware": ("11.11", "11.11.73", "1", "a.b", "1.2.3.4.5", "9999999999.1", "²·¹", "1.٣"),
    "--min-sqnr": ("10", "nan"),
    "--reference": ("m.onnx", "nothing.onnx"),
    "--data": ("none", "nothing.npz"),
}
_FILES = (
    "nothing.onnx",
    "nothing.onnx",
    "nothing.onnx",
    "m.onnx",
    ".",
    "",
    "/dev/null",
    "nothing.tflite",
    "a" * 300,
    "m.onnx/x",
)
_COMMANDS: dict[str, dict[str, tuple[str, ...]]] = {
    "check": _COMMON,
    "convert": _COMMON | _CONVERT,
    "verify": _COMMON | _VERIFY,
    "inspect": {"--layer": ("*", "[", "0")},
}
_RELU = '<ir_version: 8, opset_import: ["" : 17]> g (float[1,4] x) => (float[1,4] y) { y = Relu (x) }'


class OptionTexts(Reader):
    """Command lines in `arguments.json`, for a sound `m.onnx` or a file that is not there."""

    name = "options"
    share = 5

    @override
    def prepare(self) -> None:
        import onnx

        self._model = onnx.parser.parse_model(_RELU).SerializeToString()

    @override
    def make(self, rng: Random) -> Files:
        command = rng.choice(list(_COMMANDS))
        known = _COMMANDS[command]
        line = [command, rng.choice(_FILES)]
        if "--target" in known and rng.random() < 0.9:
            line += ["--target", rng.choice(("cv25", "cv25", "artpec8"))]
        for option in rng.sample(list(known), min(rng.choice((1, 1, 2, 3)), len(known))):
            value = rng.choice(known[option]) if rng.random() < 0.6 else values.text(rng)
            if rng.random() < 0.3:
                value = f"x={value}"
            line += [f"{option}={value}"] if rng.random() < 0.5 else [option, value]
        if rng.random() < 0.1:
            line.insert(rng.randrange(len(line) + 1), values.text(rng))
        if rng.random() < 0.3:
            line.append("--json")
        return {"m.onnx": self._model, "arguments.json": json.dumps([text.replace("\0", "") for text in line]).encode()}

    @override
    def read(self, folder: Path) -> int:
        import os

        from dlpuconv.cli import main

        os.chdir(folder)
        try:
            return main(json.loads((folder / "arguments.json").read_text()))
        finally:
            os.chdir("/")
