"""Layers of others, in many styles: right ones are not accused, wrong ones are found and named."""

from __future__ import annotations

from collections import Counter

import pytest

from . import styles

ALL = [(style, name) for style in styles.STYLES for name in styles.cases(style)]


@pytest.mark.parametrize("style", styles.STYLES)
def test_layers_are_judged_rightly_and_most_mistakes_are_named(style):
    failures, told = [], Counter()
    for name in styles.cases(style):
        if (style, name) not in styles.SHORT:
            verdict, report = styles.judged(style, name)
            told.update(styles.named(style, name, report))
            if verdict != "right":
                failures.append(f"{name}: {verdict}\n{report}")
    assert not failures, "\n\n".join(failures)
    assert told["first"] >= 0.5 * told.total(), told
    assert told["misleading"] <= max(1, 0.15 * told.total()), told


def test_there_are_many_styles_and_few_of_their_layers_fall_short():
    assert len(styles.STYLES) >= 12
    assert len(ALL) >= 120
    assert set(ALL) > set(styles.SHORT)
    assert len(styles.SHORT) <= 0.05 * len(ALL)
