"""The guide's callback for TensorBoard, as it stands there."""

from __future__ import annotations

import re
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "training.md"


def trained(folder):
    """Train with the page's callback for three epochs of four batches."""
    (code,) = re.findall(r"```python\n(from torch.utils.tensorboard.*?)```", PAGE.read_text(), re.S)
    space = {}
    exec(code, space)
    rng = np.random.default_rng(0)
    model = tg.nn.Linear(3, 2)
    return tg.fit(
        model, tg.data.DataLoader(tg.data.ArrayDataset(rng.random((16, 3)), np.arange(16) % 2), 4),
        loss=tg.cross_entropy, optimizer=tg.optim.SGD(model.parameters(), 0.1), epochs=3,
        metrics=["accuracy"], progress=False, callbacks=[space["TensorBoard"](folder)],
    )  # fmt: skip


def given_by(monkeypatch, writer):
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = writer
    for name in ("torch", "torch.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_it_writes_each_batch_and_each_epoch(monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            assert folder == "here"

        def add_scalar(self, *what):
            written.append(what)

        def flush(self):
            pass

    given_by(monkeypatch, Writer)
    history = trained("here")
    assert [step for name, _x, step in written if name == "lot/loss"] == list(range(1, 13))
    for name in ("loss", "accuracy"):
        assert [x for n, x, _step in written if n == name] == history[name]
    assert [step for n, _x, step in written if n == "loss"] == [1, 2, 3]


def test_the_file_of_events_holds_them(monkeypatch, tmp_path):
    tensorboard = pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    given_by(monkeypatch, tensorboard.SummaryWriter)
    history = trained(str(tmp_path))
    (file,) = tmp_path.iterdir()
    data, found = file.read_bytes(), []
    while data:  # length, its check, the event, its check
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
        data = data[16 + length :]
    losses = [x for tag, _step, x in found if tag == "loss"]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)
    assert sum(tag == "lot/loss" for tag, _step, _x in found) == 12
