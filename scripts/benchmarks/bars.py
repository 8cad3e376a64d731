"""What each model of the zoo has to reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT, FAST, CHANNELS = "per-tensor, balanced", "per-tensor, fast", "per-channel, fast"
MAY_LOSE, MAY_LOSE_DB = 0.007, 0.3
"""How far per tensor may fall below float at the default effort, unless it may be luck."""

AT_LEAST = {
    DEFAULT: {
        "lpr_lprnet": 0.882, "det_yolofastestv2": 0.33, "seg_sinet_portrait": 0.678, "face_retinaface_mnet025": 0.405,
    },
    FAST: {"text_ppocrv5_det": 0.84, "det_yolov5n_axis": 0.49},
    CHANNELS: {"sr_fsrcnn_x2": 29.0},
}  # fmt: skip
LESS_FLOAT_AT_LEAST = {
    DEFAULT: {"text_ppocrv5_det": -0.005},
    CHANNELS: {
        "cifar_mobilenetv2": -0.01, "cifar_efficientnet": -0.01, "cifar_resnet20": -0.01,
        "imagenet_mnv2_torch": -0.01, "kws_dscnn_mlperf": -0.01, "kws_kwt1": -0.01, "det_yolov5n_axis": -0.01,
        "vww_mobilenetv1_025": -0.016, "face_retinaface_mnet025": -0.04,
    },
}  # fmt: skip
DECIBELS_AT_LEAST = {DEFAULT: {"text_ppocrv5_det": 14.0}}
BESIDE_TENSORFLOW, BESIDE_TENSORFLOW_DB = 0.005, 0.05
"""How far per channel may fall below TFLiteConverter's."""

_EPSILON = 1e-9


def missed_bars(name: str, found: Mapping[str, Any], earlier: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each bar that a model misses.

    Args:
        name: of the model.
        found: its figures, of `accuracy`.
        earlier: such figures of an earlier run, or nothing.
    """
    for title, column in found["columns"].items():
        if title.startswith("TF "):
            continue
        if "error" in column:
            yield str(column["error"])
            continue
        bars = dict(_bars(name, title, found))
        if title in earlier.get("columns", {}):
            bars["the earlier run, by more than luck"] = _earlier(column, earlier["columns"][title])
        for why, bar in bars.items():
            if column["metric"] < bar - _EPSILON:
                yield f"{title} {column['metric']}, the bar is {bar:.4f}: {why}"
        least = DECIBELS_AT_LEAST.get(title, {}).get(name, 0.0)
        if column["sqnr_db"] < least:
            yield f"{title} {column['sqnr_db']} dB, the bar is {least}"


def _bars(name: str, title: str, found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Why, and what the metric has to reach."""
    exact, column, in_decibels = found["float"]["metric"], found["columns"][title], found["in_decibels"]
    if title == DEFAULT and column["less_float"]["high"] < 0:
        yield "below float, by more than luck", exact - (MAY_LOSE_DB if in_decibels else MAY_LOSE)
    if name in AT_LEAST.get(title, {}):
        yield "asked for", AT_LEAST[title][name]
    if name in LESS_FLOAT_AT_LEAST.get(title, {}):
        yield "below float", exact + LESS_FLOAT_AT_LEAST[title][name]
    theirs = found["columns"].get("TF per-channel", {})
    if title == CHANNELS and "metric" in theirs:
        yield "below TFLiteConverter", theirs["metric"] - (BESIDE_TENSORFLOW_DB if in_decibels else BESIDE_TENSORFLOW)


def _earlier(column: Mapping[str, Any], earlier: Mapping[str, Any]) -> float:
    """The earlier metric less what may be luck: half of the wider interval."""
    if "error" in earlier:
        return float("-inf")
    widths = [each["less_float"]["high"] - each["less_float"]["low"] for each in (column, earlier)]
    return float(earlier["metric"] - max(widths) / 2)
