"""The figures of the README and the documentation are those that were measured."""

from __future__ import annotations

import pytest

from . import figures


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_figures_are_those_of_the_measurements(page):
    text = page.read_text(encoding="utf-8")
    assert figures.written(text) == text, "run python -m tests.benchmarks.figures"
