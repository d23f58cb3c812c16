"""What others write in PyTorch: the right is not accused, the wrong is found and mostly named."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch")

from . import torch_layers


def test_layers_of_others_in_pytorch_are_judged_rightly_and_most_mistakes_are_named():
    counts = Counter(torch_layers.judged(name)[0] for name in torch_layers.NAMES)
    assert counts["right"] == 60
    assert counts["surrogate"] == 5
    assert counts["named"] >= 50
    assert counts["named"] + counts["found"] == 65
