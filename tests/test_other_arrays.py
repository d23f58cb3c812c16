"""Arrays of other libraries: a strict duck through all that computes; what is converted."""

from __future__ import annotations

import pytest

from . import other_arrays
from .duck import Duck, asarray, asnumpy

CASES = [pytest.param(*case[1:], id=case[0]) for case in other_arrays.cases()]


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_every_operation_runs_on_a_duck_at_orders_1_and_2(operation, args, kwargs):
    other_arrays.compare(operation, args, kwargs, asarray, asnumpy, Duck)
