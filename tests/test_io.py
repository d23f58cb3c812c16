"""Saving and loading: everything comes back, and nothing is half written."""

from __future__ import annotations

import json
import os
import stat
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, DTypeError, FileError, MissingExtraError
from tinygrad_fr.io import State, load, save

SUFFIXES = ("safetensors", "npz")
ARRAYS = {
    "zero axes": np.array(1.5),
    "empty": np.zeros((0, 3)),
    "bool": np.array([True, False]),
    "half": np.arange(3, dtype=np.float16),
    "int8": np.array([-1, 2], np.int8),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "strided": np.arange(10)[::-3],
    "broadcast": np.broadcast_to(np.float32(2), (2, 2)),
    "big endian": np.array([1.0, 256.0], ">f4"),
    "read only": np.frombuffer(b"abcd", np.uint8),
}


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"model.{request.param}"


@pytest.mark.parametrize("name", ARRAYS)
def test_every_layout_and_dtype_comes_back(path, name):
    array = ARRAYS[name]
    save({name: array}, path)
    loaded = load(path)[name]
    np.testing.assert_array_equal(loaded, array)
    assert loaded.shape == array.shape
    assert loaded.dtype == array.dtype.newbyteorder("=")
    assert loaded.flags.writeable


@given(
    array=hnp.arrays(
        st.sampled_from(["?", "<i4", ">i2", "<f2", ">f8", "u1"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    ),
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_and_array_come_back(path, array, name):
    save({name: array, "a": array, "a.npy": array[None]}, path)
    loaded = load(path)
    assert set(loaded) == {name, "a", "a.npy"}
    np.testing.assert_array_equal(loaded[name], array[None] if name == "a.npy" else array)
    assert loaded["a.npy"].shape == (1, *array.shape)


def test_names_that_numpy_savez_would_not_take_are_saved(path):
    save({"file": np.ones(1), "allow_pickle": np.zeros(1), "layers/0.weight": np.ones(2)}, path)
    assert set(load(path)) == {"file", "allow_pickle", "layers/0.weight"}


def test_tensors_are_saved_even_tracked_ones(path):
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    save({"leaf": w, "computed": w * 2}, str(path))
    np.testing.assert_array_equal(load(str(path))["computed"], [2.0, 4.0])


def test_metadata_come_back(path):
    save({}, path, {"classes": "pâquerette,rose", "empty": ""})
    loaded = load(path)
    assert isinstance(loaded, State)
    assert dict(loaded) == {}
    assert loaded.metadata == {"classes": "pâquerette,rose", "empty": ""}


def test_the_order_of_a_file_is_kept(path):
    names = [f"{i}.{kind}" for i in range(9) for kind in ("bias", "weight")]
    save({name: np.ones(2) for name in names}, path, metadata={"a": "b"})
    assert list(load(path)) == names


def test_without_metadata_there_is_an_empty_dict(path):
    save({"w": np.ones(1)}, path)
    assert load(path).metadata == {}


def test_files_of_numpy_and_safetensors_are_read(tmp_path):
    from safetensors.numpy import save_file

    np.savez_compressed(tmp_path / "a.npz", w=np.ones(2))
    save_file({"w": np.ones(2)}, tmp_path / "a.SAFETENSORS")
    for loaded in load(tmp_path / "a.npz"), load(tmp_path / "a.SAFETENSORS"):
        assert list(loaded) == ["w"]
        assert loaded.metadata == {}


@pytest.mark.parametrize("metadata", [{"epoch": 3}, {3: "epoch"}, ["text"], "text"])
def test_metadata_that_are_not_text_are_refused(path, metadata):
    with pytest.raises(ArgumentError, match=r"texts to texts.*json\.dumps"):
        save({}, path, metadata)


@pytest.mark.parametrize("name", ["", 3, "__metadata__", "a\0b"])
def test_names_that_cannot_be_kept_are_refused(path, name):
    with pytest.raises(ArgumentError, match="non-empty text"):
        save({name: np.ones(1)}, path)


def test_a_state_that_is_no_dict_is_refused(path):
    with pytest.raises(ArgumentError, match=r"model\.state_dict\(\), not list"):
        save([np.ones(1)], path)


@pytest.mark.parametrize("value", [np.array([None]), np.array("text"), 1j, np.clongdouble(1)])
def test_values_that_are_not_plain_numbers_are_refused(path, value):
    with pytest.raises(DTypeError, match=r"w is of .*64 bits"):
        save({"w": value}, path)
    assert not path.exists()


# --- files -----------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch):
    save({"w": np.ones(1)}, path)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="cannot be written: No space left"):
        save({"w": np.zeros(1)}, path)
    assert list(path.parent.iterdir()) == [path]
    assert load(path)["w"] == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_new_files_honour_the_umask_and_old_ones_keep_their_mode(path):
    old = os.umask(0o027)
    try:
        save({}, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        save({}, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_link_stays_a_link(path):
    link = path.with_stem("link")
    link.symlink_to(path)
    save({"w": np.ones(1)}, link)
    assert link.is_symlink()
    assert load(path)["w"] == 1


def test_an_unknown_suffix_is_refused(tmp_path):
    for call in (lambda p: save({}, p)), load:
        with pytest.raises(FileError, match=r"end in one of \.safetensors, \.npz"):
            call(tmp_path / "model.pkl")


def test_a_missing_folder_is_named(path):
    with pytest.raises(FileError, match=r"no folder .*nowhere; create it"):
        save({}, path.parent / "nowhere" / path.name)


def test_a_folder_is_not_a_file(path):
    path.mkdir()
    with pytest.raises(FileError, match="is a folder"):
        save({}, path)
    with pytest.raises(FileError, match="cannot be read"):
        load(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(FileError, match=f"no file .*{path.name}: check its name"):
        load(path)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 60, -1])
def test_a_truncated_file_is_a_clear_error(path, keep):
    save({"w": np.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileError, match=f"{path.name} is damaged.*save or download it again"):
        load(path)


@pytest.mark.parametrize("content", [b"\xff" * 200, b"PK\3\4" + b"x" * 99, b"<html></html>" * 9])
def test_a_foreign_file_is_a_clear_error(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError, match="is damaged, or not a"):
        load(path)


def test_a_flipped_byte_in_an_npz_is_found(tmp_path):
    path = tmp_path / "model.npz"
    save({"w": np.ones(100)}, path)
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match="CRC"):
        load(path)


def test_objects_in_an_npz_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("unpickled",)

    np.savez(tmp_path / "trap.npz", w=np.array([Trap()], dtype=object))
    with pytest.raises(FileError, match="Object arrays cannot be loaded"):
        load(tmp_path / "trap.npz")


def test_an_archive_of_other_things_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FileError, match="is damaged"):
        load(tmp_path / "a.npz")


def test_bfloat16_is_refused_with_a_way_out(tmp_path):
    header = json.dumps({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    path = tmp_path / "half.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(FileError, match=r"BF16 .*convert them to float32"):
        load(path)


def test_a_missing_safetensors_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (lambda p: save({}, p)), load:
        with pytest.raises(MissingExtraError, match=r'pip install "tinygrad_fr\[io\]"'):
            call(tmp_path / "model.safetensors")
    save({}, tmp_path / "model.npz")
