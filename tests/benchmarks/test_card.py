"""The script for a graphics card, run on a duck: what it would say, and what it says without."""

from __future__ import annotations

import sys

import pytest

from tests import duck, other_arrays

from . import card
from .workloads import in_tinygrad_fr

DUCKS = card.Library("ducks", duck.asarray, duck.asnumpy, duck.Duck, lambda: None, "cpu")


def few():
    return [case for case in other_arrays.cases() if case[1].name in ("softmax", "conv2d")]


def test_it_checks_and_times_another_library(capsys):
    pytest.importorskip("torch")
    found = card.report(DUCKS, few(), rounds=1, small=True)
    assert found["failed"] == {}
    assert found["checked"] == len(few()) + len(other_arrays.MODELS)
    assert found["times"].keys() == card.NETWORKS.keys()
    assert all(row["apart"] < 1e-4 for row in found["times"].values())
    assert "small_vgg" in capsys.readouterr().out
    assert in_tinygrad_fr.place is in_tinygrad_fr.np.asarray  # left as it was


def test_a_wrong_number_is_seen():
    wrong = card.Library("wrong", duck.asarray, lambda x: duck.asnumpy(x) + 1e-6, duck.Duck,
                         lambda: None, "cpu")  # fmt: skip
    count, failed = card.failures(wrong, few()[:1])
    assert few()[0][0] in failed
    assert count == 1 + len(other_arrays.MODELS)


def test_without_cupy_it_says_so_and_ends_with_2(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert card.main([]) == 2
    assert "nothing was run" in capsys.readouterr().err
