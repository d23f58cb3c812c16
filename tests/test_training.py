"""fit: histories, interruption, checkpoints."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn, optim
from tinygrad_fr.data import (
    ArrayDataset,
    AugmentedDataset,
    DataLoader,
    RandomRotation,
    RandomShift,
    WeightedSampler,
)
from tinygrad_fr.errors import ArgumentError, DTypeError, FileError
from tinygrad_fr.kernels.fast import winograd
from tinygrad_fr.training import evaluate

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype(np.float32)
LABELS = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def setup(epochs=4, **options):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=8)
    loader = DataLoader((X[:40], LABELS[:40]), batch_size=7, shuffle=True, seed=1)
    arguments = {
        "train": loader, "valid": (X[40:], LABELS[40:]), "loss": tg.cross_entropy,
        "optimizer": optimizer,
        "epochs": epochs, "metrics": ("accuracy",), "scheduler": schedule, "progress": False,
    }  # fmt: skip
    return model, {**arguments, **options}


def test_the_loss_is_a_mean_over_examples_and_falls():
    model, arguments = setup(epochs=20)
    history = tg.fit(model, **arguments)
    assert history["loss"][-1] < 0.3 < history["loss"][0]
    assert history["valid_accuracy"][-1] > 0.85
    assert len(history) == 20
    expected = tg.cross_entropy(model(X[40:]), LABELS[40:]).item()
    assert history["valid_loss"][-1] == pytest.approx(expected, rel=1e-5)


def test_a_seed_makes_runs_equal():
    runs = []
    for _ in range(2):
        model, arguments = setup(train=(X, LABELS), seed=3)
        history = tg.fit(model, **arguments)
        runs.append(history["loss"])
    assert runs[0] == runs[1]


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole, arguments = setup(epochs=8)
    reference = tg.fit(whole, **arguments)
    path = tmp_path / "run.npz"
    half, arguments = setup(epochs=3)
    tg.fit(half, **arguments, checkpoint=path)
    resumed, arguments = setup(epochs=8)
    history = tg.fit(resumed, **arguments, checkpoint=path, resume=True)
    assert history["loss"] == reference["loss"]
    for p, q in zip(whole.parameters(), resumed.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_a_foreign_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "weights.npz"
    tg.save({"a": np.ones(2)}, path)
    model, arguments = setup()
    with pytest.raises(FileError, match="not a checkpoint"):
        tg.fit(model, **arguments, checkpoint=path, resume=True)


def test_ctrl_c_ends_cleanly_with_the_best_state():
    def interrupt(history):
        if len(history) == 2:
            for p in model.parameters():
                p.data[...] = 99.0
            raise KeyboardInterrupt

    model, arguments = setup(callbacks=[interrupt])
    history = tg.fit(model, **arguments)
    assert history.interrupted
    assert len(history) == 2
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(p.data, history.best_state[name])


def test_a_callback_that_returns_true_ends_the_training():
    model, arguments = setup(callbacks=[lambda history: len(history) == 2])
    assert len(tg.fit(model, **arguments)) == 2


def test_metrics_may_be_functions_and_lists_of_batches_are_data():
    def positives(prediction, target):
        return float((prediction.argmax(1) == 1).mean())

    model, arguments = setup(train=[(X[:3], LABELS[:3])], metrics=("accuracy", positives))
    history = tg.fit(model, **arguments)
    assert 0 <= history["positives"][0] <= 1


def test_evaluation_leaves_the_mode_alone():
    model, _ = setup()
    model.train()
    evaluate(model, ArrayDataset(X, LABELS), tg.cross_entropy)
    assert model.training


def test_a_pipe_gets_one_line_per_epoch():
    code = (
        "import numpy as np, tinygrad_fr as tg; m = tg.nn.Linear(1, 1); x = np.ones((4, 1));"
        "tg.fit(m, (x, x), loss=tg.mse_loss, epochs=3, optimizer=tg.optim.SGD(m.parameters()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert "\r" not in done.stdout + done.stderr


def test_where_threads_cannot_start_the_training_is_the_same(monkeypatch):
    pytest.importorskip("tqdm")

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    class Slow(ArrayDataset):
        slow = True

    def trained():
        tg.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(12 * 64, 2),
        )  # fmt: skip
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        batches = DataLoader(Slow(images, LABELS[:20]), 8, shuffle=True, seed=0)
        tg.fit(model, batches, loss=tg.cross_entropy, optimizer=optimizer, epochs=2)
        return list(model.state_dict().values())

    # The threads of the loader, of a convolution by Winograd's method and of tqdm.
    images = np.random.default_rng(0).standard_normal((20, 12, 16, 16))
    monkeypatch.setattr(winograd, "_PIECE", 2000)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    expected = trained()
    monkeypatch.setattr("tqdm.tqdm.monitor", None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for a, b in zip(trained(), expected, strict=True):
        np.testing.assert_array_equal(a, b)


# --- what an attack found --------------------------------------------------------------------


def test_a_history_is_a_mapping_of_lists():
    history = tg.training.History()
    assert list(history) == []
    assert "loss" not in history
    history.epochs += [{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5, "accuracy": 1.0}]
    assert dict(history)["loss"] == [0.7, 0.5]
    assert np.isnan(history["accuracy"][0])
    with pytest.raises(ValueError, match="it has epoch, loss, accuracy"):
        history["valid_loss"]


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        ([[0.2], [0.9], [0.8]], [[0], [1], [0]], 2 / 3),
        ([0.2, 0.9], [0, 1], 1.0),
        ([[0.1, 2.0], [3.0, 0.1]], [[1], [0]], 1.0),
        ([[0.1, 2.0], [3.0, 0.1]], [[0, 1], [0, 1]], 0.5),
        ([[0.1, 2.0], [3.0, 0.1], [0.1, 2.0]], [1, -100, 0], 0.5),
        ([[[0.1, 2.0], [3.0, 0.1]]], [[-1, 0]], 1.0),
        ([[0.1, 2.0]], [-100], 0.0),
    ],
)
def test_accuracy_of_binary_column_and_one_hot_targets(prediction, target, expected):
    found = tg.training.accuracy(np.array(prediction), np.array(target))
    assert found == pytest.approx(expected)


def test_accuracy_of_shapes_that_do_not_match_is_refused():
    with pytest.raises(ValueError, match="one class per example"):
        tg.training.accuracy(np.ones((3, 2)), np.ones(4))


def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_training(tmp_path):
    for path in (tmp_path / "x.ckpt", tmp_path / "nowhere" / "x.npz"):
        model, arguments = setup(callbacks=[lambda history: pytest.fail("it trained")])
        with pytest.raises(FileError):
            tg.fit(model, **arguments, checkpoint=path)


def test_a_checkpoint_of_another_optimizer_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.npz"
    model, arguments = setup(epochs=1)
    tg.fit(model, **arguments, checkpoint=path)
    model, arguments = setup(epochs=2)
    before = model.state_dict()
    arguments["optimizer"] = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="of Adam, and the optimizer is SGD"):
        tg.fit(model, **arguments, checkpoint=path, resume=True)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_resumed_run_may_measure_more(tmp_path):
    path = tmp_path / "run.npz"
    model, arguments = setup(epochs=1, valid=None, metrics=(), scheduler=None)
    tg.fit(model, **arguments, checkpoint=path)
    model, arguments = setup(epochs=2)
    history = tg.fit(model, **arguments, checkpoint=path, resume=True)
    assert np.isnan(history["valid_loss"][0])
    assert history.best_epoch == 2


def test_a_first_validation_loss_that_is_nan_is_not_the_best():
    losses = iter([np.nan, 0.6, 0.5])
    calls = []

    def loss(y, target):
        value = tg.cross_entropy(y, target)
        if y.requires_grad:
            return value
        calls.append(1)
        return tg.Tensor(next(losses)) if len(calls) <= 3 else value

    model, arguments = setup(epochs=3, loss=loss)
    arguments["valid"] = [(X[40:], LABELS[40:])]
    assert tg.fit(model, **arguments).best_epoch == 3


def test_generators_are_refused_for_several_epochs():
    model, arguments = setup(train=((X[:3], LABELS[:3]) for _ in range(2)))
    with pytest.raises(ValueError, match="walked once"):
        tg.fit(model, **arguments)


def test_a_loss_that_is_not_finite_ends_with_the_best_state_and_the_history():
    def spoil(history):
        if len(history) == 2:
            next(iter(model.parameters())).data[...] = np.inf

    model, arguments = setup(callbacks=[spoil], valid=None)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as error:
        tg.fit(model, **arguments)
    assert len(error.value.history) == 2
    assert all(np.isfinite(p.data).all() for p in model.parameters())


def test_metrics_keep_names_of_their_own():
    a, b = (lambda p, t: 0.0), (lambda p, t: 1.0)
    model, arguments = setup(metrics=(a, b, "accuracy"), epochs=1, valid=None)
    assert len(tg.fit(model, **arguments)) == 1
    assert {"<lambda>", "<lambda>_", "accuracy"} <= set(tg.fit(model, **arguments))


def everything(path, epochs=6, stop=None, resume=False):
    """A run with all that has a state: one cycle per batch, dropout, batch norm, augmentation."""
    tg.manual_seed(0)
    images = np.random.default_rng(0).random((44, 1, 8, 8), dtype=np.float32)
    labels = (images[:, 0, :, :4].mean((1, 2)) > images[:, 0, :, 4:].mean((1, 2))).astype(np.int64)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.GlobalAvgPool2d(), nn.Dropout(0.3), nn.Linear(4, 2),
    )  # fmt: skip
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    train = AugmentedDataset((images, labels), [RandomShift(1), RandomRotation(5)])
    loader = DataLoader(train, batch_size=8, shuffle=True)
    schedule = optim.OneCycleLR(optimizer, 0.05, total_steps=6 * len(loader))
    calls = 0

    def loss(y, target):
        nonlocal calls
        calls += 1
        if calls == stop:
            raise KeyboardInterrupt
        return tg.cross_entropy(y, target, label_smoothing=0.1)

    history = tg.fit(
        model, loader, (images, labels), loss=loss, optimizer=optimizer, epochs=epochs,
        scheduler=schedule, seed=1, progress=False, checkpoint=path, resume=resume,
    )  # fmt: skip
    return model, optimizer, history


def test_an_interrupted_run_resumes_to_what_it_would_have_been(tmp_path):
    model, optimizer, whole = everything(tmp_path / "whole.npz")
    path = tmp_path / "run.npz"
    _, _, history = everything(path, stop=20)  # in the middle of the third epoch
    assert history.interrupted
    assert len(history) == 2
    again, other, resumed = everything(path, resume=True)
    assert resumed["loss"] == whole["loss"]
    assert resumed["valid_loss"] == whole["valid_loss"]
    assert resumed.best_epoch == whole.best_epoch
    for (name, x), y in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert other.param_groups[0]["betas"] == optimizer.param_groups[0]["betas"]


def test_a_one_cycle_schedule_steps_after_each_batch():
    model, arguments = setup(epochs=3)
    schedule = optim.OneCycleLR(arguments["optimizer"], 0.1, epochs=3, steps_per_epoch=6)
    tg.fit(model, **{**arguments, "scheduler": schedule})
    assert schedule.steps == 18


def test_a_checkpoint_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    everything(path, epochs=1)
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        everything(path, epochs=2, resume=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[::-1]])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "run.npz"
    everything(path, epochs=1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileError, match="damaged"):
        everything(path, resume=True)


@pytest.mark.parametrize("generator", ["null", "{}", "[]", "-1"])
def test_a_checkpoint_with_odd_contents_is_refused(tmp_path, generator):
    path = tmp_path / "run.npz"
    everything(path, epochs=1)
    state = tg.load(path)
    tg.save(state, path, {**state.metadata, "generator": generator})
    with pytest.raises(FileError, match="damaged"):
        everything(path, resume=True)


# --- data of other libraries -----------------------------------------------------------------


def losses(train, **options):
    model, arguments = setup(train=train, valid=None, scheduler=None, seed=0, **options)
    return tg.fit(model, **arguments)["loss"]


def test_frames_and_series_of_pandas_are_arrays_whatever_their_index():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(X, index=range(100, 160))
    y = pandas.Series(LABELS, index=range(60)[::-1])
    assert losses((x, y)) == losses((X, LABELS))
    assert losses([(x, y)]) == losses([(X, LABELS)])
    model, _ = setup()
    np.testing.assert_array_equal(model(x).data, model(X).data)
    (batch,) = next(iter(DataLoader(x, 3)))
    np.testing.assert_array_equal(batch, X[:3])


def test_columns_that_are_no_numbers_are_refused():
    pandas = pytest.importorskip("pandas")
    words = pandas.Series(list("abcdef") * 10)
    missing = pandas.DataFrame(X).astype("Float64").mask(lambda frame: frame > 1)
    for train in (X, words), (missing, LABELS), [(X, words)]:
        with pytest.raises(DTypeError, match="give an array of them"):
            losses(train)


def test_tensors_datasets_and_loaders_of_pytorch_are_taken():
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X), torch.tensor(LABELS)
    pairs = torch.utils.data.TensorDataset(x, y)
    assert losses((x, y)) == losses(pairs) == losses((X, LABELS))
    loader = torch.utils.data.DataLoader(pairs, batch_size=20)
    batches = [(X[i : i + 20], LABELS[i : i + 20]) for i in (0, 20, 40)]
    assert losses(loader) == losses(batches)
    model, _ = setup()
    assert evaluate(model, loader, tg.cross_entropy) == evaluate(model, batches, tg.cross_entropy)
    np.testing.assert_array_equal(model(x).data, model(X).data)


def test_a_tensor_in_a_graph_of_pytorch_is_refused():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    model, _ = setup()
    for use in lambda: losses((x, LABELS)), lambda: losses([(x, LABELS)]), lambda: model(x):
        with pytest.raises(DTypeError, match=r"\.detach\(\)"):
            use()


def test_a_masked_array_would_lose_its_mask():
    masked = np.ma.array(X, mask=X > 1)
    model, _ = setup()
    for use in lambda: losses((masked, LABELS)), lambda: model(masked), lambda: DataLoader(masked):
        with pytest.raises(DTypeError, match="filled"):
            use()


class Batches:
    """A callback with a hook for batches, and none for epochs."""

    def __init__(self, last=None):
        self.seen, self.last = [], last

    def on_batch_end(self, history, batch):
        self.seen.append((batch["epoch"], batch["batch"], len(history)))
        assert np.isfinite(batch["loss"])
        return len(self.seen) == self.last


def test_callbacks_may_follow_each_batch_and_end_the_training_there():
    watch, epochs = Batches(), []
    model, arguments = setup(epochs=2, callbacks=[watch, lambda history: epochs.append(1)])
    tg.fit(model, **arguments)
    assert watch.seen == [(e, b, e - 1) for e in (1, 2) for b in range(1, 7)]
    assert len(epochs) == 2
    watch = Batches(last=8)
    model, arguments = setup(epochs=9, callbacks=[watch])
    history = tg.fit(model, **arguments)
    assert len(history) == 2
    assert watch.seen[-1] == (2, 2, 1)


def walked(how, train):
    """What may walk a loader before or beside the training: its counter of epochs goes on."""
    if how == "a look":
        next(iter(train))
    if how == "evaluated":
        evaluate(nn.Linear(4, 2), train, tg.cross_entropy)
    if how == "for validation, too":
        return {"valid": train}
    if how == "by a callback":
        return {"callbacks": [lambda _: evaluate(nn.Linear(4, 2), train, tg.cross_entropy) and 0]}
    if how == "validation that draws":
        drawn = WeightedSampler(np.arange(1.0, 21), seed=5)
        return {"valid": DataLoader((X[40:], LABELS[40:]), 6, sampler=drawn)}
    return {}


@pytest.mark.parametrize("order", [{"shuffle": True, "seed": 1}, {"sampler": True}, {}])
@pytest.mark.parametrize("how", [
    "a look", "evaluated", "for validation, too", "by a callback", "validation that draws",
])  # fmt: skip
def test_loaders_walked_elsewhere_resume_exactly(how, order, tmp_path):
    if "sampler" in order:
        order = {"sampler": WeightedSampler(np.arange(1.0, 41), seed=2)}

    def run(epochs, walks, **options):
        train = DataLoader((X[:40], LABELS[:40]), 7, **(order or {"shuffle": True}))
        tg.manual_seed(0)
        beside = walked(how, train) if walks or how not in ("a look", "evaluated") else {}
        model, arguments = setup(epochs=epochs, train=train, **beside, **options)
        history = tg.fit(model, **arguments)
        return history["loss"], history["valid_loss"], [p.data.tolist() for p in model.parameters()]

    path = tmp_path / "run.npz"
    whole = run(5, True)
    run(2, True, checkpoint=path)
    for walks in True, False:
        assert run(5, walks, checkpoint=path, resume=True) == whole


def test_a_rate_that_a_callback_sets_is_resumed(tmp_path):
    def run(epochs, **options):
        model, arguments = setup(epochs=epochs, **options)
        optimizer = arguments["optimizer"]

        def halve(history):
            if len(history) == 2:
                optimizer.lr = 0.01

        arguments |= {"callbacks": halve, "scheduler": optim.StepLR(optimizer, 3, 0.5)}
        return tg.fit(model, **arguments)["loss"], optimizer.lr

    path = tmp_path / "run.npz"
    whole = run(4)
    assert whole[1] == 0.005
    run(2, checkpoint=path)
    assert run(4, checkpoint=path, resume=True) == whole


def test_runs_one_after_the_other_take_new_orders():
    seen = []
    model, arguments = setup(epochs=1, callbacks=[Batches()])
    arguments["loss"] = lambda y, t: seen.append(t.data.tolist()) or tg.cross_entropy(y, t)
    arguments["valid"] = None
    tg.fit(model, **arguments)
    tg.fit(model, **arguments)
    assert seen[:6] != seen[6:]


def test_an_epoch_that_a_callback_ends_is_in_no_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    model, arguments = setup(epochs=4)
    whole = tg.fit(model, **arguments)["loss"]
    for last, epochs in (3, 0), (8, 1):  # in the first epoch, and in the second
        model, arguments = setup(epochs=4, checkpoint=path, callbacks=[Batches(last)])
        assert len(tg.fit(model, **arguments)) == epochs + 1
        assert path.exists() == bool(epochs)
    model, arguments = setup(epochs=4, checkpoint=path, resume=True)
    assert tg.fit(model, **arguments)["loss"] == whole


@pytest.mark.parametrize("sizes", [(12, 12, 12, 12), (12, 12, 12, 4), (7, 5, 9)])
@pytest.mark.parametrize("k", [2, 3])
def test_accumulated_batches_make_the_step_of_a_large_one(sizes, k):
    def trained(batches, **options):
        before = tg.settings.get_default_dtype()
        tg.set_default_dtype("float64")
        try:
            model, arguments = setup(epochs=3, train=batches, valid=None, **options)
        finally:
            tg.set_default_dtype(before)
        tg.fit(model, **arguments)
        return arguments["optimizer"].steps, [p.data for p in model.parameters()]

    ends = np.cumsum((0, *sizes))
    x = X.astype(float)
    small = [(x[a:b], LABELS[a:b]) for a, b in pairwise(ends)]
    large = [(x[a:b], LABELS[a:b]) for a, b in pairwise([*ends[:-1:k], ends[-1]])]
    (n, ours), (m, expected) = trained(small, accumulate=k), trained(large)
    assert n == m == 3 * len(large)
    for p, q in zip(ours, expected, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9)


def test_accumulating_one_batch_and_a_wide_clip_change_nothing():
    runs = []
    for options in {}, {"accumulate": 1, "clip": 1e9}:
        model, arguments = setup(**options)
        runs.append(tg.fit(model, **arguments)["loss"])
    assert runs[0] == runs[1]


def test_a_callback_that_could_never_be_called_is_refused():
    model, arguments = setup(callbacks=["each epoch"])
    with pytest.raises(TypeError, match="a callback is a function of the history"):
        tg.fit(model, **arguments)


def test_clipping_bounds_each_step():
    model, arguments = setup(epochs=1, train=(X, LABELS), scheduler=None, clip=0.01)
    arguments["optimizer"] = optim.SGD(model.parameters(), lr=1.0)
    before = [p.data.copy() for p in model.parameters()]
    tg.fit(model, **arguments)
    moved = np.sqrt(sum(((p.data - q) ** 2).sum()
                        for p, q in zip(model.parameters(), before, strict=True)))  # fmt: skip
    assert 0 < moved <= 2 * 0.01 + 1e-6  # two batches
    for options, words in ({"clip": 0}, "clip is a number above 0"), (
        {"accumulate": 0}, "accumulate is an integer of at least 1",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            tg.fit(model, **{**arguments, **options})


@pytest.mark.parametrize("make", [
    lambda o: optim.ReduceLROnPlateau(o, patience=0, factor=0.5, threshold=0.2),
    lambda o: optim.SequentialLR(o, [optim.LinearLR(o, 0.1), optim.StepLR(o, 2, 0.5)], [5]),
], ids=["plateau", "sequential"])  # fmt: skip
@pytest.mark.parametrize("per_batch", [False, True])
def test_new_schedules_accumulation_and_samplers_resume_exactly(make, per_batch, tmp_path):
    def run(epochs, **options):
        model, arguments = setup(epochs=epochs, accumulate=4, clip=0.5, **options)
        sampler = WeightedSampler(np.arange(40.0), seed=2)
        arguments["train"] = DataLoader((X[:40], LABELS[:40]), 7, sampler=sampler)
        arguments["scheduler"] = scheduler = make(arguments["optimizer"])
        if per_batch and not isinstance(scheduler, optim.ReduceLROnPlateau):
            scheduler.per_batch = True
        history = tg.fit(model, **arguments)
        return history["loss"], arguments["optimizer"].lr, scheduler.steps

    reference = run(8)
    path = tmp_path / "run.npz"
    run(3, checkpoint=path)
    assert run(8, checkpoint=path, resume=True) == reference
    assert reference[1] != 0.05


def test_a_plateau_follows_the_validation_loss_or_the_training_loss():
    for valid, name in ((X[40:], LABELS[40:]), "valid_loss"), (None, "loss"):
        model, arguments = setup(epochs=3, valid=valid)
        arguments["scheduler"] = plateau = optim.ReduceLROnPlateau(arguments["optimizer"])
        history = tg.fit(model, **arguments)
        assert plateau.best == min(history[name])


class Two(nn.Module):
    """A model of two inputs, and of two outputs where asked."""

    def __init__(self):
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, left, right):
        return self.a(left) + self.b(right)


def test_models_of_several_inputs_get_tuples_by_place_and_dicts_by_name():
    def trained(train, **options):
        tg.manual_seed(0)
        model = Two()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        return tg.fit(model, train, loss=tg.cross_entropy, optimizer=optimizer, epochs=2, seed=0,
                      metrics=["accuracy"], progress=False, **options)["loss"]  # fmt: skip

    left, right = X[:, :2], X[:, 2:]
    pairs = [((a, b), y) for a, b, y in zip(left, right, LABELS, strict=True)]
    named = [{"right": b, "left": a, "y": y} for a, b, y in zip(left, right, LABELS, strict=True)]
    whole = {"left": left, "right": right, "y": LABELS}
    expected = trained(((left, right), LABELS), valid=((left, right), LABELS))
    assert trained(({"left": left, "right": right}, LABELS)) == expected
    assert trained(whole) == expected
    assert trained(DataLoader(pairs, shuffle=True, seed=0)) == expected
    assert trained(DataLoader(named, shuffle=True, seed=0)) == expected
    assert trained(lambda: iter(DataLoader(whole))) == trained([*DataLoader(whole)])


def test_measures_weigh_batches_by_examples_whatever_the_output():
    class Both(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(4, 2)

        def forward(self, x):
            return {"z": self.layer(x), "x": x}

    model = Both()
    batches = [(X[:50], LABELS[:50]), (X[50:], LABELS[50:])]
    shares = evaluate(model, batches, lambda y, t: tg.cross_entropy(y["z"], t),
                      {"seen": lambda y, t: float(len(y["x"]))})  # fmt: skip
    assert shares["seen"] == pytest.approx((50 * 50 + 10 * 10) / 60)
    assert shares["loss"] == pytest.approx(tg.cross_entropy(model(X)["z"], LABELS).item())


def test_examples_are_counted_along_the_targets():
    model = nn.Linear(4, 4)
    sequences = RNG.standard_normal((12, 3, 4)).astype(np.float32)  # (N, T, D)

    def loss(y, target):  # of outputs (T, N, D)
        return tg.mse_loss(model(y.swapaxes(0, 1)), target)

    batches = [(sequences[:10],) * 2, (sequences[10:],) * 2]
    whole = evaluate(Swapped(), [(sequences, sequences)], loss)["loss"]
    assert evaluate(Swapped(), batches, loss)["loss"] == pytest.approx(whole)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    before = {name: x.copy() for name, x in model.state_dict().items()}
    runs = []
    for train, accumulate in ([(sequences, sequences)], 1), (batches, 2):
        model.load_state_dict(before)
        tg.fit(nn.Sequential(Swapped(), Held(model)), train, loss=loss, optimizer=optimizer,
               epochs=1, accumulate=accumulate, progress=False)  # fmt: skip
        runs.append(model.weight.data.copy())
    np.testing.assert_allclose(*runs, rtol=1e-5)
    numbers = evaluate(model, [(sequences[0], 0.0)], lambda y, _: y.mean(), {"n": lambda y, t: 1.0})
    assert numbers["n"] == 1.0  # targets without an axis: as many examples as outputs


class Swapped(nn.Module):
    """From batch-first to time-first."""

    def forward(self, x):
        return tg.swapaxes(x, 0, 1)


class Held(nn.Module):
    """What it holds is learned, and not applied."""

    def __init__(self, model):
        self.model = model

    def forward(self, x):
        return x


def test_data_and_callbacks_of_another_kind():
    model, arguments = setup()
    for wrong in {"train": None}, {"train": 3}, {"valid": 3}, {"valid": X[:, 0].sum()}:
        with pytest.raises(TypeError, match="give a DataLoader, arrays"):
            tg.fit(model, **{**arguments, **wrong})
    with pytest.raises(TypeError, match="give a DataLoader, arrays"):
        evaluate(model, None, tg.cross_entropy)
    seen = []
    model, arguments = setup(epochs=2, callbacks=lambda history: seen.append(len(history)))
    tg.fit(model, **arguments)
    assert seen == [1, 2]
    watch = Batches()
    model, arguments = setup(epochs=1, callbacks=watch)
    tg.fit(model, **arguments)
    assert len(watch.seen) == 6
    with pytest.raises(TypeError, match="a callback is a function"):
        tg.fit(model, **{**arguments, "callbacks": 3})


def test_a_checkpoint_of_another_schedule_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.npz"

    def chain(optimizer, n):
        return optim.ChainedScheduler([optim.StepLR(optimizer, 2) for _ in range(n)])

    model, arguments = setup(epochs=1, checkpoint=path)
    tg.fit(model, **{**arguments, "scheduler": chain(arguments["optimizer"], 2)})
    for others in (lambda o: None), (lambda o: chain(o, 1)), (lambda o: optim.StepLR(o, 1)):
        model, arguments = setup(epochs=2, checkpoint=path, resume=True)
        before = model[0].weight.data.copy()
        scheduler = others(arguments["optimizer"])
        with pytest.raises(ArgumentError, match=r"schedule.*ChainedScheduler\(StepLR, StepLR\)"):
            tg.fit(model, **{**arguments, "scheduler": scheduler})
        np.testing.assert_array_equal(model[0].weight.data, before)


def test_a_function_makes_batches_anew_for_each_epoch():
    def batches():
        yield X[:30], LABELS[:30]
        yield X[30:], LABELS[30:]

    made, given = ({"train": train, "valid": train} for train in (batches, [*batches()]))
    runs = []
    for options in made, given:
        model, arguments = setup(**options)
        runs.append(tg.fit(model, **arguments)["valid_loss"])
    assert runs[0] == runs[1]
    once = batches()
    model, arguments = setup(train=lambda: once)
    with pytest.raises(ValueError, match="there is no batch"):
        tg.fit(model, **arguments)
    with pytest.raises(ValueError, match="the function that makes it"):
        tg.fit(model, **{**arguments, "train": batches()})


def test_batches_of_another_kind_are_refused():
    for batch in X, (X,), {"x": X}, (X, LABELS, X):
        model, arguments = setup(train=[batch])
        with pytest.raises(ValueError, match="batches of two"):
            tg.fit(model, **arguments)
