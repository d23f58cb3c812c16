"""Layers of others, in twelve styles: right ones are not accused, wrong ones are found."""

from __future__ import annotations

from collections import Counter

import pytest

from . import styles

ALL = [(style, name) for style in styles.STYLES for name in styles.cases(style)]


@pytest.mark.parametrize(("style", "name"), [case for case in ALL if case not in styles.SHORT])
def test_it_is_judged_rightly(style, name):
    verdict, report = styles.judged(style, name)
    assert verdict == "right", f"\n{report}"


def test_there_are_many_styles_and_few_of_their_layers_fall_short():
    assert len(styles.STYLES) >= 12
    assert len(ALL) >= 120
    assert set(ALL) > set(styles.SHORT)
    assert len(styles.SHORT) <= 0.05 * len(ALL)


@pytest.mark.parametrize("style", styles.STYLES)
def test_most_mistakes_are_named_and_few_names_mislead(style):
    told = Counter()
    wrong = [n for n, case in styles.cases(style).items() if case.get("wrong")]
    for name in wrong:
        if (style, name) not in styles.SHORT:
            _verdict, report = styles.judged(style, name)
            told.update(styles.named(style, name, report))
    assert told["first"] >= 0.5 * told.total(), told
    assert told["misleading"] <= max(1, 0.15 * told.total()), told
