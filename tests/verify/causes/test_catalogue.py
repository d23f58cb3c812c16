"""The kinds of mistakes are named: the table of confusions, on a few seeds."""

from __future__ import annotations

from collections import Counter

import pytest

from tinygrad_fr.verify.causes.mistakes import KINDS

from .. import catalogue

SEEDS = range(100, 102)  # other ones than those on which the hypotheses were tuned


@pytest.fixture(scope="module")
def table():
    return catalogue.confusions(SEEDS)


def test_the_right_kind_comes_first_in_95_of_100_cases(table):
    counts, misses = table
    total = sum(sum(named.values()) for named in counts.values())
    right = sum(named[kind] for kind, named in counts.items())
    assert total >= 250
    assert right / total >= 0.95, misses


def test_no_wrong_gradient_is_called_correct(table):
    counts, misses = table
    assert not sum(named["correct"] + named["kink"] for named in counts.values()), misses


def test_every_kind_of_a_single_gradient_is_in_the_catalogue_on_five_networks_and_shapes(table):
    of_layers = {"stale_cache", "one_hot_upstream_only", "forward_differs", "ascent"}
    made = Counter(kind for kind, *_rest in catalogue.CASES)
    assert set(made) == set(KINDS) - of_layers
    counts, _misses = table
    assert all(sum(counts[kind].values()) >= 4 for kind in made)
