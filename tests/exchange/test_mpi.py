"""Ranks that train together do what one process does, and end together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg

from . import programs

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("mpi4py")
if shutil.which("mpiexec") is None:
    pytest.skip("there is no mpiexec here", allow_module_level=True)


def launched(n, name, folder, **environment):
    """What a program says and leaves on n ranks; on 0 without mpiexec."""
    command = ["mpiexec", "-n", str(n)] if n else []
    command += [sys.executable, "-m", "tests.exchange.programs", name, str(folder)]
    environment = {
        **os.environ, "TINYGRAD_FR_LANG": "en", "OPENBLAS_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **environment,
    }  # fmt: skip
    environment = {name: value for name, value in environment.items() if value}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
    if "slots" in done.stderr:
        pytest.skip("there are fewer cores than ranks")
    found = [dict(np.load(path)) for path in sorted(folder.glob("[0-9].npz"))]
    return done, found


def ended(n, name, folder, **environment):
    """What each rank of a program leaves that ends well."""
    done, found = launched(n, name, folder, **environment)
    assert done.returncode == 0, done.stderr
    assert len(found) == max(n, 1)
    return found


@pytest.fixture(scope="module")
def alone():
    return programs.cases(tg.fit)


@pytest.fixture(scope="module", params=[(0, "cases"), (2, "cases"), (3, "overlapping")])
def together(request, tmp_path_factory):
    n, name = request.param
    return ended(n, name, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", programs.CASES)
def test_ranks_do_what_one_process_does_with_the_whole_batch(together, alone, name):
    expected = {key: value for key, value in alone.items() if key.startswith(f"{name}: ")}
    assert len(expected) > 5
    for found in together:
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-12, atol=1e-12, err_msg=key)


def test_what_ranks_have_is_the_same_bit_for_bit(together):
    for found in together[1:]:
        for key in found:
            np.testing.assert_array_equal(found[key], together[0][key], err_msg=key)


def test_messages_leave_before_the_pass_is_over(together):
    for found in together:
        if "early" in found:
            assert (found["early"] > 0).mean() > 0.8  # all but those of a single layer


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    first, second = ended(2, "resumed", tmp_path)
    for found in first, second:
        names = [key[6:] for key in found if key.startswith("whole ")]
        assert "1.running_var" in names
        for name in names:
            np.testing.assert_array_equal(found[f"whole {name}"], found[f"parts {name}"])
            np.testing.assert_array_equal(found[f"whole {name}"], first[f"whole {name}"])
    assert len(first["loss"]) == 4
    np.testing.assert_array_equal(first["loss"], second["loss"])
    assert first["draw"] != second["draw"]  # dropout is another one on each rank


def test_a_callback_of_any_rank_ends_the_training_of_all(tmp_path):
    for found in ended(2, "stopped", tmp_path):
        assert found["epochs"].tolist() == [2, 2, 1]
        assert found["batches"].tolist() == [8, 8, 2]


def test_a_callback_that_one_rank_alone_has_ends_the_epoch_of_all(tmp_path):
    assert [found["epochs"] for found in ended(2, "logged", tmp_path)] == [1, 1]


def test_sums_that_float16_cannot_hold_are_never_made(tmp_path):
    expected = programs.half(tg.fit)
    assert np.isfinite(expected["0.weight"]).all()
    for found in ended(2, "half", tmp_path):
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, rtol=4e-3, atol=4e-3, err_msg=key)


def test_what_a_metric_says_of_no_example_does_not_count(tmp_path):
    for found in ended(2, "fussy", tmp_path):
        assert found["measured"] == 0.5


def test_an_error_of_one_rank_is_said_by_all_and_leaves_a_checkpoint(tmp_path):
    done, found = launched(3, "raising", tmp_path)
    assert done.returncode
    assert not found
    text = "rank 1 has ended the run of all ranks: RuntimeError: the disk of rank 1 is full"
    assert done.stderr.count(text) == 3
    assert done.stderr.count("Last checkpoint: " + str(tmp_path / "state.npz")) == 3
    history, _state = programs.training(tg.fit, 5, checkpoint=tmp_path / "state.npz", resume=True)
    assert len(history) == 5
    assert history.epochs[0]["seconds"] > 0


def test_a_killed_rank_ends_the_run_and_leaves_a_checkpoint(tmp_path):
    done, found = launched(2, "killed", tmp_path)
    assert done.returncode
    assert not found
    assert "0.weight" in {name[6:] for name in tg.load(tmp_path / "state.npz")}


def test_who_does_not_listen_is_ended(tmp_path):
    done, _found = launched(2, "stuck", tmp_path)
    assert done.returncode
    assert "rank 0 has ended the run of all ranks: RuntimeError" in done.stderr


def test_an_interrupt_of_one_rank_ends_all_cleanly(tmp_path):
    first, second = ended(2, "interrupted", tmp_path)
    assert first["interrupted"]
    assert second["interrupted"]
    assert first["epochs"] == second["epochs"] == 3


def test_a_loss_that_is_no_number_anywhere_is_an_error_everywhere(tmp_path):
    for found in ended(2, "infinite", tmp_path):
        assert "the loss is nan in epoch 1" in str(found["text"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unequal", "examples must be the same on each rank"),
        ("diverging", "weights must be the same on each rank"),
        ("batches", "parts are taken of arrays, a dataset or a DataLoader"),
    ],
)
def test_what_ranks_cannot_share_is_refused_by_each(tmp_path, name, text):
    done, _found = launched(2, name, tmp_path)
    assert done.returncode
    for rank in 0, 1:
        said = f"rank {rank} has ended the run of all ranks: tinygrad_fr.errors.ArgumentError: "
        assert said + text in done.stderr


def test_ranks_of_a_machine_share_its_threads(tmp_path):
    free = {"OPENBLAS_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
    for found in ended(2, "threaded", tmp_path, **free):
        assert found["threads"] == max(1, found["cores"] // 2)


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    model = tg.nn.Linear(1, 1)
    with pytest.raises(tg.errors.MissingExtraError, match=r"tinygrad_fr\[mpi\]"):
        tg.exchange.distributed(model, ([], []))
