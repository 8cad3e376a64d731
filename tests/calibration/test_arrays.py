from __future__ import annotations

import io
import shutil
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, override

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.calibration import make_preprocessing
from dlpuconv.calibration.spool import Spool
from dlpuconv.errors import CalibrationError
from dlpuconv.ir import Layout, Signature
from tests.calibration.support import RGB_4X6, VECTOR_5, all_values, read, spec, takes
from tests.error_ids import raises_error

ROWS = np.arange(30, dtype=np.float32).reshape(6, 5)
TWO = takes(spec(1, 5, name="a"), spec(1, 2, 3, name="b"))


def by_number(values: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    return np.concatenate(sorted(values, key=lambda v: float(v.ravel()[0])))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_read_by_input_name_and_never_rescaled(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "c.npz", x=ROWS, labels=np.arange(6))
    found = read(tmp_path / "c.npz", VECTOR_5, preprocessing=make_preprocessing(preset="imagenet"))
    np.testing.assert_array_equal(by_number(all_values(found)), ROWS)
    assert all(v.shape == (1, 5) and v.dtype == np.float32 for v in all_values(found))


def test_a_model_of_one_input_accepts_a_single_array_of_any_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", images=ROWS)
    assert len(read(tmp_path / "c.npz", VECTOR_5).fit) == 5


@pytest.mark.parametrize("in_file", [True, False])
def test_arrays_of_other_names_feed_an_input_that_nothing_else_fits(tmp_path: Path, in_file: bool) -> None:
    arrays = {"images": ROWS, "labels": np.arange(6), "names": np.array(["cat"] * 6)}
    np.savez(tmp_path / "c.npz", **arrays)  # type: ignore[arg-type]
    found = read(tmp_path / "c.npz" if in_file else arrays, VECTOR_5)
    np.testing.assert_array_equal(by_number(all_values(found)), ROWS)
    assert any("'images' is taken for the input 'x'" in text for text in found.warnings)


def test_the_only_array_is_taken_whatever_its_name_and_that_is_told() -> None:
    told = "in the calibration data, 'images' is taken for the input 'x': nothing else is there"
    assert told in read({"images": ROWS}, VECTOR_5).warnings
    for source in ({"arr_0": ROWS}, {"x": ROWS}, ROWS):
        assert not any("is taken for" in text for text in read(source, VECTOR_5).warnings)


@pytest.mark.parametrize("shape", [(6, 2, 1, 8), (6, 2, 8), (12, 1, 8)])
def test_states_of_a_recurrent_network_are_taken_sample_by_sample(shape: tuple[int, ...]) -> None:
    values = np.arange(96, dtype=np.float32)
    found = read(values.reshape(shape), takes(spec(2, 1, 8, name="state")))
    np.testing.assert_array_equal(by_number(all_values(found, "state")), values.reshape(12, 1, 8))


def test_states_with_their_samples_along_the_second_axis_are_answered_with_what_turns_them() -> None:
    states, signature = np.arange(96, dtype=np.float32).reshape(2, 6, 8), takes(spec(2, 1, 8, name="state"))
    with raises_error("calibration-shape", "[2, 1, 8]", "[N, 2, 1, 8]", "axis 1", "numpy.moveaxis(x, 1, 0)"):
        read(states, signature)
    first = by_number(all_values(read(np.moveaxis(states, 1, 0), signature), "state"))[:2]
    np.testing.assert_array_equal(first, states[:, :1])


def test_different_numbers_of_samples_are_answered_with_the_shapes_of_n() -> None:
    both = takes(spec(1, 5), spec(2, 1, 8, name="state"))
    with raises_error("calibration-counts-differ", "6 for 'x', 3 for 'state'", "'x' [N, 5]"):
        read({"x": ROWS, "state": np.arange(48.0).reshape(6, 1, 8)}, both)


@pytest.mark.parametrize("shape", [(7, 4, 6), (7, 4, 6, 1), (7, 1, 4, 6)])
def test_gray_pictures_need_no_axis_of_channels(shape: tuple[int, ...]) -> None:
    values = np.arange(7 * 24, dtype=np.float32)
    found = read(values.reshape(shape), takes(spec(1, 1, 4, 6)))
    np.testing.assert_array_equal(by_number(all_values(found)), values.reshape(7, 1, 4, 6))


def test_an_npy_feeds_a_model_of_one_input(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", ROWS)
    np.testing.assert_array_equal(by_number(all_values(read(tmp_path / "c.npy", VECTOR_5))), ROWS)


def test_fortran_order_is_read_as_numpy_does(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=np.asfortranarray(ROWS))
    np.testing.assert_array_equal(by_number(all_values(read(tmp_path / "c.npz", VECTOR_5))), ROWS)


def test_several_inputs_stay_together(tmp_path: Path) -> None:
    other = np.arange(36, dtype=np.float32).reshape(6, 2, 3)
    np.savez(tmp_path / "c.npz", b=other, a=ROWS)
    for sample in read(tmp_path / "c.npz", TWO).fit:
        row = int(sample["a"][0, 0]) // 5
        np.testing.assert_array_equal(sample["b"], other[row : row + 1])


@pytest.mark.parametrize("shape", [(6, 5), (6, 1, 5)])
def test_a_batch_axis_of_one_may_be_written_out(shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(by_number(all_values(read(ROWS.reshape(shape), VECTOR_5))), ROWS)


def test_one_sample_without_a_batch_axis_is_one_sample() -> None:
    assert len(read(ROWS[0], VECTOR_5).fit) == 1


def test_samples_that_are_an_array_each_are_to_be_stacked_and_few_of_them_are_named() -> None:
    apart = {f"arr_{number}": np.ones((1, 5)) for number in range(30)}
    with raises_error("calibration-inputs-ambiguous", "27 more", "stack"):
        read(apart, takes(spec(1, 5)))


def test_a_fixed_batch_of_two_takes_rows_in_pairs() -> None:
    found = read(ROWS, takes(spec(2, 5)))
    assert [v.shape for v in all_values(found)] == [(2, 5)] * 3
    with raises_error("calibration-shape", "[5, 5]", "'x'", "[2, 5]"):
        read(ROWS[:5], takes(spec(2, 5)))


@pytest.mark.parametrize("source", [{"x": ROWS}, {"anything": ROWS}, ROWS, {"x": ROWS.tolist()}])
def test_arrays_in_memory_are_taken_as_they_are(source: Any) -> None:
    np.testing.assert_array_equal(by_number(all_values(read(source, VECTOR_5))), ROWS)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", ">f4", "bool"])
def test_numbers_that_float32_holds_exactly_become_float32(tmp_path: Path, dtype: str) -> None:
    values = (ROWS % 2).astype(dtype)
    np.save(tmp_path / "c.npy", values)
    for found in (read(tmp_path / "c.npy", VECTOR_5), read(values, VECTOR_5)):
        assert {v.dtype for v in all_values(found)} == {np.dtype(np.float32)}
        assert sum(v.sum() for v in all_values(found)) == values.sum()


def test_integers_that_float32_cannot_hold_are_refused() -> None:
    with raises_error("calibration-dtype", "int64", "float32"):
        read(np.full((2, 5), 2**24 + 1), VECTOR_5)


def test_an_integer_input_takes_whole_numbers_only() -> None:
    tokens = takes(spec(1, 5, dtype="int64"))
    assert {v.dtype for v in all_values(read(ROWS, tokens))} == {np.dtype(np.int64)}
    with raises_error("calibration-dtype", "float32", "int64"):
        read(ROWS + 0.5, tokens)


def test_nhwc_arrays_for_an_nchw_model_are_named_as_such() -> None:
    with raises_error("calibration-shape", "[1, 3, 4, 6]", "[N, 3, 4, 6]", "NHWC", "0, 3, 1, 2"):
        read(np.zeros((7, 4, 6, 3), np.float32), RGB_4X6)
    with raises_error("calibration-shape", "NCHW", "NHWC", "0, 2, 3, 1"):
        read(np.zeros((7, 3, 4, 6), np.float32), takes(spec(1, 4, 6, 3, layout=Layout.NHWC)))


@pytest.mark.parametrize(
    ("source", "signature", "told"),
    [
        (ROWS, RGB_4X6, ("calibration-shape", "[6, 5]", "'x'", "[1, 3, 4, 6]", "[N, 3, 4, 6]")),
        ({"a": ROWS}, TWO, ("calibration-input-missing", "'a'", "'b'")),
        ({"a": ROWS, "bb": ROWS}, TWO, ("calibration-input-missing", "'b' missing", "did you mean 'bb'")),
        ({"y": ROWS, "z": ROWS}, VECTOR_5, ("calibration-inputs-ambiguous", "'y'", "'z'", "'x'")),
        (
            {"a": ROWS, "b": np.zeros((5, 2, 3))},
            TWO,
            ("calibration-counts-differ", "6 for 'a'", "5 for 'b'"),
        ),
        (ROWS, TWO, ("calibration-inputs-unnamed", "2 inputs")),
        (ROWS[:0], VECTOR_5, ("calibration-no-samples",)),
        (np.array([["a"] * 5]), VECTOR_5, ("calibration-not-numbers",)),
        (np.ones((2, 5), np.complex64), VECTOR_5, ("calibration-not-numbers", "complex64")),
        (np.array([[None] * 5]), VECTOR_5, ("calibration-not-an-array",)),
        ({"x": [[1, 2], [3]]}, VECTOR_5, ("calibration-not-an-array", "list")),
        ({"x": "text"}, VECTOR_5, ("calibration-not-an-array", "text")),
    ],
)
def test_what_does_not_fit_is_told_with_what_was_found(
    source: Any, signature: Signature, told: tuple[str, ...]
) -> None:
    with raises_error(*told):
        read(source, signature)


class Bomb:
    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("name", ["c.npy", "c.npz"])
def test_pickles_are_refused_and_never_run(tmp_path: Path, name: str) -> None:
    objects = np.array([Bomb()], dtype=object)
    (np.save if name == "c.npy" else np.savez)(tmp_path / name, objects, allow_pickle=True)
    with raises_error("calibration-not-numbers", "Python objects"):
        read(tmp_path / name, VECTOR_5)


@pytest.mark.parametrize("name", ["c.npy", "c.npz"])
@pytest.mark.parametrize("kept", [0, 5, 70, 200])
def test_a_truncated_file_is_an_error_of_one_sentence(tmp_path: Path, name: str, kept: int) -> None:
    (np.save if name == "c.npy" else np.savez)(tmp_path / name, ROWS)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:kept])
    with pytest.raises(CalibrationError, match=name) as caught:
        read(tmp_path / name, VECTOR_5)
    assert caught.value.id in {"calibration-file-damaged", "calibration-file-unreadable"}


def test_a_fortran_file_that_promises_more_than_it_holds_is_truncated(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.asfortranarray(ROWS))
    whole = (tmp_path / "c.npy").read_bytes()
    (tmp_path / "c.npy").write_bytes(whole[:-4])
    with raises_error("calibration-file-damaged"):
        read(tmp_path / "c.npy", VECTOR_5)


@pytest.mark.parametrize(("old", "new"), [(b"'fortran_order'", b"'fortran_order~"), (b"(6, 5)", b"(-6,5)")])
def test_a_damaged_header_is_an_error_of_one_sentence(tmp_path: Path, old: bytes, new: bytes) -> None:
    np.save(tmp_path / "c.npy", ROWS)
    whole = (tmp_path / "c.npy").read_bytes()
    (tmp_path / "c.npy").write_bytes(whole.replace(old, new))
    with pytest.raises(CalibrationError, match=r"c\.npy") as caught:
        read(tmp_path / "c.npy", VECTOR_5)
    assert "\n" not in str(caught.value)


def test_a_damaged_archive_member_is_found_by_its_checksum(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, x=ROWS)
    content = bytearray(stream.getvalue())
    content[content.index(ROWS[3].tobytes())] ^= 1
    (tmp_path / "c.npz").write_bytes(content)
    with raises_error("calibration-file-unreadable", ".npz"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_an_archive_without_arrays_says_what_the_model_takes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with raises_error("calibration-input-missing", "'x'"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_a_limit_takes_rows_from_everywhere(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", ROWS)
    found = read(tmp_path / "c.npy", VECTOR_5, limit=3, validation=ROWS)
    np.testing.assert_array_equal([s["x"][0, 0] for s in found.fit], [0, 10, 25])


def test_equal_arrays_have_equal_digests_wherever_they_come_from(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "c.npz", x=ROWS)
    files, memory = read(tmp_path / "c.npz", VECTOR_5), read({"x": ROWS.astype(np.float64)}, VECTOR_5)
    assert files.fit.digest == memory.fit.digest
    assert files.fit.digest != files.held_out.digest
    changed = ROWS.copy()
    changed[0, 0] = 9
    assert read(changed, VECTOR_5).fit.digest != files.fit.digest


def test_the_callers_arrays_are_not_written_to() -> None:
    source = ROWS.copy()
    for sample in read(source, VECTOR_5).fit:
        sample["x"][:] = -1
    np.testing.assert_array_equal(source, ROWS)


LARGE = takes(spec(1, 3, 512, 512))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_samples_of_several_megabytes_are_read_from_an_npz(tmp_path: Path, save: Any, order: Any) -> None:
    values = np.random.default_rng(0).integers(0, 9, (3, 3, 512, 512)).astype(np.float32, order=order)
    save(tmp_path / "c.npz", x=values)
    found = read(tmp_path / "c.npz", LARGE, validation={"x": values[:1]}).fit
    np.testing.assert_array_equal(np.concatenate([sample["x"] for sample in found]), values)


@pytest.mark.parametrize("shape", [(6, 5), (6, 1, 5), (5,)])
@pytest.mark.parametrize("name", ["c.npy", "c.npz"])
def test_fortran_order_of_every_shape_is_gathered(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    values = np.asfortranarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    (np.save if name == "c.npy" else np.savez)(tmp_path / name, values)
    found = read(tmp_path / name, VECTOR_5, validation={"x": ROWS}).fit
    np.testing.assert_array_equal(np.concatenate([s["x"] for s in found]), values.reshape(-1, 5))


def test_fortran_order_of_a_fixed_batch_and_a_limit_is_gathered_over_many_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlpuconv.calibration.turned._BLOCK", 2 * 10 * 4)  # two lines of ten entries
    monkeypatch.setattr("dlpuconv.calibration.turned.IN_MEMORY", 8)
    values = np.arange(10 * 3 * 5, dtype=np.float32).reshape(10, 3, 5)
    np.savez(tmp_path / "c.npz", x=np.asfortranarray(values))
    found = read(tmp_path / "c.npz", takes(spec(2, 3, 5)), validation={"x": values}, limit=3).fit
    np.testing.assert_array_equal([sample["x"] for sample in found], [values[:2], values[4:6], values[8:]])


class Counted(io.BytesIO):
    """Remembers how much was asked for at most."""

    most = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        Counted.most = max(Counted.most, -1 if size is None else size)
        return super().read(size)


@pytest.mark.parametrize("order", ["C", "F"])
def test_reading_asks_for_no_more_at_a_time_however_many_samples_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    monkeypatch.setattr("dlpuconv.calibration.turned._BLOCK", 4 * 1000)
    for count in (10, 1000):
        np.savez(
            tmp_path / f"{count}.npz",
            x=np.asarray(np.random.default_rng(0).random((count, 50)), np.float32, order=order),
        )
    opened = zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *args: Counted(opened(*args).read()))
    asked = []
    for count in (10, 1000):
        Counted.most = 0
        assert (
            len(read(tmp_path / f"{count}.npz", takes(spec(1, 50)), validation={"x": np.arange(50.0)[None]}).fit)
            == count
        )
        asked.append(Counted.most)
    assert max(asked) <= 4 * 1000


def claiming(tmp_path: Path, shape: str, values: bytes, **options: Any) -> Path:
    """An `.npz` of one array whose header, written by hand, says what it likes."""
    text = f"{{'descr': '<f4', 'fortran_order': {options.pop('order', 'False')}, 'shape': {shape}, }}".encode()
    text = text.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "c.npz", "w", options.pop("method", zipfile.ZIP_DEFLATED)) as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values)
    return tmp_path / "c.npz"


@pytest.mark.parametrize("order", ["False", "True"])
def test_a_header_that_claims_more_than_there_is_is_refused_before_values_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    path = claiming(tmp_path, "(214748364, 5)", bytes(4 << 20), order=order)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", bounded(zipfile.ZipExtFile.read, 200))
    with raises_error("calibration-file-damaged", "4294967280", "4194304"):
        read(path, VECTOR_5)


def bounded(method: Any, most: int) -> Any:
    """A method `read` that fails the test when it is asked for too much."""

    def read_some(self: Any, size: int = -1) -> Any:
        assert 0 <= size <= most
        return method(self, size)

    return read_some


@pytest.mark.parametrize("order", ["False", "True"])
def test_an_array_that_unpacks_to_far_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr("dlpuconv.calibration.npz._BOMB_BYTES", 1 << 20)
    path = claiming(tmp_path, "(209715, 5)", bytes(20 * 209715), order=order)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", bounded(zipfile.ZipExtFile.read, 0))
    with raises_error("calibration-file-compression", "'x'", "c.npz", "4194428"):
        read(path, VECTOR_5)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_python_unpacks_without_a_bound_are_refused(tmp_path: Path, method: int) -> None:
    with raises_error("calibration-file-compression", "NumPy"):
        read(claiming(tmp_path, "(1, 5)", bytes(20), method=method), VECTOR_5)


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=ROWS, y=ROWS)
    whole = bytearray((tmp_path / "c.npz").read_bytes())
    second = whole.rindex(b"PK\x01\x02")
    whole[second + 42 : second + 46] = bytes(4)  # where y begins: at the start of the file, as x does
    (tmp_path / "c.npz").write_bytes(whole)
    with raises_error("calibration-file-damaged", "'x.npy'", "'y.npy'"):
        read(tmp_path / "c.npz", VECTOR_5)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("x.npy", b"one")
        archive.writestr("x.npy", b"other")
    with raises_error("calibration-file-damaged", "'x'"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_a_table_of_contents_of_any_size_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=ROWS)
    whole = bytearray((tmp_path / "c.npz").read_bytes())
    end = whole.rindex(b"PK\x05\x06")
    whole = whole[:end] + bytes(2 << 20) + whole[end:]
    struct.pack_into("<I", whole, len(whole) - 10, 2 << 20)
    (tmp_path / "c.npz").write_bytes(whole)
    with raises_error("calibration-file-damaged", "2097152"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_an_archive_of_more_arrays_than_a_table_may_list_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", b"")
    with raises_error("calibration-file-damaged", "table of contents"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_an_archive_within_an_archive_is_left_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "inner.npz", x=ROWS)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.write(tmp_path / "inner.npz", "inner.npz")
    with raises_error("calibration-input-missing"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_a_header_of_any_length_is_not_read(tmp_path: Path) -> None:
    claim = b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 30)
    (tmp_path / "c.npy").write_bytes(claim + b" " * 1000)
    with raises_error("calibration-file-damaged", "1073741824"):
        read(tmp_path / "c.npy", VECTOR_5)


def test_samples_in_fortran_order_that_are_too_many_to_sort_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlpuconv.calibration.turned._BLOCK", 20)
    np.savez(tmp_path / "c.npz", x=np.asfortranarray(ROWS))
    with raises_error("calibration-fortran-order", "6 samples", "numpy.ascontiguousarray"):
        read(tmp_path / "c.npz", VECTOR_5)


def test_a_temporary_folder_that_is_too_small_is_told_before_it_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "c.npy", np.ones((12, 3, 512, 512), np.float32))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=30_000_000))
    written: list[object] = []
    monkeypatch.setattr(Spool, "append", lambda _, record: written.append(record))
    with raises_error("calibration-disk-full", "0.04 GB"):
        read(tmp_path / "c.npy", LARGE)
    assert not written
