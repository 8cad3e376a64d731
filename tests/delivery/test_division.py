"""The parts of a network that lie beside an artifact: names, bytes, and what the manifest says of them."""

from __future__ import annotations

import json

import onnx

from dlpuconv.delivery import DividedNetwork
from dlpuconv.division.division import Division, Rest
from dlpuconv.manifest import DivisionRecord, Maker, Wire
from dlpuconv.manifest.fields import Fields

FRONT = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]> g (float[1, 8] sound) => (float[1, 8] loud) { loud = Abs(sound) }
""")
TAIL = onnx.parser.parse_model("""
<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 4] scores, float[1, 8] loud, float[1] limit) => (float[1, 4] best) { best = Mul(scores, limit) }
""")
DIVISION = Division(
    inputs=("sound", "limit"),
    outputs=("best", "scores", "loud", "limit"),
    front=Rest(model=FRONT, reads=("sound",), gives=("loud",), operators=("Abs 'a'",)),
    entry=("loud",),
    cut=("scores",),
    tail=Rest(model=TAIL, reads=("scores", "loud", "limit"), gives=("best",), operators=("Mul 'm'",), macs=4),
    reasons=("Mul has none",),
    macs=100,
    macs_on_chip=96,
    entering=20,
    crossing=4,
)


def test_every_value_comes_from_the_last_part_that_gives_it() -> None:
    record = DividedNetwork(division=DIVISION, stem="m.artpec8.", native={"tail": b"TFL3"}, suffix=".tflite").record
    assert record.front is not None
    assert record.tail is not None
    assert (record.front.file, record.front.native) == ("m.artpec8.front.onnx", "")
    assert (record.tail.file, record.tail.native) == ("m.artpec8.tail.onnx", "m.artpec8.tail.tflite")
    assert record.entry == (Wire(name="loud", maker=Maker.FRONT),)
    assert [wire.maker for wire in record.tail.reads] == [Maker.CHIP, Maker.FRONT, Maker.SOURCE]
    assert [wire.maker for wire in record.outputs] == [Maker.TAIL, Maker.CHIP, Maker.FRONT, Maker.SOURCE]
    assert DivisionRecord.parse(Fields(json.loads(json.dumps(record.to_json())))) == record


def test_files_are_named_after_the_artifact_and_in_a_package_after_the_part() -> None:
    beside = DividedNetwork(division=DIVISION, stem="m.artpec8.", native={"tail": b"TFL3"}, suffix=".tflite")
    assert sorted(beside.files) == sorted(beside.record.files)
    assert beside.files["m.artpec8.tail.tflite"] == b"TFL3"
    assert sorted(DividedNetwork(division=DIVISION, stem="").files) == ["front.onnx", "tail.onnx"]


def test_same_part_same_bytes_and_nothing_of_the_exporting_machine() -> None:
    told = onnx.ModelProto()
    told.CopyFrom(TAIL)
    told.producer_name, told.doc_string = "pytorch", "/home/me/model.py"
    told.graph.node[0].doc_string = 'File "/home/me/model.py", line 3'
    told.graph.node[0].metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/me/model.py")
    told.metadata_props.add(key="author", value="me")
    rest = Rest(model=told, reads=("scores", "loud", "limit"), gives=("best",))
    division = Division(inputs=("limit",), outputs=("best",), entry=(), cut=("scores", "loud"), tail=rest)
    made = DividedNetwork(division=division, stem="").files["tail.onnx"]
    assert made == DividedNetwork(division=DIVISION, stem="").files["tail.onnx"]
    assert b"/home" not in made
    onnx.checker.check_model(onnx.ModelProto.FromString(made), full_check=True)


def test_each_part_is_told_in_a_line_with_its_file() -> None:
    assert DividedNetwork(division=DIVISION, stem="m.artpec8.").told == (
        "front: Abs runs on the CPU (none of the MACs; 20 bytes cross) - m.artpec8.front.onnx",
        "tail: Mul runs on the CPU (4 % of the MACs; 4 bytes cross) - m.artpec8.tail.onnx",
    )
