"""The two rounds of 2x2 windows find what the plain form finds, tap after tap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_fr.kernels import fast as available
from tinygrad_fr.kernels import pooling
from tinygrad_fr.kernels.fast import pooling as fast
from tinygrad_fr.kernels.windows import cut


@pytest.mark.parametrize("compiled", [True, False])
@settings(deadline=None)  # the first call compiles
@given(
    st.integers(1, 3), st.integers(2, 9), st.integers(2, 9),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.booleans(), st.booleans(),
)  # fmt: skip
def test_maxima_and_their_places_are_those_of_the_plain_form(compiled, n, h, w, stride, ties, wide):
    x = np.random.default_rng(0).standard_normal((n, 2, h, w))
    x = x.round() if ties else x
    where = cut((h, w), (2, 2), stride, (0, 0))
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setattr(available, "kernels", lambda *_: None)
        y, offsets, _spread = fast.max_pool(x, where)
    expected, plain = pooling._maxima(x, where)
    np.testing.assert_array_equal(y, expected)
    whole = slice(0, n)
    width = 300 if wide else w  # beyond what a byte holds
    np.testing.assert_array_equal(offsets(width, whole).reshape(y.shape), plain(width, whole))


@pytest.mark.parametrize(
    "where",
    [
        cut((6, 6), (3, 3), (2, 2), (0, 0)),
        cut((6, 6), (2, 2), (2, 2), (1, 1)),
        cut((6, 6), (2, 2), (2, 2), (0, 0), (2, 2)),
        cut((5, 5), (2, 2), (2, 2), (0, 0), ceil=True),
    ],
)
def test_other_windows_are_left_to_the_plain_form(where):
    assert fast.max_pool(np.ones((1, 1, *where.size)), where) is None


def test_a_maximum_that_is_nan_is_left_to_the_plain_form():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 1, 2] = np.nan
    assert fast.max_pool(x, cut((4, 4), (2, 2), (2, 2), (0, 0))) is None
