"""Mistakes of students on networks that the catalogue does not have."""

from __future__ import annotations

from collections import Counter

import pytest

from . import students

STEP = 4  # of a thousand; python -m tests.verify.students takes all


@pytest.mark.parametrize("title", students.NETWORKS)
def test_right_gradients_are_right(title):
    report = students.judged(title, students.NETWORKS[title]["right"])
    assert report, f"\n{report}"


@pytest.mark.parametrize("title", students.NETWORKS)
def test_mistakes_are_found_and_most_are_named(title):
    told = Counter()
    for network, name, wrong, kinds, words in students.mistakes(STEP):
        if network == title:
            found = students.named(students.judged(title, {name: wrong}), name, kinds)
            assert found != "missed", words
            told[found] += 1
    assert told["first"] >= 0.4 * told.total(), told


def test_there_are_many_mistakes_on_many_networks():
    assert len(students.NETWORKS) >= 20
    assert sum(1 for _mistake in students.mistakes()) >= 1000
