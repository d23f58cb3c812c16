"""For pytest: the table of a report in an ``assert`` that fails; pytest cuts what repr gives."""

from collections.abc import Generator
from typing import Any

import pytest

from . import Report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: Any) -> Generator[None, Any, Any]:
    """Add the reports that stand in the failed assertion to what is shown of the test."""
    outcome = yield
    error = call.excinfo
    if error is not None and error.type is AssertionError:  # the other one has the table
        last = error.traceback[-1]
        statement = str(last.statement)
        for name, value in last.frame.f_locals.items():
            # pytest keeps the parts of the assertion under names of its own, @py_assert1.
            there = name in statement or name.startswith("@py_assert")
            if isinstance(value, Report) and there and not value:
                outcome.sections.append(("tinygrad_fr", str(value)))
    return outcome
