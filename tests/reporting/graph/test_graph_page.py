"""The page of a graph in a browser: every layer is found by its names, and its edges are those of the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import dlpuconv
from dlpuconv.cli import main
from dlpuconv.formats.detect import read
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.reporting.graph import make_graph, render_graph
from dlpuconv_backends.flatbuffer import Operator
from tests.reporting.material import PLACED, material
from tests.reporting.test_browser import CONTRAST, SIDEWAYS, long_network
from tests.reporting.test_render import EVIL
from tests.verification.test_layers import converted
from tests.verification.tflite_models import activation, file_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from dlpuconv.formats import FileView

    type Open = Callable[..., Page]

FOUND = """
async (wanted) => {
  const search = document.getElementById("search"), form = document.querySelector("form"), told = {};
  const anchors = (part, kind) => [...part.querySelectorAll(`.${kind} a`)].map((link) => link.hash.slice(1));
  for (const [id, name] of wanted) {
    search.value = name;
    search.dispatchEvent(new Event("input", { bubbles: true }));
    const found = [...document.querySelectorAll("#results a")].map((link) => link.hash.slice(1));
    form.requestSubmit();
    if (location.hash !== `#${id}`) location.hash = id;
    await new Promise((done) => setTimeout(done));
    const shown = [...document.querySelectorAll(".detail:target")].filter((part) => part.getClientRects().length);
    told[id] = {
      found: found.includes(id),
      shown: shown.map((part) => part.id),
      reads: anchors(shown[0], "reads"),
      makes: anchors(shown[0], "makes"),
      current: [...document.querySelectorAll(".node.current")].map((box) => box.dataset.node),
      arrows_in: [...document.querySelectorAll(".arrows .read")].map((path) => path.dataset.start).sort(),
      arrows_out: [...document.querySelectorAll(".arrows .made")].map((path) => path.dataset.end).sort(),
    };
  }
  return told;
}
"""


def edges_of(view: FileView) -> dict[str, tuple[list[str], list[str]]]:
    """For each layer, what it reads and what reads it, straight from the lists of tensors."""
    makers = {tensor: f"input-{at}" for at, tensor in enumerate(view.inputs)}
    makers |= {tensor: f"layer-{layer.index}" for layer in view.layers for tensor in layer.outputs}
    told: dict[str, tuple[list[str], list[str]]] = {}
    for layer in view.layers:
        reads = [makers[tensor] for tensor in layer.inputs if tensor in makers]
        made = set(layer.outputs)
        readers = [f"layer-{other.index}" for other in view.layers if made & set(other.inputs)]
        readers += [f"output-{at}" for at, tensor in enumerate(view.outputs) if tensor in made]
        told[f"layer-{layer.index}"] = (sorted(set(reads)), sorted(set(readers)))
    return told


def check_every_layer(page: Page, view: FileView, names: dict[str, str]) -> None:
    """Type each name, open what is found, and compare the edges that are listed and drawn with the file's."""
    wanted = edges_of(view)
    assert names.keys() == wanted.keys()
    told = page.evaluate(FOUND, list(names.items()))
    for anchor, (reads, readers) in wanted.items():
        found = told[anchor]
        assert found["found"], f"{names[anchor]} is not found"
        assert found["shown"] == [anchor]
        assert found["current"] == [anchor]
        assert sorted(set(found["reads"])) == found["arrows_in"] == reads
        assert sorted(set(found["makes"])) == found["arrows_out"] == readers


def graph_of(path: Path) -> str:
    return render_graph(make_graph(path.name, path.stat().st_size, read(path)))


def test_every_layer_is_found_by_every_one_of_its_names(tmp_path: Path, open_page: Open) -> None:
    given = material(tmp_path, compared=False)
    dense = LayerNames(tensor="h", nodes=("/body/fc/Gemm",), modules=("body.fc", "body.act"), values=("v",))
    view = given.view.named((dense, LayerNames(tensor="y_int8", nodes=("/head/Gemm",)), LayerNames(tensor="y")))
    page = open_page(render_graph(make_graph("m.tflite", 1, view)))
    for typed in ("body.fc", "/BODY/fc/gemm", "body.act", "v", "h", "#0", "0", "body.*"):
        page.get_by_label("Find a layer").fill(typed)
        assert page.locator("#results a[href='#layer-0']").count() == 1, typed
    page.get_by_label("Find a layer").fill("nothing of the kind")
    expect(page.locator("#count")).to_have_text("0 found")
    page.get_by_label("Find a layer").fill("head gemm")
    page.keyboard.press("Enter")
    expect(page.locator("#layer-1")).to_be_visible()
    expect(page.locator(".whole")).not_to_be_visible()
    assert page.locator("#results li").count() == 0


def test_layers_are_followed_by_clicks_and_by_keys(tmp_path: Path, open_page: Open) -> None:
    tensors = [activation(name, (1, 4, 4, 8)) for name in ("x", "a", "b", "c", "y")]
    x, a, b, c, y = tensors
    ops = (
        Operator("ABS", [x], [a]),
        Operator("ABS", [a], [b]),
        Operator("ABS", [a], [c]),
        Operator("ADD", [b, c], [y]),
    )
    file = tmp_path / "m.tflite"
    file.write_bytes(file_of([x], [y], *ops))
    page = open_page(graph_of(file))
    page.locator("a.node[data-node='layer-0']").click()
    expect(page.locator("#layer-0")).to_be_visible()
    page.locator("#layer-0 .makes a", has_text="#2 ABS").click()
    expect(page.locator("#layer-2")).to_be_visible()
    visited = []
    for key in ("ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
        visited.append(page.evaluate("location.hash"))
    beside = {"#layer-1", "#layer-2"}
    assert visited[:2] == ["#layer-3", "#layer-1"]
    assert set(visited[2:4]) <= beside
    assert visited[4:] == ["#layer-0", "#input-0", "#input-0"]
    assert page.evaluate("document.activeElement.dataset.node") == "input-0"
    page.keyboard.press("Escape")
    expect(page.locator(".whole")).to_be_visible()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.go_back()
    expect(page.locator("#input-0")).to_be_visible()


def test_a_layer_tells_types_shapes_scales_and_where_it_runs(tmp_path: Path, open_page: Open) -> None:
    given = material(tmp_path, compared=False)
    page = open_page(render_graph(make_graph("m.tflite", 1, given.view, forecast=given.forecast)))
    page.get_by_label("Find a layer").fill("quantize")
    page.keyboard.press("Enter")
    told = page.locator("#layer-2").inner_text()
    output = given.view.tensors[given.view.layers[2].outputs[0]]
    assert output.quantization
    for text in ("CPU", "QUANTIZE runs on the CPU.", output.dtype, f"{output.quantization.scale:.6g}", "output y"):
        assert text in told
    assert page.locator("a.node.cpu").count() == 1
    assert page.locator("a.node.accelerated").count() == 2
    page.keyboard.press("Escape")
    assert f"runs on the {PLACED.placement.accelerator}" in page.locator(".legend").inner_text()  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.zoo
@pytest.mark.parametrize("name", ["sr_fsrcnn_x2", "kws_dscnn_mlperf", "kws_kwt1"])
def test_every_layer_of_a_real_model_is_found_and_its_edges_are_the_graphs(
    zoo: Path, tmp_path: Path, open_page: Open, name: str
) -> None:
    source, out = zoo / name / "model.onnx", tmp_path / "graph.html"
    assert main(["inspect", str(source), "--html", str(out), "--quiet"]) == 0
    view = dlpuconv.inspect(source).view
    names = {f"layer-{layer.index}": layer.names.label for layer in view.layers}
    check_every_layer(open_page(out.read_text()), view, names)


@pytest.mark.slow
@pytest.mark.zoo
def test_every_layer_of_a_file_of_another_converter_is_found(zoo: Path, tmp_path: Path, open_page: Open) -> None:
    source, out = zoo / "axis" / "A9-yolov5n.tflite", tmp_path / "graph.html"
    assert main(["inspect", str(source), "--target", "artpec9", "--html", str(out), "--quiet"]) == 0
    view = dlpuconv.inspect(source).view
    page = open_page(out.read_text())
    check_every_layer(page, view, {f"layer-{layer.index}": layer.names.tensor[:1000] for layer in view.layers})
    boxes = page.locator("a.node:not(.end)")
    assert boxes.count() == len(view.layers)
    assert page.locator("a.node:is(.accelerated, .likely, .cpu)").count() == len(view.layers)


@pytest.mark.slow
def test_a_thousand_layers_are_drawn_and_found(tmp_path: Path, open_page: Open) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(long_network(1000))
    text = graph_of(file)
    assert len(text) < 2_500_000
    page = open_page(text)
    assert page.locator("a.node").count() == 1002
    page.get_by_label("Find a layer").fill("value99")
    assert page.locator("#results a").count() == 11  # layers that make value99 and value990 to value999


def test_what_a_file_says_is_text(tmp_path: Path, open_page: Open) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(converted(inner=EVIL))
    page = open_page(graph_of(file))
    assert page.title() == "m.tflite: graph"
    assert page.locator("img").count() == 0
    page.get_by_label("Find a layer").fill("fully")
    assert EVIL in (page.locator("#results").text_content() or "")
    page.keyboard.press("Enter")
    assert EVIL in (page.locator("#layer-0").text_content() or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_the_panel_stands_out_and_nothing_runs_off_the_side(
    tmp_path: Path, open_page: Open, scheme: str
) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(converted(inner="a" * 200 + "/" + "long_name_without_a_place_to_break" * 5))
    page = open_page(graph_of(file), 390, scheme)
    page.get_by_label("Find a layer").fill("#0")
    page.keyboard.press("Enter")
    paper = page.evaluate("getComputedStyle(document.getElementById('panel')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
    assert page.evaluate(CONTRAST) == []
    assert [part for part in page.evaluate(SIDEWAYS) if "svg" not in part and "node" not in part] == []


def test_without_script_links_still_lead_from_layer_to_layer(browser: object, tmp_path: Path) -> None:
    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    (tmp_path / "m.tflite").write_bytes(converted())
    file = tmp_path / "page.html"
    file.write_text(graph_of(tmp_path / "m.tflite"), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert not page.locator("form").is_visible()
    page.locator("a.node[data-node='layer-0']").click()
    page.locator("#layer-0 .makes a").first.click()
    assert page.locator("#layer-1").is_visible()
    context.close()


def test_a_graph_replaces_an_older_graph_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "m.tflite", tmp_path / "out.html"
    file.write_bytes(converted())
    assert main(["inspect", str(file), "--html", str(out)]) == 0
    assert main(["inspect", str(file), "--html", str(out)]) == 0
    out.write_text("<h1>Mine</h1>")
    capsys.readouterr()
    assert main(["inspect", str(file), "--html", str(out)]) == 9
    assert "is no graph of dlpuconv: give another name to --html" in capsys.readouterr().err
    assert main(["inspect", str(file), "--html", str(file)]) == 9
    assert out.read_text() == "<h1>Mine</h1>"
    assert file.read_bytes() == converted()


def test_layers_and_edges_beyond_what_can_be_drawn_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlpuconv.reporting.graph.topology.MOST_LAYERS", 2)
    monkeypatch.setattr("dlpuconv.reporting.graph.topology._MOST_EDGES", 1)
    file = tmp_path / "m.tflite"
    file.write_bytes(converted())  # x -> FULLY_CONNECTED -> FULLY_CONNECTED -> QUANTIZE -> y
    page = make_graph("m.tflite", 1, read(file))
    assert [node.anchor for node in page.nodes] == ["input-0", "layer-0", "layer-1", "output-0"]
    assert len(page.arrows) == 1
    assert page.notes == (
        "1 layer is not drawn",
        "1 edge is not drawn; the details of the layers name it",
    )
    document = render_graph(page)
    assert "#2 QUANTIZE" in document
    assert set(re.findall(r'href="#(layer-\d+)"', document)) == {"layer-0", "layer-1"}
