"""The script of a package, run with stand-ins for Ambarella's tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.targets.cv25.networks import IMAGES, MEAN, MODEL, RNG, STD, converted, gray, network, two_views
from tests.targets.cv25.stand_ins import StandIns

if TYPE_CHECKING:
    from subprocess import CompletedProcess

SYSTEM = "/usr/local/bin:/usr/bin:/bin"
FOUR = ["gen_image_list.py", "onnxparser.py", "vas", "cavalry_gen"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for picture in sorted(IMAGES.iterdir())[:6]:
        shutil.copy(picture, folder)
    return folder


@pytest.fixture(scope="module")
def made(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(MODEL, tmp_path_factory.mktemp("rgb"), calibration=images, mean=MEAN, std=STD)


@pytest.fixture(scope="module")
def made_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_views(tmp_path_factory.mktemp("two"))


@pytest.fixture
def rgb(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "it's a package"))


@pytest.fixture
def tools(tmp_path: Path) -> StandIns:
    return StandIns(tmp_path)


def run(package: Path, *arguments: str, cwd: Path | None = None, **more: str) -> CompletedProcess[str]:
    """The package's script, from anywhere, with nothing of ours on PATH."""
    script = next(package.glob("compile_*.sh"))
    return subprocess.run(
        [script, *arguments],
        cwd=cwd or "/",
        env={"PATH": SYSTEM, "HOME": os.environ["HOME"], **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_four_commands_make_the_file_from_the_packages_own_calibration_files(rgb: Path, tools: StandIns) -> None:
    done = run(rgb, str(tools.environment))
    assert done.returncode == 0, done.stderr
    assert tools.names() == FOUR
    assert "they are equal" in done.stdout
    assert "WARNING: they differ" not in done.stdout
    assert (rgb / "build/cifar_mobilenetv2.cv25.bin").read_bytes() == b"cavalry"
    assert f"made {rgb}/build/cifar_mobilenetv2.cv25.bin" in done.stdout
    assert "larod-client -g cifar_mobilenetv2.cv25.bin -c ambarella-cvflow" in (rgb / "README.md").read_text()
    parser = tools.calls()[1]
    assert parser == [
        "onnxparser.py", "-m", "package/model.onnx", "-o", "cifar_mobilenetv2", "-of", "parser",
        "-isrc", "is:1,3,32,32|iq|idf:0,0,0,0|i:input=lists/input.txt", "-odst", "o:258|odf:fp32",
    ]  # fmt: skip
    listed = (rgb / "build/cv25_work/lists/input.txt").read_text().splitlines()
    assert listed == [f"package/dra_image_bin/00{number}.bin" for number in range(6)]


def test_it_can_be_run_again_and_the_package_stays_as_it_was(rgb: Path, tools: StandIns) -> None:
    for _ in range(2):
        done = run(rgb, str(tools.environment))
        assert done.returncode == 0, done.stderr
    summed = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=rgb, check=False)
    assert summed.returncode == 0


def test_fx16_and_surgery_are_switches(rgb: Path, tools: StandIns) -> None:
    assert run(rgb, str(tools.environment), FX16="1", SURGERY="1").returncode == 0
    assert tools.names() == ["gen_image_list.py", "graph_surgery.py", *FOUR[1:]]
    parser = tools.calls()[2]
    assert parser[-2:] == ["-c", "act-force-fx16,coeff-force-fx16"]
    assert parser[parser.index("-m") + 1] == "model_modified.onnx"
    assert (rgb / "build/cifar_mobilenetv2.cv25.fx16.bin").exists()
    done = run(rgb, FX16="yes")
    assert (done.returncode, "FX16 is 'yes'; it can be 0 or 1" in done.stderr) == (1, True)


def test_paths_of_the_caller_are_the_callers(rgb: Path, tools: StandIns, tmp_path: Path) -> None:
    elsewhere = tmp_path / "where I am"
    elsewhere.mkdir()
    beside = tools.environment.relative_to(tmp_path)
    done = run(rgb, f"../{beside}", cwd=elsewhere, BUILD="my build", OUTPUT="out/net.bin")
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "out/net.bin").read_bytes() == b"cavalry"
    assert (elsewhere / "my build/cv25_work/parser/cifar_mobilenetv2.vas").exists()
    assert not (rgb / "build").exists()


def test_without_an_environment_file_the_tools_on_path_are_used(rgb: Path, tools: StandIns) -> None:
    assert run(rgb, PATH=f"{tools.folder}:{SYSTEM}").returncode == 0
    assert tools.names() == FOUR


def test_several_inputs_and_outputs_get_an_option_each(made_of_two: Path, tools: StandIns) -> None:
    done = run(made_of_two, str(tools.environment), BUILD=str(tools.folder / "b"))
    assert done.returncode == 0, done.stderr
    assert tools.names() == FOUR[1:]
    parser = tools.calls()[0]
    assert [value for flag, value in pairwise(parser) if flag == "-isrc"] == [
        "is:1,3,8,20|iq|idf:0,0,0,0|i:left_view_0=lists/left_view_0.txt",
        "is:1,5|iq|idf:1,2,0,7|i:gr_e_und_x=lists/gr_e_und_x.txt",
    ]
    assert [value for flag, value in pairwise(parser) if flag == "-odst"] == [
        "o:a_0|odf:fp32", "o:b_b|odf:fp32", "o:c|odf:fp32",
    ]  # fmt: skip


@pytest.mark.parametrize("tool", FOUR)
def test_a_tool_that_fails_stops_it_and_is_named(rgb: Path, tools: StandIns, tool: str) -> None:
    done = run(rgb, str(tools.environment), FAIL=tool)
    assert done.returncode == 1
    assert f"compile_cv25.sh: {tool} failed with status 3" in done.stderr
    assert "out of memory" in done.stderr
    assert tools.names() == FOUR[: FOUR.index(tool) + 1]
    assert not list((rgb / "build").glob("*.bin"))


@pytest.mark.parametrize("tool", FOUR)
def test_a_tool_that_makes_nothing_is_no_success_even_after_one(rgb: Path, tools: StandIns, tool: str) -> None:
    assert run(rgb, str(tools.environment)).returncode == 0
    made = rgb / "build/cifar_mobilenetv2.cv25.bin"
    made.write_bytes(b"of before")
    done = run(rgb, str(tools.environment), IDLE=tool)
    assert done.returncode == 1, done.stdout
    assert "compile_cv25.sh: " in done.stderr
    assert made.read_bytes() == b"of before"


def test_the_package_itself_may_be_the_place_to_build_in(rgb: Path, tools: StandIns) -> None:
    for _ in range(2):
        done = run(rgb, str(tools.environment), cwd=rgb, BUILD=".")
        assert done.returncode == 0, done.stderr
    assert (rgb / "cifar_mobilenetv2.cv25.bin").exists()
    assert len(list((rgb / "dra_image_bin").glob("*.bin"))) == 6


def test_folders_of_others_are_not_emptied(rgb: Path, tools: StandIns, tmp_path: Path) -> None:
    precious = tmp_path / "b/cv25_work/precious"
    precious.mkdir(parents=True)
    done = run(rgb, str(tools.environment), BUILD=str(tmp_path / "b"))
    assert (done.returncode, "was not made by this script" in done.stderr) == (1, True)
    assert precious.exists()


def test_it_runs_through_a_link_and_from_a_package_that_cannot_be_written(
    rgb: Path, tools: StandIns, tmp_path: Path
) -> None:
    (tmp_path / "link.sh").symlink_to(rgb / "compile_cv25.sh")
    before = sorted(rgb.rglob("*"))
    done = subprocess.run(
        [tmp_path / "link.sh", tools.environment],
        env={"PATH": SYSTEM, "HOME": os.environ["HOME"], "BUILD": str(tmp_path / "b"), "CDPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(rgb.rglob("*")) == before
    assert not list((tmp_path / "b").rglob("package"))


@pytest.mark.parametrize("tool", FOUR)
def test_a_tool_that_is_missing_is_named_before_it_is_needed(rgb: Path, tools: StandIns, tool: str) -> None:
    (tools.folder / tool).unlink()
    done = run(rgb, str(tools.environment))
    assert done.returncode == 1
    assert f"compile_cv25.sh: {tool} is not on PATH: Ambarella's tools" in done.stderr
    assert tools.names() == []


@pytest.mark.parametrize("name", ["model.onnx", "dra_image_bin/003.bin", "amba_config.json"])
def test_a_changed_or_missing_file_stops_it_before_any_tool(rgb: Path, tools: StandIns, name: str) -> None:
    (rgb / name).write_bytes((rgb / name).read_bytes() + b"!")
    done = run(rgb, str(tools.environment))
    assert done.returncode == 1
    assert "files of this package were changed or are missing" in done.stderr
    (rgb / name).unlink()
    assert run(rgb, str(tools.environment)).returncode == 1
    assert tools.names() == []


def test_commands_and_readme_may_be_changed_by_hand(rgb: Path, tools: StandIns) -> None:
    script = rgb / "compile_cv25.sh"
    script.write_text(script.read_text().replace("vas -auto", "vas -auto ", 1))
    (rgb / "README.md").write_text("notes")
    assert run(rgb, str(tools.environment)).returncode == 0


def test_an_environment_file_that_is_not_there_is_named(rgb: Path) -> None:
    done = run(rgb, "env/cv22.env")
    assert done.returncode == 1
    assert "there is no file 'env/cv22.env'" in done.stderr


def test_tools_that_read_images_in_another_way_are_not_believed(rgb: Path, tools: StandIns) -> None:
    done = run(rgb, str(tools.environment), BGR="1")
    assert done.returncode == 0
    assert "WARNING: they differ" in done.stdout
    assert "package/dra_image_bin/000.bin" in (rgb / "build/cv25_work/lists/input.txt").read_text()


def test_the_comparison_of_images_can_be_left_out(rgb: Path, tools: StandIns) -> None:
    assert run(rgb, str(tools.environment), CHECK_IMAGES="0").returncode == 0
    assert tools.names() == FOUR[1:]


def test_images_of_the_users_own_complete_a_package_without_any(images: Path, tools: StandIns, tmp_path: Path) -> None:
    package = converted(MODEL, tmp_path, mean=MEAN, std=STD)
    done = run(package, str(tools.environment))
    assert done.returncode == 1
    assert "this package holds no calibration images: IMAGES=FOLDER takes 100 to 200 of your own" in done.stderr
    assert tools.names() == []
    done = run(package, str(tools.environment), IMAGES=str(images), EXT="png")
    assert done.returncode == 0, done.stderr
    listed = (package / "build/cv25_work/lists/input.txt").read_text().splitlines()
    assert listed == [f"from_images/image_{number}.bin" for number in range(6)]
    assert "6 samples for input" in done.stdout
    assert "WARNING: 6 samples are few; 100 to 200 are better" in done.stdout
    assert "no file in" in run(package, IMAGES=str(images)).stderr
    assert run(package, str(tools.environment), IMAGES=str(images), EXT=".png").returncode == 0


def test_what_is_no_rgb_image_needs_no_image_tool(tools: StandIns, tmp_path: Path) -> None:
    samples = RNG.integers(0, 256, (6, 1, 8, 32)).astype(np.float32)
    (tools.folder / "gen_image_list.py").unlink()
    done = run(gray(tmp_path, calibration={"x": samples}), str(tools.environment))
    assert done.returncode == 0, done.stderr
    assert tools.names() == FOUR[1:]
    bare = gray(tmp_path / "bare")
    assert "holds no calibration data: convert again" in run(bare, str(tools.environment)).stderr
    assert "IMAGES is for networks of one RGB input" in run(bare, str(tools.environment), IMAGES="/").stderr


def test_raw_files_of_the_users_own_calibrate_any_package(tools: StandIns, tmp_path: Path) -> None:
    (tmp_path / "my bins").mkdir()
    sample, listed = tmp_path / "my bins/0.bin", tmp_path / "my bins/list.txt"
    sample.write_bytes(bytes(8 * 32))
    listed.write_text(f"{sample}\n0.bin\n")
    bare = gray(tmp_path / "bare")
    done = run(bare, str(tools.environment), cwd=tmp_path, BIN_LISTS="my bins/list.txt")
    assert done.returncode == 0, done.stderr
    assert "2 samples for x" in done.stdout
    assert "is:1,1,8,32|iq|idf:0,0,0,0|i:x=lists/x.txt" in tools.calls()[0]
    assert "BIN_LISTS names 2 files; inputs: 1" in run(bare, BIN_LISTS=f"{listed}:{listed}").stderr
    assert "there is no file 'nowhere' (BIN_LISTS)" in run(bare, BIN_LISTS="nowhere").stderr
    for content, wrong in (
        ("absent.bin\n", "absent.bin', which is not there"),
        ("list.txt\n", "a sample of x has 256"),
        ("\n", "names no file"),
    ):
        listed.write_text(content)
        done = run(bare, str(tools.environment), cwd=tmp_path, BIN_LISTS="my bins/list.txt")
        assert (done.returncode, wrong in done.stderr) == (1, True), done.stderr


def test_the_lists_of_another_package_start_from_its_root(made_of_two: Path, tools: StandIns, tmp_path: Path) -> None:
    bare = two_views(tmp_path / "bare", bare=True)
    lists = [made_of_two / f"dra_image_bin/{name}/dra_bin_list.txt" for name in ("left_view_0", "gr_e_und_x")]
    done = run(bare, str(tools.environment), BIN_LISTS=":".join(map(str, lists)))
    assert done.returncode == 0, done.stderr
    assert "7 samples for gr_e_und_x" in done.stdout
    short = tmp_path / "short.txt"
    short.write_text("".join(f"{made_of_two}/{line}\r\n" for line in lists[1].read_text().splitlines()[:3]))
    done = run(bare, str(tools.environment), BIN_LISTS=f"{lists[0]}:{short}")
    assert (done.returncode, "the lists differ in length: 7, and 3 for gr_e_und_x" in done.stderr) == (1, True)
    last = next((bare / "build").rglob("left_view_0.txt"))
    done = run(bare, str(tools.environment), BIN_LISTS=f"{last}:{short}")
    assert (done.returncode, "which is emptied: copy it elsewhere first" in done.stderr) == (1, True)
    assert last.exists()


def test_two_runs_do_not_meet(rgb: Path, tools: StandIns) -> None:
    (rgb / "build/cv25_work.lock").mkdir(parents=True)
    done = run(rgb, str(tools.environment))
    assert (done.returncode, "another run works in" in done.stderr) == (1, True)
    (rgb / "build/cv25_work.lock").rmdir()
    assert run(rgb, str(tools.environment), FAIL="vas").returncode == 1
    assert run(rgb, str(tools.environment)).returncode == 0
    assert not [path for path in (rgb / "build").rglob("*") if path.is_symlink() or path.suffix == ".lock"]


def test_an_environment_file_cannot_end_it_in_silence_or_take_its_names(rgb: Path, tools: StandIns) -> None:
    tools.environment.write_text(f"PACKAGE=theirs MODEL=theirs\n{tools.environment.read_text()}")
    assert run(rgb, str(tools.environment)).returncode == 0
    tools.environment.write_text("exit 0\n")
    done = run(rgb, str(tools.environment))
    assert (done.returncode, "ends the shell that reads it" in done.stderr) == (1, True)


def test_the_output_may_be_a_folder_but_no_file_of_the_package(rgb: Path, tools: StandIns, tmp_path: Path) -> None:
    done = run(rgb, str(tools.environment), OUTPUT=f"{tmp_path}/new folder/")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new folder/cifar_mobilenetv2.cv25.bin").exists()
    assert run(rgb, str(tools.environment), OUTPUT=str(tmp_path / "new folder"), FX16="1").returncode == 0
    assert (tmp_path / "new folder/cifar_mobilenetv2.cv25.fx16.bin").exists()
    done = run(rgb, str(tools.environment), cwd=rgb, OUTPUT="model.onnx")
    assert (done.returncode, "a file of this package" in done.stderr) == (1, True)


def test_another_shell_hands_over_to_bash(rgb: Path, tools: StandIns) -> None:
    done = subprocess.run(
        ["sh", "compile_cv25.sh", tools.environment],
        cwd=rgb, env={"PATH": SYSTEM, "HOME": os.environ["HOME"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_cv75_differs_in_names_device_and_environment(tools: StandIns, tmp_path: Path) -> None:
    samples = RNG.integers(0, 256, (6, 1, 8, 32)).astype(np.float32)
    package = gray(tmp_path, target="cv75", calibration={"x": samples})
    assert package.name.endswith(".cv75")
    assert "give the tools' env/cv75.env" in run(package, "nowhere").stderr
    done = run(package, str(tools.environment))
    assert done.returncode == 0, done.stderr
    assert "-c cv75-dlpu-native" in (package / "README.md").read_text()
    assert list((package / "build").glob("*.cv75.bin"))


@pytest.mark.slow
def test_shellcheck_has_nothing_to_say_about_any_of_them(made: Path, made_of_two: Path, tmp_path: Path) -> None:
    packages = [
        made,
        made_of_two,
        converted(MODEL, tmp_path / "no images"),
        gray(tmp_path / "gray"),
        gray(tmp_path / "cv75", target="cv75"),
        converted(network({"x": (1, 4)}, {"y": "x"}), tmp_path / "numbers"),
    ]
    scripts = [script for package in packages for script in package.glob("compile_*.sh")]
    assert len(scripts) == len(packages)
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
