"""Recipes, as `convert --recipe` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import octets, trees
from scripts.fuzzing.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_SOUND = {
    "granularity": "per-tensor", "observer": "min-max", "weight_scale": "max", "bias_correction": "off",
    "rounding": "nearest", "equalize": True, "balance": "noise", "absorb": False,
    "overrides": {"head.*": "per-channel", "conv[12]": "per-tensor"},
}  # fmt: skip
ODD = (
    b"a = 1979-05-27T07:32:00Z\n", b"[[overrides]]\na = 1\n", b"[overrides]\n[overrides]\n", b"a.b.c = 1\na.b = 2\n",
    b'granularity = """per-tensor"""\n', b"x = 0x" + b"f" * 6000 + b"\n", b"x = 0b" + b"1" * 9000 + b"\n",
    b"x = 1e" + b"9" * 500 + b"\n", b"x = " + b"{a=" * 900 + b"1" + b"}" * 900 + b"\n", b"\xff\xfe", b"\xef\xbb\xbf",
    b"a" + b".a" * 2000 + b" = 1\n", b"[" + b"a." * 2000 + b"a]\n", b"x = 1979-02-30\n", b"x = 25:61:61\n",
)  # fmt: skip


class Recipes(Reader):
    """Damaged TOML in `m.recipe.toml`."""

    name = "recipe"
    share = 8

    @override
    def make(self, rng: Random) -> Files:
        match rng.randrange(10):
            case 0:
                content = octets.damaged(trees.to_toml(_SOUND), rng)
            case 1:
                content = octets.spliced(rng.choice(ODD), trees.to_toml(_SOUND), rng)
            case 2:
                content = trees.to_toml(_SOUND) + rng.choice(ODD)
            case _:
                content = trees.written(_SOUND, _text, rng)
        return {"m.recipe.toml": content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.quantization.recipe_file import from_toml, to_toml
        from dlpuconv.workflow.option_values import make_request

        request = make_request(
            targets=("artpec8",), input_shape={}, cut_at=(), resize="stretch", color="rgb", mean=None, std=None,
            preset=None, recipe=folder / "m.recipe.toml",
        )  # fmt: skip
        recipe = request.quantization.recipe
        if recipe is None or from_toml(to_toml(recipe)) != recipe:
            raise AssertionError("a recipe that was read is written as another one")
        return 0


def _text(tree: object) -> bytes:
    return trees.to_toml(tree) if isinstance(tree, dict) else trees.to_toml({"granularity": tree})
