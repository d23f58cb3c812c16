"""Saving and loading: everything comes back, and nothing is half written."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

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
    name=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
    ).filter(lambda name: ".." not in name),
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


@pytest.mark.parametrize(
    "name", ["", 3, "__metadata__", "a\0b", "..", "../w", "a/../../w", "..\\w", "\ud800"]
)
def test_names_that_cannot_be_kept_are_refused(path, name):
    with pytest.raises(ArgumentError, match="non-empty text"):
        save({name: np.ones(1)}, path)


def test_what_a_format_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="does not fit"):
        save({"x" * 70_000: np.ones(1)}, tmp_path / "w.npz")
    with pytest.raises(ArgumentError, match="does not fit"):
        save({"x": np.ones(1)}, tmp_path / "w.safetensors", {"text": "\ud800"})
    assert not list(tmp_path.iterdir())


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


ODD = {
    "nothing": "",
    "a folder": ".",
    "NUL": "a\0b.npz",
    "too long": "x" * 300 + ".npz",
    "far too long": "x/" * 4000 + "a.npz",
    "no suffix": "model",
    "a pickle": "model.pkl",
    "half a character": "\ud800.npz",
    "a user": "~/model.npz",
    "below a file": "file.npz/model.npz",
    "a pipe": "pipe.npz",
    "a device": "null.npz",
    "a circle": "circle.npz",
    "a device without suffix": os.devnull,
}


@pytest.mark.skipif(os.name == "nt", reason="pipes and links")
@pytest.mark.parametrize("case", ODD)
def test_odd_paths_are_clear_errors(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    save({}, "file.npz")
    os.mkfifo("pipe.npz")
    Path("circle.npz").symlink_to("circle.npz")
    Path("null.npz").symlink_to(os.devnull)
    before = sorted(tmp_path.iterdir())
    for call in (lambda path: save({}, path)), load:
        with pytest.raises(FileError):
            call(ODD[case])
    assert sorted(tmp_path.iterdir()) == before
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


class PathLike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_a_folder_that_one_may_not_write_to_is_told(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FileError, match=r"cannot be written: the folder is read-only for you"):
        save({}, path)


@pytest.mark.parametrize("path", [b"a.npz", 3, None, io.BytesIO(), PathLike(b"a.npz")])
def test_what_is_no_path_is_an_error(path):
    for call in (lambda path: save({}, path)), load:
        with pytest.raises(ArgumentError, match=r"is no path: give a text or a pathlib\.Path"):
            call(path)


def test_objects_that_know_their_path_are_paths(path):
    save({"w": np.ones(2)}, PathLike(str(path)))
    assert load(PathLike(str(path)))["w"].tolist() == [1, 1]


KILLED = """
import os, signal, sys
import numpy as np
import tinygrad_fr as tg
def stop(_file):
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.readline()
os.fsync = stop
tg.save({"w": np.ones(1000)}, sys.argv[1])
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL and locks")
def test_what_a_killed_run_left_is_removed_and_nothing_else(path):
    run = [sys.executable, "-c", KILLED, str(path)]
    killed = subprocess.run([*run, "killed"], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (orphan,) = path.parent.iterdir()
    kept = [
        path.with_name(name)
        for name in (
            ".tinygrad_fr-00000000-0123456789abcdef.tmp",  # of another machine
            orphan.name.replace("-", "_"),
            orphan.name + ".npz",
            ".0123456789abcdef.tmp",
        )
    ]
    for file in kept:
        file.write_text("mine")
    folder = orphan.with_name(orphan.name[:-20] + "0" * 16 + ".tmp")
    folder.mkdir()
    link = orphan.with_name(orphan.name[:-20] + "1" * 16 + ".tmp")
    link.symlink_to(kept[0])
    with subprocess.Popen(
        [*run, "alive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as alive:
        assert alive.stdout.readline() == "writing\n"
        other = path.with_stem("other")
        save({"w": np.ones(2)}, other)
        assert not orphan.exists()
        (live,) = set(path.parent.iterdir()) - {*kept, folder, link, other}
        alive.communicate("go on\n", timeout=60)
    assert alive.returncode == 0
    assert set(path.parent.iterdir()) == {*kept, folder, link, other, path}
    assert load(path)["w"].shape == (1000,)
    assert live.name.startswith(orphan.name[:22])


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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damage_is_an_error_or_harmless(tmp_path, suffix):
    state = {
        "conv.weight": np.arange(18, dtype=np.float32).reshape(3, 2, 3) / 7,
        "naïf": np.arange(5),
        "mask": np.array([True, False]),
        "scale": np.array(3.5),
        "empty": np.zeros((0, 2)),
    }
    metadata = {"classes": '["pâquerette", "rose"]', "size": "50", "nothing": ""}
    path = tmp_path / f"model.{suffix}"
    save(state, path, metadata)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    errors = 0
    for _ in range(1000):
        path.write_bytes(damaged(content, rng))
        try:
            loaded = load(path)
        except FileError:
            errors += 1
            continue
        assert loaded.metadata == metadata
        assert loaded.keys() == state.keys()
        for name, array in state.items():
            assert loaded[name].dtype == array.dtype
            np.testing.assert_array_equal(loaded[name], array)
    assert errors > 600  # in an npz, dates are stored, and bytes may follow the archive


def damaged(content, rng):
    n = len(content)
    i, j = sorted(int(k) for k in rng.integers(n, size=2))
    size = min(int(rng.integers(1, 65)), max(j - i, 1), n - j)
    changed = bytearray(content)
    match rng.integers(7):
        case 0:
            changed[i] ^= 1 << int(rng.integers(8))
        case 1:
            changed[i] ^= int(rng.integers(1, 256))
        case 2:
            del changed[i:]
        case 3:
            changed += rng.bytes(size)
        case 4:
            changed[i : i + size], changed[j : j + size] = (
                content[j : j + size],
                content[i : i + size],
            )
        case 5:
            changed[i : i + size] = bytes(len(content[i : i + size]))
        case 6:
            for k in rng.integers(n, size=int(rng.integers(2, 10))):
                changed[k] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def test_every_flipped_bit_of_a_safetensors_file_is_found(tmp_path):
    path = tmp_path / "model.safetensors"
    save({"w": np.arange(3, dtype=np.float32)}, path, {"size": "50"})
    content = path.read_bytes()
    for i in range(8 * len(content)):
        changed = bytearray(content)
        changed[i // 8] ^= 1 << i % 8
        path.write_bytes(changed)
        with pytest.raises(FileError, match="damaged"):
            load(path)


def test_damage_that_hides_the_last_members_of_an_npz_is_found(tmp_path):
    path = tmp_path / "model.npz"
    for write in (
        (lambda: save({"a": np.ones(2), "b": np.ones(2)}, path)),
        lambda: np.savez(path, a=np.ones(2), b=np.ones(2)),
    ):
        write()
        content = bytearray(path.read_bytes())
        first = content.find(b"PK\1\2")
        second = content.find(b"PK\1\2", first + 1)
        rest = len(content) - 22 - second
        content[first + 32 : first + 34] = rest.to_bytes(2, "little")  # a comment of the first
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"not as np\.savez writes them"):
            load(path)


def test_the_checksum_is_not_among_the_metadata_and_its_name_is_kept(path):
    save({"w": np.ones(1)}, path, {"tinygrad_fr": "crc32"})
    assert load(path).metadata == {"tinygrad_fr": "crc32"}
    with pytest.raises(ArgumentError, match=r"tinygrad_fr\.crc32 is the name of the checksum"):
        save({}, path, {"tinygrad_fr.crc32": "text"})


def test_other_tools_read_our_safetensors_and_we_what_they_write_again(tmp_path):
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    path, copy = tmp_path / "model.safetensors", tmp_path / "copy.safetensors"
    state = {"w": np.arange(3, dtype=np.float32), "b": np.zeros((0, 2))}
    save(state, path, {"classes": "é"})
    arrays = load_file(path)
    np.testing.assert_array_equal(arrays["w"], state["w"])
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    save_file(arrays, copy, metadata)
    assert load(copy).metadata == {"classes": "é"}
    save_file({**arrays, "w": arrays["w"] + 1}, copy, metadata)
    with pytest.raises(FileError, match="was changed after it was saved"):
        load(copy)
    del metadata["tinygrad_fr.crc32"]
    save_file({**arrays, "w": arrays["w"] + 1}, copy, metadata)
    np.testing.assert_array_equal(load(copy)["w"], [1, 2, 3])


def test_torch_reads_our_files_and_we_its(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors import torch as other

    save({"w": np.arange(3, dtype=np.float32)}, tmp_path / "a.safetensors")
    assert other.load_file(tmp_path / "a.safetensors")["w"].tolist() == [0, 1, 2]
    other.save_file({"w": torch.ones(2)}, tmp_path / "b.safetensors", {"format": "pt"})
    loaded = load(tmp_path / "b.safetensors")
    assert loaded["w"].tolist() == [1, 1]
    assert loaded.metadata == {"format": "pt"}


def test_files_of_earlier_versions_are_read(tmp_path):
    from safetensors.numpy import save_file

    metadata = {"kind": "tinygrad_fr model", "model": "lenet"}
    np.savez(tmp_path / "a.npz", w=np.ones(2), __metadata__=np.array(json.dumps(metadata)))
    save_file({"w": np.ones(2)}, tmp_path / "a.safetensors", metadata)
    for suffix in SUFFIXES:
        loaded = load(tmp_path / f"a.{suffix}")
        assert loaded["w"].tolist() == [1, 1]
        assert loaded.metadata == metadata


def member(array, header=None):
    """An npy file, whose header may claim something else."""
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=True)
    if header is None:
        return content.getvalue()
    claimed = io.BytesIO()
    np.lib.format.write_array_header_1_0(claimed, {"fortran_order": False, **header})
    return claimed.getvalue() + array.tobytes()


NUMBERS = member(np.ones(3))
UNUSABLE = {
    "claims 10**12 numbers": {"w.npy": member(np.ones(3), {"descr": "<f8", "shape": (10**12,)})},
    "claims negative lengths": {"w.npy": member(np.ones(2), {"descr": "<f8", "shape": (-1, -2)})},
    "texts": {"w.npy": member(np.array(["a"]))},
    "bytes": {"w.npy": member(np.array([b"a"]))},
    "dates": {"w.npy": member(np.array(["2020"], "M8[Y]"))},
    "a structure": {"w.npy": member(np.zeros(2, [("a", "f4")]))},
    "a structure of objects": {"w.npy": member(np.zeros(2, [("a", "O")]))},
    "a way up": {"../w.npy": NUMBERS},
    "a way up on Windows": {"..\\w.npy": NUMBERS},
    "no name": {".npy": NUMBERS},
    "the same name": {"w.npy": NUMBERS, "w": NUMBERS},
    "another magic": {"w.npy": b"\x93NUMPX" + NUMBERS[6:]},
    "another version": {"w.npy": NUMBERS[:6] + b"\x09" + NUMBERS[7:]},
    "a byte too few": {"w.npy": NUMBERS[:-1]},
    "a byte too many": {"w.npy": NUMBERS + b"1"},
    "a text": {"readme.txt": b"hello"},
    "a folder": {"w/": b""},
    "metadata of numbers": {"__metadata__.npy": NUMBERS},
    "metadata of no JSON": {"__metadata__.npy": member(np.array("["))},
    "deep metadata": {"__metadata__.npy": member(np.array("[" * 10**5))},
    "metadata of no texts": {"__metadata__.npy": member(np.array('{"size": 50}'))},
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_members_that_are_not_plain_numbers_are_refused(tmp_path, case):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, content in UNUSABLE[case].items():
            archive.writestr(name, content)
    with pytest.raises(FileError, match="is damaged, or not a"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("local", "central", "value"), [(6, 8, 1), (8, 10, 99), (8, 10, 12), (8, 10, 14)]
)
def test_encrypted_members_and_unusual_compressions_are_refused(tmp_path, local, central, value):
    np.savez(tmp_path / "a.npz", w=np.ones(3))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[local] = content[content.rfind(b"PK\1\2") + central] = value
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileError, match="is damaged, or not a"):
        load(tmp_path / "a.npz")


def test_a_bomb_is_not_unpacked_but_zeros_are(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", w=np.zeros(10**6))
    assert load(tmp_path / "a.npz")["w"].shape == (10**6,)
    monkeypatch.setattr(tg.io, "LARGE", 10**6)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(FileError, match=r"not as np\.savez writes them"):
        load(tmp_path / "a.npz")


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
