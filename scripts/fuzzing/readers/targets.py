"""Targets as TOML files, as every `--target` reads them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import octets, trees
from scripts.fuzzing.reader import Reader
from scripts.fuzzing.readers.recipes import ODD

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from dlpuconv.plugin import Target
    from scripts.fuzzing.reader import Files

_BASED = {
    "name": "mychip", "title": "My chip", "base": "artpec8", "source": "a data sheet", "without": ["A8-CHANNELS"],
    "operators": ["CONV_2D", "ADD", "SOFTMAX"], "fallback": "none", "input_dtype": "int8", "min_sqnr": 12.5,
    "scheme": {"weights": "per-channel", "discouraged": ["per-tensor"]},
    "limits": {
        "kernel": [1, 3], "stride": [1, 2], "dilation": [1], "axes": 4, "partitions": 3, "parameters_mib": 20,
        "port_types": ["int8"],
    },
}  # fmt: skip
_ALONE = {
    "name": "mychip", "backend": "tflite", "suffix": ".tflite", "source": "a data sheet", "device": "my-npu",
    "operators": ["CONV_2D"], "limits": {"axes": 4},
    "scheme": {
        "numbers": "int8", "by_operator": {"CONV_2D": "per-channel"}, "activation_codes": {"type": "int16"},
        "weight_codes": {"symmetric": True, "power_of_two": False},
    },
}  # fmt: skip


class Targets(Reader):
    """Damaged TOML in `chip.toml`."""

    name = "target"
    share = 5

    @override
    def make(self, rng: Random) -> Files:
        sound = rng.choice((_BASED, _ALONE))
        match rng.randrange(8):
            case 0:
                content = octets.damaged(trees.to_toml(sound), rng)
            case 1:
                content = octets.spliced(rng.choice(ODD), trees.to_toml(sound), rng)
            case _:
                content = trees.written(sound, _text, rng)
        return {"chip.toml": content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.registry import load_target

        target = load_target(str(folder / "chip.toml"))
        if _told(pickle.loads(pickle.dumps(target))) != _told(target):
            raise AssertionError("a target that went to another process is another one")
        return 0


def _told(target: Target) -> list[object]:
    """What two targets can be compared by: a rule's code is another function each time."""
    return [target.name, target.scheme, target.described, *((rule.id, rule.sentence) for rule in target.rules)]


def _text(tree: object) -> bytes:
    return trees.to_toml(tree) if isinstance(tree, dict) else trees.to_toml({"name": tree})
