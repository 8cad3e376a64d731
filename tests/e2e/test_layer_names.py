"""One name for a layer everywhere: what a user knows it by, and what one command prints, means it in all others."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.inspection.selection import read_named, select_layers
from dlpuconv.registry import load_target
from dlpuconv.verification.question import Question
from dlpuconv.verification.verifier import verify_file
from tests.e2e.support import Sandbox
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.workflow.conversion import Conversion

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.slow
SAMPLES = {"image": np.random.default_rng(5).random((20, 3, 16, 16), np.float32)}
IMAGE = torch.zeros(1, 3, 16, 16)


class Block(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, inside: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(inside, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU6())
        self.project = nn.Conv2d(out, out, 1)

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        return x + self.project(x)


class Head(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Sequential(nn.Conv2d(6, 6, 3, 1, 1, groups=6), nn.SiLU(), nn.Conv2d(6, 3, 1))
        self.box = nn.Conv2d(6, 4, 1)

    def forward(self, x: Any) -> Any:
        return torch.cat([self.box(x).flatten(2), self.scores(x).sigmoid().flatten(2)], 1)


class Detector(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(Block(3, 4), Block(4, 6))
        self.heads = nn.ModuleList([Head(), Head()])
        self.fc = nn.Linear(6, 5)

    def forward(self, image: Any) -> Any:
        x = self.backbone(image)
        return torch.cat([head(x) for head in self.heads], 2), self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module")
def module() -> Any:
    torch.manual_seed(0)
    network = Detector()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.normal_(part.running_mean, 0.0, 0.3)
    return network.eval()


@pytest.fixture(scope="module")
def exported(module: Any) -> bytes:
    """By torch's exporter, as `dlpuconv.convert` does it: modules are told beside nodes such as `node_conv2d_3`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, (IMAGE,), dynamo=True, verbose=False)
    content: bytes = program.model_proto.SerializeToString()
    return content


@pytest.fixture(scope="module")
def named(module: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By torch's older exporter: nodes are `/backbone/backbone.0/conv/conv.0/Conv`."""
    path: Path = tmp_path_factory.mktemp("onnx") / "named.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and says so
        torch.onnx.export(module, (IMAGE,), path, dynamo=False, input_names=["image"], output_names=["boxes", "label"])
    return path


@pytest.fixture(scope="module")
def unnamed(named: Path) -> Path:
    """The same without names of nodes and of modules: only values have names."""
    model = onnx.load(named)
    renamed = {name: f"v{i}" for i, name in enumerate(name for node in model.graph.node for name in node.output)}
    renamed |= {tensor.name: f"w{i}" for i, tensor in enumerate(model.graph.initializer)}
    kept = {value.name for value in model.graph.output}
    renamed = {before: after for before, after in renamed.items() if before not in kept}
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for tensor in model.graph.initializer:
        tensor.name = renamed[tensor.name]
    del model.graph.value_info[:]
    onnx.save(model, named.with_name("unnamed.onnx"))
    return named.with_name("unnamed.onnx")


def convert(model: Any, **more: Any) -> Conversion:
    asked: dict[str, Any] = {"target": "artpec8", "effort": "fast", "min_sqnr": -100.0, **more}
    if not isinstance(model, bytes):
        asked["example_inputs"] = (IMAGE,)
    return dlpuconv.convert(model, calibration=SAMPLES, **asked)


def switched(model: Any, name: str) -> list[str]:
    """Titles of the layers that an override of this name makes per channel."""
    artifact = convert(model, overrides={name: "per-channel"}).artifacts[0].artifact
    layers: Any = artifact.facts["layers"]
    return [layer["name"] for layer in layers if layer["granularity"] == "per-channel"]


BLOCK = ["backbone.0.conv.0", "backbone.0.project"]
HEAD = ["heads.0.box", "heads.0.scores.0", "heads.0.scores.2"]
HEAD_1 = [title.replace("heads.0", "heads.1") for title in HEAD]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("backbone.0.conv.0", ["backbone.0.conv.0"]),  # the convolution, which the exporter fused with
        ("backbone.0.conv.1", ["backbone.0.conv.0"]),  # the batch norm
        ("backbone.0.conv", ["backbone.0.conv.0"]),
        ("backbone.0", BLOCK),
        ("backbone.0.*", BLOCK),
        ("heads.0", HEAD),
        ("*.box", ["heads.0.box", "heads.1.box"]),
    ],
)
def test_an_override_takes_the_paths_of_a_module(exported: bytes, name: str, layers: list[str]) -> None:
    assert sorted(switched(exported, name)) == sorted(layers)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("/backbone/backbone.0/conv/conv.0/Conv", ["backbone.0.conv.0"]),  # the node
        ("/backbone/backbone.0/conv/conv.0/Conv_output_0", ["backbone.0.conv.0"]),  # what it makes, before the ReLU6
        ("/backbone/backbone.0/conv/conv.2/Clip_output_0", ["backbone.0.conv.0"]),  # the tensor in the file
        ("backbone.0.conv.2", ["backbone.0.conv.0"]),  # the ReLU6 that was fused into it
        ("label", ["fc"]),  # the ONNX output
        ("label_int8", ["fc"]),  # what the layer makes in the file, whose output is uint8
        ("/heads.?/scores/*", [f"heads.{i}.scores.{j}" for i in (0, 1) for j in (0, 2)]),
    ],
)
def test_an_override_takes_the_names_of_onnx_and_of_the_file(named: Path, name: str, layers: list[str]) -> None:
    assert sorted(switched(named.read_bytes(), name)) == sorted(layers)


def test_what_names_no_layer_with_weights_is_refused_and_never_ignored(named: Path) -> None:
    with raises_error("override-matches-nothing", "'heads.0.bx': 'per-channel'", "'heads.0.box'"):
        switched(named.read_bytes(), "heads.0.bx")
    with raises_error("override-matches-nothing", "Concat_2': 'per-channel'", "/heads.0/Concat_2"):
        switched(named.read_bytes(), "/heads.0/Concat_2")


def test_where_the_chip_s_compiler_decides_an_override_is_told_to_do_nothing(named: Path) -> None:
    report = convert(named.read_bytes(), target="cv25", overrides={"heads.0.box": "per-channel"}).report
    assert "overrides={'heads.0.box': 'per-channel'} has no effect: cv25 takes float32 numbers" in report.warnings


@pytest.mark.parametrize("kind", ["module", "named", "unnamed"])
def test_every_title_means_its_layer_in_every_command(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    given = request.getfixturevalue(kind)
    model = given if kind == "module" else given.read_bytes()
    inputs: Any = {"example_inputs": (IMAGE,)} if kind == "module" else {}
    made = convert(model, report=True)
    (path,) = made.save(tmp_path)
    analysis = dlpuconv.analyze(model, target="artpec8", calibration=SAMPLES, effort="fast", **inputs)[0]
    checkup = dlpuconv.check(model, target="artpec8", **inputs)[0]
    view = read_named(path)

    titles = [layer.name for layer in view.layers]
    assert [layer.names.title for layer in checkup.layers] == titles
    assert {layer.error.names.title for layer in analysis.layers} <= set(titles)
    assert made.report.placement is not None
    assert [layer.name for layer in made.report.placement.layers] == titles
    assert made.report.layers is not None
    assert {layer.names.title for layer in made.report.layers.layers} <= set(titles)
    assert {hit.layer for finding in made.report.findings for hit in finding.hits} <= set(titles)
    page = made.artifacts[0].to_html()
    assert all(f'<span class="name">{title}</span>' in page for title in titles)

    for layer in view.layers:
        found = select_layers(view, [layer.name])
        assert layer in found
        # one node may become several operators, such as a PAD and a convolution; a QUANTIZE makes its input's value
        assert {other.name for other in found if other.op != "QUANTIZE"} <= {layer.name} or layer.op == "QUANTIZE"


def test_both_exporters_give_a_layer_the_same_name(exported: bytes, named: Path) -> None:
    models = (exported, named.read_bytes())
    analyses = (dlpuconv.analyze(m, target="artpec8", calibration=SAMPLES, effort="fast")[0] for m in models)
    one, other = ({found.error.names.title for found in a.layers if _has_weights(found)} for a in analyses)
    assert one == other == {*BLOCK, "backbone.1.conv.0", "backbone.1.project", *HEAD, *HEAD_1, "fc"}


def _has_weights(found: BlamedLayer) -> bool:
    return found.error.weights_share is not None


def test_a_file_that_has_lost_its_manifest_gets_the_names_from_the_source(named: Path, tmp_path: Path) -> None:
    (path,) = convert(named.read_bytes()).save(tmp_path)
    with_manifest = _named_in_a_report(path, None)
    alone = path.rename(tmp_path / "alone.tflite")
    assert _named_in_a_report(alone, named) == with_manifest
    assert "backbone.0.conv.0" in with_manifest
    assert "backbone.0.conv.0" not in _named_in_a_report(alone, None)


def _named_in_a_report(path: Path, reference: Path | None) -> Sequence[str]:
    from dlpuconv.frontends import load
    from dlpuconv.frontends.options import SourceOptions

    source = load(reference, SourceOptions()) if reference else None
    report = verify_file(path, load_target("artpec8"), Question(reference=source))
    return [layer.name for layer in report.granularity.layers]


def test_the_command_line_prints_all_names_and_takes_each(named: Path, sandbox: Sandbox) -> None:
    (path,) = convert(named.read_bytes()).save(sandbox.root)
    for name in ("heads.0.box", "/heads.0/box/Conv", "/heads.0/box/Conv_output_0", "*.0.box"):
        done = sandbox.run("inspect", str(path), "--layer", name, "--json")
        (layer,) = json.loads(done.stdout)["layers"]
        assert (layer["name"], layer["module"], layer["node"], layer["tensor"]) == (
            "heads.0.box", "heads.0.box", "/heads.0/box/Conv", "/heads.0/box/Conv_output_0",
        )  # fmt: skip
    done = sandbox.run("inspect", str(path), "--layer", "heads.0.bax")
    assert done.returncode == 2
    assert "(did you mean 'heads.0.box'?)" in done.stderr
