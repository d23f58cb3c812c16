"""Products in the layout that an update wants."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr.kernels.matrix import product


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 1), (1, 4), (3, 4), (300, 400)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_product_is_the_matrix_product_in_the_layout_asked_for(m, k, n, order):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    result = product(a, b, like=np.empty((m, n), order=order))
    np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-12)
    if m > 1 and n > 1:
        assert result.flags[f"{order}_CONTIGUOUS"]
