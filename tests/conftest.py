"""Tests run in English, on one thread, and leave the library's settings as they were."""

from __future__ import annotations

import os

for _limit in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # the tests themselves run in parallel
    os.environ.setdefault(_limit, "1")

import hypothesis  # noqa: E402
import pytest  # noqa: E402

import tinygrad_fr as tg  # noqa: E402
from tinygrad_fr import settings  # noqa: E402
from tinygrad_fr.verify.repairs import asking  # noqa: E402

# A busy machine is no failure, nor is a folder that cannot be written to.
hypothesis.settings.register_profile("here", deadline=None, database=None)
hypothesis.settings.load_profile("here")


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.0)  # repairs are looked for where a test asks for it
    tg.set_language("en")
    tg.manual_seed(0)
    yield
    tg.set_language("en")
    settings.default_dtype = settings.np.dtype("float32")
