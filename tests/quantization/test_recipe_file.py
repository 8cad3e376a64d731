from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlpuconv.quantization import Balance, BiasCorrection, Observer, Override, Recipe, Rounding, WeightScale
from dlpuconv.quantization.recipe_file import from_toml, read_recipe, to_toml
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
from dlpuconv.scheme import Granularity
from tests.error_ids import raises_error

patterns = st.text(st.characters(codec="utf-8"), max_size=10)
numbers = st.lists(st.integers(-256, 256), max_size=4).map(tuple)


@given(
    st.sampled_from(Granularity),
    st.sampled_from(Observer),
    st.sampled_from(WeightScale),
    st.sampled_from(Rounding),
    st.booleans(),
    st.sampled_from(Balance),
    st.dictionaries(patterns, st.sampled_from(Granularity), max_size=3),
    st.tuples(*[st.dictionaries(patterns, numbers, max_size=3)] * 2),
)
@example(
    Granularity.PER_TENSOR,
    Observer.MSE,
    WeightScale.MAX,
    Rounding.NEAREST,
    True,
    Balance.NOISE,
    {},
    ({"\x7f": (1,)}, {}),
)
def test_a_saved_recipe_is_read_back(
    granularity: Granularity,
    observer: Observer,
    scale: WeightScale,
    rounding: Rounding,
    equalize: bool,
    balance: Balance,
    overrides: dict[str, Granularity],
    sites: tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]],
) -> None:
    recipe = Recipe(
        granularity=granularity,
        observer=observer,
        weight_scale=scale,
        equalize=equalize,
        balance=balance,
        bias_correction=BiasCorrection.ANALYTIC,
        rounding=rounding,
        overrides=tuple(Override(*item) for item in overrides.items()),
        detours=tuple(Detour(*item) for item in sites[0].items()),
        gates=tuple(Gate(*item) for item in sites[0].items()),
        groups=tuple(LayerGroups(*item) for item in sites[1].items()),
    )
    assert from_toml(to_toml(recipe)) == recipe


def test_a_file_from_before_there_was_a_choice_equalizes_as_it_did_then() -> None:
    assert from_toml('granularity = "per-tensor"\nequalize = true').balance is Balance.WEIGHTS


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            "oldest",
            Recipe(
                granularity=Granularity.PER_TENSOR,
                observer=Observer.MINMAX,
                equalize=True,
                bias_correction=BiasCorrection.ANALYTIC,
            ),
        ),
        (
            "before_versions",
            Recipe(
                granularity=Granularity.PER_TENSOR,
                observer=Observer.ROBUST,
                equalize=True,
                balance=Balance.NOISE,
                bias_correction=BiasCorrection.ANALYTIC,
                rounding=Rounding.LEARNED,
            ),
        ),
    ],
)
def test_files_from_before_there_were_versions_are_read(file: str, told: Recipe) -> None:
    """As conversions of the demo's network have written them."""
    made = read_recipe(Path(__file__).parent / "data" / f"{file}.recipe.toml")
    assert made == told
    assert "version = 1\n" in to_toml(made)


def test_a_recipe_that_names_many_channels_is_read(tmp_path: Path) -> None:
    gates = tuple(Gate(site=f"layer{n}/activation", steps=(-3,) * 2048) for n in range(300))
    path = tmp_path / "net.recipe.toml"
    path.write_text(to_toml(Recipe(granularity=Granularity.PER_TENSOR, gates=gates)))
    assert path.stat().st_size > 2 << 20
    assert read_recipe(path).gates == gates


def test_a_file_that_is_no_text_is_refused_without_a_decoder_s_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.recipe.toml"
    path.write_bytes('granularity = "per-channel"'.encode("utf-16"))
    with raises_error("toml-unreadable", str(path), "UTF-8") as refused:
        read_recipe(path)
    assert "codec" not in str(refused.value)


def test_a_file_of_a_later_version_is_refused_before_anything_of_it_is_read() -> None:
    with raises_error("recipe-too-new", "version 2", "version 1") as refused:
        from_toml('version = 2\ngranularity = "per-planet"\nsomething = "new"', "mine.recipe.toml")
    assert str(refused.value).startswith("mine.recipe.toml is")


@pytest.mark.parametrize("version", ["0", "-1", "true", '"1"', "1.0", "[1]"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with raises_error("recipe-invalid", "version"):
        from_toml(f'version = {version}\ngranularity = "per-tensor"')


@pytest.mark.parametrize(
    ("text", "cause", "fact"),
    [
        ("granularity = ", "toml-syntax", "end of document"),
        ("", "recipe-invalid", "granularity"),
        ('granularity = "per-tensor"\nobserver = "msee"', "recipe-invalid", "did you mean"),
        ('granularity = "per-tensor"\nequalise = true', "recipe-invalid", "equalise"),
        ('granularity = "per-tensor"\nequalize = 1', "recipe-invalid", "equalize is 1, not true or false"),
        ('granularity = "per-tensor"\noverrides = 3', "recipe-invalid", "overrides"),
        ('granularity = "per-tensor"\ngates = 3', "recipe-invalid", "gates is 3, not a table"),
        ('granularity = "per-tensor"\n[gates]\ny = 3', "recipe-invalid", "-256 to 256"),
        ('granularity = "per-tensor"\n[gates]\ny = [1, 257]', "recipe-invalid", "'y' of gates"),
        ('granularity = "per-tensor"\n[groups]\ny = [true]', "recipe-invalid", "'y' of groups"),
        ("x = " + "[" * 5000 + "]" * 5000, "toml-syntax", "nested too deeply"),
        ("x = " + "{a = " * 5000 + "1" + "}" * 5000, "toml-syntax", "nested too deeply"),
        ("x = " + "9" * 5000, "toml-syntax", "too many digits"),
        ("granularity = 0x" + "f" * 5000, "recipe-invalid", "granularity is a number of many digits"),
        ("granularity = " + "[" * 150 + "]" * 150, "recipe-invalid", "granularity is a list"),
        ('granularity = "per-tensor"\nequalize = {a = 1}', "recipe-invalid", "equalize is a table"),
    ],
)
def test_a_damaged_recipe_is_refused(text: str, cause: str, fact: str) -> None:
    with raises_error(cause, fact):
        from_toml(text)


def test_a_message_quotes_no_endless_text() -> None:
    with raises_error("recipe-invalid") as refused:
        from_toml(f'granularity = "{"a" * 9000}"')
    assert len(str(refused.value)) < 200
