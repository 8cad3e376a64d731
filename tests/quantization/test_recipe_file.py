from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.errors import UsageError
from dlpuconv.quantization import Balance, BiasCorrection, Observer, Override, Recipe, Rounding, WeightScale
from dlpuconv.quantization.recipe_file import from_toml, to_toml
from dlpuconv.scheme import Granularity

patterns = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=10)


@given(
    st.sampled_from(Granularity),
    st.sampled_from(Observer),
    st.sampled_from(WeightScale),
    st.sampled_from(Rounding),
    st.booleans(),
    st.sampled_from(Balance),
    st.dictionaries(patterns, st.sampled_from(Granularity), max_size=3),
)
def test_a_saved_recipe_is_read_back(
    granularity: Granularity,
    observer: Observer,
    scale: WeightScale,
    rounding: Rounding,
    equalize: bool,
    balance: Balance,
    overrides: dict[str, Granularity],
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
    )
    assert from_toml(to_toml(recipe)) == recipe


def test_a_file_from_before_there_was_a_choice_equalizes_as_it_did_then() -> None:
    assert from_toml('granularity = "per-tensor"\nequalize = true').balance is Balance.WEIGHTS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("granularity = ", "is not TOML"),
        ("", "granularity"),
        ('granularity = "per-tensor"\nobserver = "msee"', "did you mean"),
        ('granularity = "per-tensor"\nequalise = true', "equalise"),
        ('granularity = "per-tensor"\nequalize = 1', "not true or false"),
        ('granularity = "per-tensor"\noverrides = 3', "no table"),
        ("x = " + "[" * 5000 + "]" * 5000, "values within values, too deep"),
        ("x = " + "{a = " * 5000 + "1" + "}" * 5000, "values within values, too deep"),
        ("x = " + "9" * 5000, "a number of too many digits"),
        ("granularity = 0x" + "f" * 5000, "granularity is a number of many digits, not one of"),
        ("granularity = " + "[" * 150 + "]" * 150, "granularity is a list, not one of"),
        ('granularity = "per-tensor"\nequalize = {a = 1}', "equalize is a table, not true or false"),
    ],
)
def test_a_damaged_recipe_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        from_toml(text)


def test_a_message_quotes_no_endless_text() -> None:
    with pytest.raises(UsageError) as refused:
        from_toml(f'granularity = "{"a" * 9000}"')
    assert len(str(refused.value)) < 200
