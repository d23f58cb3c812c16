"""Classifier and Regressor among scikit-learn's own tools."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import warnings
from functools import partial

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_methods_subset_invariance,
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)

import tinygrad_fr as tg
from tinygrad_fr import nn, optim
from tinygrad_fr.data import DataLoader
from tinygrad_fr.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from tinygrad_fr.exchange import Classifier, Regressor

X, Y = make_classification(150, 6, n_informative=4, n_classes=3, random_state=0)
X = X.astype(np.float32)
NAMES = np.array(["rose", "daisy", "tulip"])[Y]
TARGETS = np.stack([X[:, 0] - X[:, 1], 2 * X[:, 2]], 1)


def make(features, outputs, hidden=16):
    """Importable, as processes of a search and pickles need it."""
    return nn.models.mlp((features, hidden, outputs))


def with_dropout(features, outputs):
    return nn.Sequential(nn.Linear(features, 16), nn.Dropout(0.5), nn.Linear(16, outputs))


def equal(model, other):
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


# --- scikit-learn's own checks -----------------------------------------------------------------

# In float32 a sum of repeated terms and a weighted one, or one row alone and among others, differ
# by more than the 1e-7 that these checks allow; in float64, where they would find a real mistake,
# they have to pass.
ROUNDING = {
    "check_sample_weight_equivalence_on_dense_data": "float32 rounds at its tolerance",
    "check_methods_subset_invariance": "float32 rounds at its tolerance",
}


@parametrize_with_checks([Classifier(), Regressor()], expected_failed_checks=lambda _: ROUNDING)
def test_it_is_an_estimator_to_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [Classifier, Regressor])
@pytest.mark.parametrize(
    "check", [check_sample_weight_equivalence_on_dense_data, check_methods_subset_invariance]
)
def test_what_only_rounding_fails_passes_in_float64(kind, check):
    tg.set_default_dtype("float64")
    check(kind.__name__, kind())


def test_it_stands_in_pipelines_searches_and_cross_validation():
    net = Classifier(make, epochs=20, lr=0.01, random_state=0)
    grid = {"classifier__lr": [1e-9, 0.01], "classifier__model__hidden": [1, 16]}
    search = GridSearchCV(make_pipeline(StandardScaler(), net), grid, cv=3, n_jobs=2)
    search.fit(X, NAMES)
    assert search.best_params_ == {"classifier__lr": 0.01, "classifier__model__hidden": 16}
    best = search.best_estimator_[-1]
    assert best.model_[0].weight.shape == (16, 6)
    assert set(search.predict(X)) <= {*NAMES}
    assert cross_val_score(net, X, NAMES, cv=3).mean() > 0.6
    assert BaggingClassifier(net, 3, random_state=0).fit(X, NAMES).score(X, NAMES) > 0.7


def test_a_search_in_processes_takes_a_lambda():
    net = Regressor(lambda n, k: nn.Linear(n, k), lr=0.05, epochs=60, random_state=0)
    assert (cross_val_score(net, X, TARGETS, cv=2, n_jobs=2) > 0.95).all()


# --- the model -----------------------------------------------------------------------------------


class Named(nn.Module):
    def __init__(self, n_features, hidden, n_classes):
        self.a, self.b = nn.Linear(n_features, hidden), nn.Linear(hidden, n_classes)

    def forward(self, x):
        return self.b(tg.relu(self.a(x)))


@pytest.mark.parametrize(
    ("model", "given", "shapes"),
    [
        (None, {}, [(100, 6), (3, 100)]),
        (None, {"model__hidden": (5, 4)}, [(5, 6), (4, 5), (3, 4)]),
        (make, {}, [(16, 6), (3, 16)]),
        (make, {"model__hidden": 7}, [(7, 6), (3, 7)]),
        (partial(make, hidden=7), {}, [(7, 6), (3, 7)]),
        (lambda: nn.Linear(6, 3), {}, [(3, 6)]),
        (lambda n, k: nn.Linear(n, k), {}, [(3, 6)]),
        (lambda classes: nn.Linear(6, classes), {}, [(3, 6)]),
        (lambda classes, features: nn.Linear(features, classes), {}, [(3, 6)]),
        (lambda n, k, *, bias: nn.Linear(n, k, bias=bias), {"model__bias": False}, [(3, 6)]),
        (Named, {"model__hidden": 4}, [(4, 6), (3, 4)]),
        (nn.Linear, {}, [(3, 6)]),
        (nn.models.mlp, {}, [(100, 6), (3, 100)]),
        (partial(nn.models.mlp, sizes=(6, 2, 3)), {}, [(2, 6), (3, 2)]),
        (nn.Linear(6, 3), {}, [(3, 6)]),
    ],
)  # fmt: skip
def test_a_function_gets_what_it_asks_for(model, given, shapes):
    fitted = Classifier(model, epochs=1, **given).fit(X, Y)
    assert [p.shape for p in fitted.model_.parameters() if p.ndim == 2] == shapes


def test_a_module_is_copied_and_goes_on_from_its_weights():
    model = nn.Linear(6, 3)
    before = copy.deepcopy(model)
    net = Classifier(model, epochs=3)
    assert not equal(net.fit(X, Y).model_, model)
    assert equal(model, before)
    assert equal(Classifier(model, lr=0.0, epochs=1).fit(X, Y).model_, before)
    assert equal(clone(net).model, before)


def test_images_keep_their_axes():
    images, y = load_digits(return_X_y=True)
    images, y = images.reshape(-1, 1, 8, 8)[:400] / 16, y[:400]
    net = Classifier(nn.models.course_cnn, epochs=10, batch_size=20, lr=0.01, random_state=0)
    net.fit(images[:300], y[:300])
    assert net.model_[3].weight.shape == (10, 8 * 3 * 3)
    assert net.n_features_in_ == 1
    assert net.score(images[300:], y[300:]) > 0.85
    assert Classifier(epochs=30).fit(images, y).score(images, y) > 0.85


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_it_is_fit_with_the_loss_of_the_kind(kind):
    target, loss = (Y, tg.cross_entropy) if kind is Classifier else (TARGETS, tg.mse_loss)
    tg.manual_seed(5)
    model = nn.Linear(6, 1 + int(target.max()) if kind is Classifier else 2)
    net = kind(model, epochs=4, batch_size=32, random_state=3).fit(X, target)
    by_hand = copy.deepcopy(model)
    tg.manual_seed(int(np.random.RandomState(3).randint(2**31 - 1)))
    history = tg.fit(
        by_hand, DataLoader((X, target), 32, shuffle=True), loss=loss, epochs=4, progress=False,
        optimizer=optim.Adam(by_hand.parameters()),
    )  # fmt: skip
    assert net.loss_curve_ == pytest.approx(history["loss"], rel=1e-4)
    assert net.n_iter_ == len(net.history_) == 4
    np.testing.assert_allclose(net.model_.weight.data, by_hand.weight.data, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "given", "kind"),
    [
        ("SGD", {"optimizer__momentum": 0.9}, optim.SGD),
        (optim.RMSprop, {}, optim.RMSprop),
        (lambda parameters, lr: optim.AdamW(parameters, lr, weight_decay=0.1), {}, optim.AdamW),
    ],
)
def test_an_optimizer_is_a_name_or_makes_one(optimizer, given, kind):
    net = Classifier(optimizer=optimizer, lr=0.25, epochs=1, **given).fit(X, Y)
    assert isinstance(net.optimizer_, kind)
    assert net.optimizer_.lr == 0.25
    assert net.optimizer_.param_groups[0].get("momentum", 0.9) in (0.9, 0.0)


def test_a_loss_of_one_s_own():
    net = Regressor(nn.Linear(6, 2), loss=tg.l1_loss, lr=0.0, epochs=1, batch_size=150)
    net.fit(X, TARGETS)
    assert net.loss_curve_ == [pytest.approx(tg.l1_loss(net.model_(X), TARGETS).item(), rel=1e-5)]
    smooth = partial(tg.cross_entropy, label_smoothing=0.1)
    net = Classifier(nn.Linear(6, 3), loss=smooth, lr=0.0, epochs=1).fit(X, Y)
    assert net.loss_curve_ == [pytest.approx(smooth(net.model_(X), Y).item(), rel=1e-5)]


def test_weights_of_classes_and_examples_weight_the_loss():
    weights = np.array([0.5, 1.0, 3.0])
    model = nn.Linear(6, 3)
    options = {"lr": 0.0, "epochs": 1, "batch_size": 150}
    by_label = dict(zip(["daisy", "rose", "tulip"], weights))
    net = Classifier(model, class_weight=by_label, **options).fit(X, NAMES)
    target = np.searchsorted(net.classes_, NAMES)
    expected = tg.cross_entropy(model(X), target, weight=weights).item()
    assert net.loss_curve_ == [pytest.approx(expected, rel=1e-5)]
    net = Classifier(model, **options).fit(X, NAMES, sample_weight=weights[target])
    assert net.loss_curve_ == [pytest.approx(expected, rel=1e-5)]

    few = np.concatenate([np.flatnonzero(target < 2), np.flatnonzero(target == 2)[:5]])
    counts = np.bincount(target[few])
    net = Classifier(model, class_weight="balanced", **options).fit(X[few], NAMES[few])
    expected = tg.cross_entropy(model(X[few]), target[few], weight=1 / counts).item()
    assert net.loss_curve_ == [pytest.approx(expected, rel=1e-5)]

    weight = np.linspace(0, 2, 150)
    net = Regressor(nn.Linear(6, 2), **options).fit(X, TARGETS, sample_weight=weight)
    squares = (net.predict(X) - TARGETS) ** 2
    assert net.loss_curve_ == [pytest.approx(np.average(squares.mean(1), weights=weight), rel=1e-4)]


def test_verbose_shows_a_line_per_epoch(capsys):
    Classifier(epochs=2).fit(X, Y)
    assert not capsys.readouterr().out
    Classifier(epochs=2, verbose=True).fit(X, Y)
    assert capsys.readouterr().out.count("loss") == 2


def test_early_stopping_goes_back_to_the_best():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((80, 20)).astype(np.float32), rng.integers(0, 2, 80)
    net = Classifier(
        early_stopping=True, validation_fraction=0.25, n_iter_no_change=4, lr=0.01, random_state=0,
    ).fit(x, noise)  # fmt: skip
    losses = net.history_["valid_loss"]
    assert net.n_iter_ == len(losses) == int(np.argmin(losses)) + 1 + 4 < 200
    best = net.history_.best_state
    assert all(np.array_equal(a, best[name]) for name, a in net.model_.state_dict().items())
    everything = Classifier(epochs=net.n_iter_, lr=0.01, random_state=0).fit(x, noise)
    assert "valid_loss" not in everything.history_
    ends = Regressor(early_stopping=True, epochs=3, n_iter_no_change=50).fit(X, TARGETS)
    assert ends.n_iter_ == 3


def test_partial_fit_takes_the_steps_by_hand():
    model = nn.Linear(6, 3)
    net = Classifier(model, batch_size=150, lr=0.1)
    by_hand = copy.deepcopy(model)
    optimizer = optim.Adam(by_hand.parameters(), lr=0.1)
    for rows in slice(0, 70), slice(70, 150), slice(20, 90):
        net.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        optimizer.zero_grad()
        tg.cross_entropy(by_hand(X[rows]), Y[rows]).backward()
        optimizer.step()
    for a, b in zip(net.model_.parameters(), by_hand.parameters()):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-4, atol=1e-6)
    assert net.n_iter_ == net.history_["epoch"][-1] == len(net.loss_curve_) == 3
    assert net.fit(X, Y).n_iter_ == 100
    assert net.partial_fit(X, Y).n_iter_ == 101

    line = Regressor(lr=0.05, batch_size=30, random_state=0)
    for _ in range(40):
        line.partial_fit(X, TARGETS)
    assert line.score(X, TARGETS) > 0.9


def test_weights_count_in_batches_of_one_too():
    x, y = np.zeros((20, 1)), np.repeat([0.0, 1.0], 10)
    weight = np.repeat([1.0, 3.0], 10)
    net = Regressor(nn.Linear, optimizer="SGD", lr=0.01, batch_size=1, epochs=300, random_state=0)
    assert net.fit(x, y, sample_weight=weight).predict(x[:1]) == pytest.approx(0.75, abs=0.05)
    rest = Regressor(nn.Linear, optimizer="SGD", lr=0.01, batch_size=19, epochs=200, random_state=0)
    weight = np.append(np.ones(19), 1e-12)
    got = rest.fit(x, np.append(np.zeros(19), 1e3), sample_weight=weight).predict(x[:1])
    assert got == pytest.approx(0.0, abs=0.05)
    before = Regressor(nn.Linear(1, 1), lr=0.1, optimizer="SGD").partial_fit(x, y)
    moved = copy.deepcopy(before).partial_fit(x[:1], y[-1:], sample_weight=[1e-9])
    np.testing.assert_allclose(moved.predict(x), before.predict(x), atol=1e-6)


def test_targets_keep_their_digits_for_a_model_in_float64():
    tg.set_default_dtype("float64")
    y = 1e9 + np.arange(4.0)
    model = nn.Linear(1, 1)
    model.weight.data[...], model.bias.data[...] = 1.0, 1e9
    tg.set_default_dtype("float32")
    net = Regressor(model, lr=0.0, epochs=1).fit(np.arange(4.0)[:, None], y)
    assert net.history_["loss"][0] == 0


def test_no_weight_is_negative_and_no_class_is_told_of_nan():
    with pytest.raises(ArgumentError, match="below 0"):
        Classifier(class_weight={0: -0.1, 1: 1.0, 2: 1.0}).fit(X, Y)
    net = Classifier(nn.Linear(6, 3), epochs=1).fit(X, Y)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="NaN"):
        net.predict(np.full((2, 6), 1e300))


def test_any_loss_will_do_where_nothing_is_weighted():
    def pinball(y, target):
        return tg.maximum(0.9 * (target - y), 0.1 * (y - target)).mean()

    net = Regressor(nn.Linear, loss=pinball, lr=0.05, random_state=0).fit(X, TARGETS[:, 0])
    assert 0.8 < (TARGETS[:, 0] < net.predict(X)).mean() < 0.97
    with pytest.raises(TypeError, match="reduction"):
        net.fit(X, TARGETS[:, 0], sample_weight=np.arange(150))


def test_a_first_part_need_not_hold_all_classes():
    net = Classifier(random_state=0, lr=0.01).partial_fit(X[Y < 2], NAMES[Y < 2], classes=NAMES)
    assert net.classes_.tolist() == ["daisy", "rose", "tulip"]
    for _ in range(100):
        net.partial_fit(X, NAMES)
    assert net.score(X, NAMES) > 0.8
    with pytest.raises(ArgumentError, match="the classes daisy, rose, tulip"):
        net.partial_fit(X[:2], ["rose", "lily"])


def test_parts_are_refused_that_do_not_go_with_the_first():
    net = Classifier(class_weight="balanced")
    with pytest.raises(ArgumentError, match=r"balanced.* is for fit"):
        net.partial_fit(X, Y, classes=[0, 1, 2])
    line = Regressor(nn.Linear, batch_size=150, loss=lambda y, target: (y - target).mean() ** 2)
    line.partial_fit(X, TARGETS[:, 0])
    with pytest.raises(ShapeError, match=r"gives \(150, 1\), not \(150, 2\)"):
        line.partial_fit(X, TARGETS)
    assert line.predict(X).shape == (150,)  # as if it had not been asked


# --- random numbers ------------------------------------------------------------------------------


def test_a_seed_gives_the_same_run_and_leaves_other_draws_alone():
    options = {"epochs": 3, "batch_size": 16, "early_stopping": True}
    tg.manual_seed(7)
    untouched = tg.settings.generator().random()
    tg.manual_seed(7)
    runs = [Classifier(with_dropout, random_state=1, **options).fit(X, Y) for _ in range(2)]
    assert tg.settings.generator().random() == untouched
    assert equal(runs[0].model_, runs[1].model_)
    assert runs[0].loss_curve_ == runs[1].loss_curve_
    other = Classifier(with_dropout, random_state=2, **options).fit(X, Y)
    assert other.loss_curve_ != runs[0].loss_curve_

    tg.manual_seed(7)
    first = Classifier(with_dropout, **options).fit(X, Y)
    assert Classifier(with_dropout, **options).fit(X, Y).loss_curve_ != first.loss_curve_
    tg.manual_seed(7)
    assert Classifier(with_dropout, **options).fit(X, Y).loss_curve_ == first.loss_curve_

    source = np.random.RandomState(0)
    drawn = [Classifier(with_dropout, random_state=source, **options).fit(X, Y) for _ in "ab"]
    assert drawn[0].loss_curve_ != drawn[1].loss_curve_


def test_a_seed_within_the_function_decides_its_weights_only():
    def seeded(features, outputs):
        tg.manual_seed(3)
        return nn.Linear(features, outputs)

    tg.manual_seed(7)
    untouched = tg.settings.generator().random()
    tg.manual_seed(7)
    runs = [Classifier(seeded, lr=0.0, epochs=1, random_state=i).fit(X, Y) for i in (1, 2)]
    assert equal(runs[0].model_, runs[1].model_)
    assert tg.settings.generator().random() == untouched


def test_runs_in_threads_do_not_mix_their_draws():
    alone = Classifier(with_dropout, epochs=20, random_state=1).fit(X, Y)
    nets = [Classifier(with_dropout, epochs=20, random_state=1) for _ in range(3)]
    threads = [threading.Thread(target=net.fit, args=(X, Y)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(equal(net.model_, alone.model_) for net in nets)


# --- copies, names, shapes -----------------------------------------------------------------------


def test_a_pickle_predicts_and_learns_on():
    net = Classifier(make, epochs=5, random_state=0, model__hidden=8).fit(X, NAMES)
    read = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(read.predict_proba(X), net.predict_proba(X))
    net.partial_fit(X, NAMES)
    read.partial_fit(X, NAMES)
    np.testing.assert_array_equal(read.predict_proba(X), net.predict_proba(X))


def test_arguments_are_shown_cloned_and_set():
    net = Classifier(lr=0.5, model__hidden=(3,), optimizer__momentum=0.9)
    assert repr(net) == "Classifier(lr=0.5, model__hidden=(3,), optimizer__momentum=0.9)"
    assert clone(net).get_params() == net.get_params()
    net.set_params(model__hidden=(4,), epochs=7)
    assert (net.get_params()["model__hidden"], net.epochs) == ((4,), 7)
    assert "model__hidden" in net._repr_html_()
    for wrong in lambda: Classifier(epoch=3), lambda: net.set_params(hidden=3):
        with pytest.raises(ValueError, match=r"Invalid parameter '(epoch|hidden)' for estimator"):
            wrong()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_names_to_the_features(library):
    frames = pytest.importorskip(library)
    columns = [f"f{i}" for i in range(6)]
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(columns)})
    series = frames.Series(NAMES)
    net = Classifier(make, lr=0.01, epochs=60, random_state=0).fit(frame, series)
    assert net.feature_names_in_.tolist() == columns
    assert net.score(frame, series) > 0.75
    assert net.classes_.tolist() == ["daisy", "rose", "tulip"]
    with pytest.raises(ValueError, match="feature names"):
        net.predict(frame[columns[::-1]])
    net = Regressor(epochs=1).fit(frame, frames.DataFrame({"a": TARGETS[:, 0], "b": TARGETS[:, 1]}))
    assert net.predict(frame).shape == (150, 2)


@pytest.mark.parametrize("labels", [Y < 1, Y * 2 - 2, NAMES, NAMES.astype(object)])
def test_labels_of_any_kind(labels):
    net = Classifier(lr=0.01, epochs=60, random_state=0).fit(X, labels)
    assert net.classes_.tolist() == sorted(set(labels.tolist()))
    assert net.predict(X).dtype == labels.dtype
    assert net.score(X, labels) > 0.8
    p = net.predict_proba(X)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(net.classes_[p.argmax(1)], net.predict(X))


@pytest.mark.parametrize("shape", [(150,), (150, 1), (150, 3)])
def test_predictions_have_the_shape_of_the_targets(shape):
    y = np.resize(X[:, 0], shape)
    net = Regressor(epochs=2, batch_size=40).fit(X, y)
    assert net.predict(X).shape == shape
    assert net.predict(X[:1]).shape == (1, *shape[1:])


def test_prediction_is_without_dropout_and_records_nothing():
    net = Classifier(with_dropout, epochs=1).fit(X, Y)
    net.model_.train()
    np.testing.assert_array_equal(net.predict_proba(X), net.predict_proba(X))
    assert all(p.grad is None or not p.grad.requires_grad for p in net.model_.parameters())


# --- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "y", "error", "words"),
    [
        (Classifier(nn.Linear(6, 1)), Y, ShapeError, r"gives \(32, 1\), not \(32, 3\)"),
        (Classifier(nn.models.course_cnn(5, 4)), Y, ShapeError, "conv2d"),
        (Regressor(nn.Linear(6, 1)), TARGETS, ShapeError, r"not \(32, 2\): one output for each"),
        (Classifier(3), Y, DTypeError, "model is a Module, or a function .* not int"),
        (Classifier(lambda: 3), Y, DTypeError, "model is a Module, or a function .* not int"),
        (Classifier(nn.Linear(6, 3), model__bias=False), Y, DTypeError, "model__: not Linear"),
        (Classifier(make, model__hiden=3), Y, TypeError, "hiden"),
        (Classifier(optimizer="Adm"), Y, ArgumentError, "optimizer is one of sgd, .* not 'adm'"),
        (Classifier(optimizer__beta=3), Y, TypeError, "beta"),
        (Classifier(epochs=0), Y, ArgumentError, "epochs is an integer of at least 1"),
        (Classifier(batch_size=0), Y, ArgumentError, "batch_size"),
        (Classifier(lr=-1), Y, ArgumentError, "lr is a number that is not negative"),
        (Classifier(early_stopping=True, n_iter_no_change=0), Y, ArgumentError, "n_iter_no_change"),
        (Classifier(early_stopping=True, validation_fraction=2.0), Y, ValueError, "test_size"),
        (Classifier(class_weight={7: 1.0}), Y, ValueError, "not in class_weight"),
        (Classifier(), TARGETS[:, 0], ValueError, "continuous"),
        (Classifier(), TARGETS, ValueError, "1d array"),
        (Classifier(), Y[:9], ValueError, "inconsistent numbers of samples"),
        (Regressor(class_weight="balanced"), TARGETS, ArgumentError, "sample_weight"),
        (Regressor(), NAMES, ValueError, "rose|daisy|tulip"),
        (Regressor(optimizer="SGD", lr=1e30), TARGETS * 1e3, NonFiniteError, "learning rate"),
    ],
)
def test_what_cannot_be_trained_is_said(estimator, y, error, words):
    with np.errstate(all="ignore"), pytest.raises(error, match=words):
        estimator.fit(X, y)


def test_weights_that_weigh_nothing():
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        Classifier().fit(X, Y, sample_weight=-np.ones(150))
    with pytest.raises(ValueError, match=r"zero|empty"):
        Classifier().fit(X, Y, sample_weight=np.zeros(150))


def test_without_scikit_learn_it_says_how_to_get_it():
    code = """
import sys
sys.modules["sklearn"] = None
import importlib.util as u
find = u.find_spec
u.find_spec = lambda name, *a: None if name == "sklearn" else find(name, *a)
import tinygrad_fr as tg
try:
    tg.exchange.Classifier
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "tinygrad_fr[data]"' in run.stdout


def test_digits_are_read_as_well_as_by_scikit_learn():
    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x / 16, y, random_state=0)
    theirs = MLPClassifier(random_state=0)
    with warnings.catch_warnings(action="ignore"):  # that it could go on learning
        theirs.fit(train_x, train_y)
    ours = Classifier(random_state=0).fit(train_x, train_y)
    assert ours.score(test_x, test_y) > theirs.score(test_x, test_y) - 0.01
