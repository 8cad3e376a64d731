"""Overlays: Model Explorer's own reader takes them, each figure is at its layer, and nothing else is replaced."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from model_explorer.builtin_tflite_flatbuffer_adapter import BuiltinTfliteFlatbufferAdapter
from model_explorer.node_data_builder import GradientItem, GraphNodeData, NodeDataResult, ThresholdItem

from dlpuconv.analysis import LayerError, LayerFacts, judge_layers
from dlpuconv.analysis.overlay import overlays_of_blame
from dlpuconv.cli import main
from dlpuconv.ir.affine import Affine
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.reporting import check_overlays, overlays_of, write_overlays
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.error_ids import raises_error
from tests.reporting.material import material
from tests.verification.test_layers import converted
from tests.verification.tflite_models import activation, bias, file_of, options

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

QUANTITIES = ["error-so-far", "macs", "placement", "range-spread"]


def read_back(text: str) -> GraphNodeData:
    """What Model Explorer's own types hold of it; a key that they do not know fails."""
    told = json.loads(text)
    return GraphNodeData(
        **{
            **told,
            "results": {key: NodeDataResult(**value) for key, value in told["results"].items()},
            "thresholds": [ThresholdItem(**item) for item in told.get("thresholds", ())],
            "gradient": [GradientItem(**item) for item in told.get("gradient", ())],
        }
    )


def nodes_of(path: Path) -> dict[str, str]:
    """The op of the node that Model Explorer colours for a key: the last that makes a tensor of this name."""
    (collection,) = BuiltinTfliteFlatbufferAdapter().convert(str(path), {})["graphCollections"]
    found: dict[str, str] = {}
    for node in collection.graphs[0]["nodes"]:
        for output in node["outputsMetadata"]:
            found |= {entry["value"]: node["label"] for entry in output["attrs"] if entry["key"] == "tensor_name"}
    return found


def written(folder: Path, given: Any) -> dict[str, GraphNodeData]:
    write_overlays(folder, "m", overlays_of(given))
    return {path.name.split(".")[1]: read_back(path.read_text()) for path in folder.glob("*.json")}


def test_model_explorer_s_reader_finds_every_figure_at_the_node_that_makes_the_tensor(tmp_path: Path) -> None:
    given = material(tmp_path)  # x -> FULLY_CONNECTED h -> FULLY_CONNECTED y_int8 -> QUANTIZE y
    nodes = nodes_of(tmp_path / "m.tflite")
    found = written(tmp_path / "overlays", given)
    assert sorted(found) == QUANTITIES
    ops = {layer.names.tensor: layer.op.lower() for layer in given.view.layers}
    for data in found.values():
        assert {key: nodes[key] for key in data.results} == {key: ops[key] for key in data.results}
        assert json.loads(data.to_json_string())["results"].keys() == data.results.keys()
    by_layer = {layer.names.tensor: layer for layer in given.report.layers.layers}  # type: ignore[union-attr]
    for key, result in found["error-so-far"].results.items():
        assert result.value == ("exact" if by_layer[key].exact else round(by_layer[key].sqnr_db or 0.0, 2))
    first, second, last = (layer.names.tensor for layer in given.view.layers)
    assert {key: result.value for key, result in found["macs"].results.items()} == {first: 6, second: 4}
    placed = {key: result.value for key, result in found["placement"].results.items()}
    assert placed == {first: "NPU", second: "NPU", last: "CPU"}
    colours = {result.value: result.bgColor for result in found["placement"].results.values()}
    assert len(set(colours.values())) == 2


def weights_of_scales(*scales: float) -> bytes:
    """FULLY_CONNECTED [1, 3] -> [1, 3] whose output channels reach 127, 64 and 0 codes of these scales."""
    x, y = activation("x", (1, 3)), activation("y", (1, 3))
    codes = np.array([[127, -1, 0], [64, -64, 2], [0, 0, 0]], np.int8)
    weights = Tensor("w", (3, 3), np.dtype(np.int8), codes, Affine.along(0, list(scales)))
    return file_of(
        [x], [y], Operator("FULLY_CONNECTED", [x, weights, bias("b", x, weights, 3)], [y], options("FullyConnected"))
    )


def test_the_spread_is_the_widest_over_the_median_channel_in_real_units_without_dead_ones(tmp_path: Path) -> None:
    given = material(tmp_path, weights_of_scales(1.0, 0.5, 4.0), compared=False)
    (spread,) = [overlay for overlay in overlays_of(given) if overlay.quantity == "range-spread"]
    assert spread.values == {"y": round(127 / ((127 + 32) / 2), 2)}  # 127 * 1.0 and 64 * 0.5; the third is dead


def test_a_name_that_two_tensors_have_is_left_out(tmp_path: Path) -> None:
    x, y = activation("same", (1, 4)), activation("y", (1, 4))
    inner = activation("same", (1, 4))
    content = file_of([x], [y], Operator("ABS", [x], [inner]), Operator("ABS", [inner], [y]))
    for overlay in overlays_of(material(tmp_path, content, compared=False)):
        assert set(overlay.values) <= {"y"}


def test_an_analysis_tells_alone_and_so_far_and_leaves_out_what_is_not_known() -> None:
    facts = LayerFacts(weight_imbalance=12.344)
    errors = [
        LayerError(
            names=LayerNames(tensor=name), op="CONV_2D", alone_db=alone, own_db=None, accumulated_db=so_far,
            weights_share=None, facts=found,
        )
        for name, alone, so_far, found in (
            ("a", 31.416, 20.0, facts),
            ("b", None, float("nan"), LayerFacts()),
            ("c", -3.0, 1.0, LayerFacts()),
            ("c", 1.0, 1.0, LayerFacts()),
        )
    ]  # fmt: skip
    found = {overlay.quantity: overlay for overlay in overlays_of_blame(judge_layers(errors))}
    assert {name: overlay.values for name, overlay in found.items()} == {
        "error-alone": {"a": 31.42},
        "error-so-far": {"a": 20.0},
        "range-spread": {"a": 12.34},
    }
    read_back(json.dumps(found["error-alone"].to_json()))


def test_hostile_names_stay_keys_and_files_keep_their_names(tmp_path: Path) -> None:
    name = '../../etc/\x1b[2J"</script>\u202e\ud800'.encode("utf-8", "replace").decode()
    given = material(tmp_path, converted(inner=name))
    folder = tmp_path / "overlays"
    write_overlays(folder, "m", overlays_of(given))
    assert sorted(path.name for path in folder.iterdir()) == [f"m.{quantity}.json" for quantity in QUANTITIES]
    text = (folder / "m.macs.json").read_text()
    assert text.isascii()
    assert "\x1b" not in text
    assert name in read_back(text).results


def test_an_overlay_replaces_an_older_overlay_and_nothing_else(tmp_path: Path) -> None:
    overlays = overlays_of(material(tmp_path, compared=False))
    write_overlays(tmp_path / "new", "m", overlays)
    write_overlays(tmp_path / "new", "m", [replace(overlay, title="other") for overlay in overlays])
    mine = tmp_path / "new" / "m.macs.json"
    assert json.loads(mine.read_text())["name"] == "dlpuconv: other"
    mine.write_text('{"mine": true}')
    with raises_error("output-foreign-page", "--overlay"):
        check_overlays(tmp_path / "new", "m")
    with raises_error("output-is-result"):
        check_overlays(tmp_path, "m", [tmp_path / "m.placement.json"])
    with raises_error("output-not-writable"):
        check_overlays(mine, "m")
    assert mine.read_text() == '{"mine": true}'


def test_a_quantity_that_a_new_file_has_no_figures_of_does_not_stay_beside_it(tmp_path: Path) -> None:
    given = material(tmp_path, weights_of_scales(1.0, 2.0), compared=False)
    overlays = overlays_of(given)
    assert len(overlays) > 1
    write_overlays(tmp_path / "new", "m", overlays)
    write_overlays(tmp_path / "new", "other", overlays)
    (tmp_path / "new" / "m.notes.json").write_text("mine")
    write_overlays(tmp_path / "new", "m", overlays[:1])
    assert {path.name for path in (tmp_path / "new").glob("m.*")} == {f"m.{overlays[0].quantity}.json", "m.notes.json"}
    assert len(list((tmp_path / "new").glob("other.*"))) == len(overlays)


def test_verify_writes_them_and_begins_no_work_where_it_may_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "m.tflite", tmp_path / "overlays"
    file.write_bytes(converted())
    main(["verify", str(file), "--target", "artpec8", "--overlay", str(folder), "--quiet"])
    assert sorted(path.name for path in folder.iterdir()) == [f"m.{name}.json" for name in QUANTITIES[1:]]
    (folder / "m.error-alone.json").write_text("mine")
    capsys.readouterr()
    assert main(["verify", str(file), "--target", "artpec8", "--overlay", str(folder)]) == 9
    assert "m.error-alone.json' exists already and is not one of dlpuconv's overlays" in capsys.readouterr().err
