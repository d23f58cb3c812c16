"""Pictures: what is drawn, in both languages; what is refused; that nothing is left behind."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

import tinygrad_fr as tg
from tinygrad_fr import errors, plot

RNG = np.random.default_rng(0)
NAN, INF = math.nan, math.inf


def a_history(epochs=3, **metrics):
    run = tg.training.History()
    for i in range(1, epochs + 1):
        values = {"loss": 1 / i, "valid_loss": 1 / i + 0.5 * abs(i - 2)}
        run.epochs.append({"epoch": i, **values, **{k: v / i for k, v in metrics.items()}})
    return run


def a_cnn():
    return tg.nn.models.course_cnn(classes=10, size=8)


def an_mlp():
    return tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))


def a_watch(**measured):
    given = {"gradients": {}, "dead": {}, "saturated": {}} | measured
    return SimpleNamespace(**given)


X = np.array([[0.0, 0.0], [0.2, 0.1], [1.0, 1.0], [0.9, 1.2]])
ALL = {
    "history": lambda: plot.history(a_history(accuracy=0.9)),
    "decision_boundary": lambda: plot.decision_boundary(an_mlp(), X, [0, 0, 1, 1]),
    "confusion_matrix": lambda: plot.confusion_matrix([0, 1, 2], [0, 2, 2]),
    "gradient_flow": lambda: plot.gradient_flow(
        a_watch(gradients={"0 (Linear)": [0.1, 0.0, NAN, None], "2 (Linear)": [1.0] * 400})
    ),
    "health": lambda: plot.health(
        a_watch(dead={"1 (ReLU)": [0.1, NAN]}, saturated={"3 (Sigmoid)": [0.5, None]})
    ),
    "through_time": lambda: plot.through_time(
        a_watch(through_time={"rnn.weight_hh_l0": [1e-9, 0.0, NAN, 0.1], "W": [3.0] * 20})
    ),
    "function": lambda: plot.function(tg.relu),
    "filters": lambda: plot.filters(a_cnn()),
    "activations": lambda: plot.activations(a_cnn(), np.ones((8, 8))),
    "images": lambda: plot.images(np.zeros((3, 8, 8)), [0, 1, 2], [0, 1, 1]),
}
EACH = pytest.mark.parametrize("draw", ALL.values(), ids=ALL)


def texts(figure):
    """All that is written in a figure."""
    return [
        text.get_text()
        for text in figure.findobj(mpl.text.Text)
        if text.get_text() and text.get_visible()
    ]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# --- what holds for every picture ------------------------------------------------------------


@EACH
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture_is_a_figure_that_pyplot_does_not_know(draw, kind, tmp_path):
    from matplotlib import _pylab_helpers

    before = dict(mpl.rcParams)
    figure = draw()
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / f"a.{kind}")
    assert figure.get_size_inches()[0] <= 7.35
    assert not _pylab_helpers.Gcf.figs
    assert dict(mpl.rcParams) == before


@EACH
def test_a_picture_has_words_in_both_languages(draw):
    english = draw()
    tg.set_language("fr")
    french = draw()
    assert english.description.endswith(".")
    assert french.description != english.description
    assert repr(french) == french.description


@EACH
def test_a_notebook_is_given_an_image_and_its_words(draw):
    bundle, metadata = draw()._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    assert 'alt="' in bundle["text/html"]
    assert str(metadata["image/png"]["width"]) in bundle["text/html"]


@EACH
def test_nothing_is_cut_off(draw):
    tg.set_language("fr")
    figure = draw()
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) > -0.02
    assert box.x1 < width + 0.02
    assert box.y1 < height + 0.02


@EACH
def test_a_style_of_the_users_changes_nothing(draw):
    from matplotlib import style

    tg.manual_seed(0)
    plain = draw()
    tg.manual_seed(0)
    with style.context("dark_background"):
        styled = draw()
        html = styled._repr_mimebundle_()[0]["text/html"]
    assert styled.get_facecolor() == (1, 1, 1, 1)
    assert html == plain._repr_mimebundle_()[0]["text/html"]


@EACH
def test_without_matplotlib_an_error_says_what_to_install(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(errors.MissingExtraError, match=r'pip install "tinygrad_fr\[plot\]"'):
        draw()


def test_matplotlib_is_imported_when_something_is_drawn_and_pyplot_never():
    code = (
        "import sys, tinygrad_fr as tg;"
        "tg.plot.function;"
        "assert not any(name.startswith('matplotlib') for name in sys.modules);"
        "tg.plot.function(tg.tanh).savefig(sys.argv[1], format='png');"
        "assert 'matplotlib' in sys.modules;"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, os.devnull],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("before", ["pass", "%matplotlib inline\nimport matplotlib.pyplot as plt"])
def test_a_notebook_shows_a_picture_once(before, monkeypatch, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # there may be no home
    cells = {
        f"{before}\nimport tinygrad_fr as tg": 0,
        "tg.plot.function(tg.relu)": 1,
        "figure = tg.plot.function(tg.relu)": 0,
        "for i in range(3):\n    tg.plot.function(tg.relu)": 0,
        "figure": 1,
        "display(figure)": 1,
    }
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell, expected in zip(notebook.cells, cells.values()):
        assert sum("image/png" in o.get("data", {}) for o in cell.outputs) == expected
        assert len(cell.outputs) == expected


# --- history ---------------------------------------------------------------------------------


def test_history_has_the_loss_above_and_the_metrics_below():
    run = a_history(accuracy=0.5, valid_accuracy=0.4)
    above, below = plot.history(run).axes
    assert above.get_ylabel() == "loss"
    assert below.get_ylabel() == "accuracy"
    curves = {line.get_label(): list(line.get_ydata()) for line in above.lines}
    assert curves["training"] == run["loss"]
    assert curves["validation"] == run["valid_loss"]
    assert legend(above) == ["training", "validation", "best epoch: 2"]


def test_history_marks_the_epoch_of_the_lowest_validation_loss():
    run = a_history()
    (ax,) = plot.history(run).axes
    star = next(line for line in ax.lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (2, run["valid_loss"][1])
    run.best_epoch = 3
    assert legend(plot.history(run).axes[0])[-1] == "best epoch: 3"


def test_history_gives_each_metric_a_panel_of_its_own():
    figure = plot.history(a_history(accuracy=0.5, valid_accuracy=0.4, error=20.0))
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy", "error"]
    assert legend(figure.axes[1]) == ["training", "validation"]


def test_history_of_one_epoch_without_validation():
    run = tg.training.History()
    run.epochs.append({"epoch": 1, "loss": 0.5, "seconds": 2.0})
    (ax,) = plot.history(run).axes
    low, high = ax.get_xlim()
    assert low < 1 < high
    assert legend(ax) == ["training", "best epoch: 1"]
    assert "0.5" in plot.history(run).description


def test_history_of_a_real_run():
    x = np.linspace(-1, 1, 32)[:, None]
    model = tg.nn.Linear(1, 1)
    run = tg.fit(
        model, (x, 3 * x), (x, 3 * x), loss=tg.mse_loss, epochs=3, progress=False,
        optimizer=tg.optim.SGD(model.parameters(), lr=0.1),
    )  # fmt: skip
    assert len(plot.history(run).axes) == 1


def test_history_with_gaps():
    run = a_history(4, accuracy=0.5)
    run.epochs[1]["accuracy"] = NAN
    del run.epochs[2]["accuracy"]
    figure = plot.history(run)
    figure.savefig(os.devnull, format="png")
    assert len(figure.axes) == 2


def test_history_marks_what_is_nan_or_infinite():
    run = a_history(4)
    run.epochs[1]["loss"] = NAN
    run.epochs[3]["loss"] = INF
    del run.epochs[3]["valid_loss"]  # not measured
    figure = plot.history(run)
    (ax,) = figure.axes
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[2, 4]]
    assert legend(ax)[:2] == ["training, NaN or infinite: 2 of 4", "validation"]
    assert "Loss: 1 at first, infinite at last" in figure.description


def test_history_refuses_what_is_none():
    with pytest.raises(errors.ArgumentError, match="no epoch yet"):
        plot.history(tg.training.History())
    with pytest.raises(errors.DTypeError, match="a History, not dict"):
        plot.history({"loss": [1.0]})
    run = tg.training.History()
    run.epochs.append({"epoch": 1})
    with pytest.raises(errors.ArgumentError, match="no loss"):
        plot.history(run)


# --- decision_boundary -----------------------------------------------------------------------


def right(z):
    """Class 1 where the first coordinate exceeds 1/2: a score."""
    return np.asarray(z)[:, 0] - 0.5


BY_HAND = {
    "one logit (M,)": right,
    "one logit (M, 1)": lambda z: right(z)[:, None],
    "probabilities": lambda z: 1 / (1 + np.exp(-right(z))),
    "two scores": lambda z: np.stack([-right(z), right(z)], axis=1),
    "classes": lambda z: (right(z) > 0).astype(int),
    "truth values": lambda z: right(z) > 0,
    "infinite scores": lambda z: np.where(right(z) > 0, np.inf, -np.inf),
    "Tensors": lambda z: tg.Tensor(z) @ tg.Tensor([[1.0], [0.0]], requires_grad=True) - 0.5,
}


@pytest.mark.parametrize("model", BY_HAND.values(), ids=BY_HAND)
@pytest.mark.parametrize(
    "y", [[0, 0, 1, 1], [[0], [0], [1], [1]], np.eye(2)[[0, 0, 1, 1]],
          tg.Tensor([0.0, 0.0, 1.0, 1.0])]
)  # fmt: skip
def test_the_boundary_is_where_the_class_changes(model, y):
    figure = plot.decision_boundary(model, X, y)
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "accuracy: 100.0% of 4 examples"
    line = next(c for c in ax.collections if c.get_facecolor().size == 0)
    points = np.concatenate([path.vertices for path in line.get_paths()])
    assert np.abs(points[:, 0] - 0.5).max() < 0.04


def test_a_module_is_called_in_evaluation_mode_and_given_back_its_modes():
    seen = []

    class Spy(tg.nn.Module):
        def __init__(self):
            self.linear, self.drop = tg.nn.Linear(2, 1), tg.nn.Dropout(0.5)

        def forward(self, x):
            y = self.linear(self.drop(x))
            seen.append((self.training, self.drop.training, y.requires_grad))
            return y

    model = Spy()
    model.drop.eval()
    plot.decision_boundary(model, X, [0, 0, 1, 1])
    assert set(seen) == {(False, False, False)}
    assert (model.training, model.drop.training) == (True, False)
    assert model.linear._hooks in (None, {})


SIGMOID = tg.nn.Sigmoid
THRESHOLDS = {
    "ends in Sigmoid": (lambda: tg.nn.Sequential(tg.nn.Linear(2, 1), SIGMOID()), 0.5),
    "in Sigmoid and Flatten": (
        lambda: tg.nn.Sequential(tg.nn.Linear(2, 1), SIGMOID(), tg.nn.Flatten()), 0.5,
    ),
    "ends in Linear": (lambda: tg.nn.Sequential(SIGMOID(), tg.nn.Linear(2, 1)), 0),
    "small logits": (lambda: _constant(tg.nn.Linear(2, 1), 0.3), 0),
    "a function of probabilities": (lambda: lambda z: 1 / (1 + np.exp(-z[:, 0])), 0.5),
    "a function of logits": (lambda: lambda z: z[:, 0] - 0.2, 0),
}  # fmt: skip


def _constant(layer, value):
    layer.weight.data[:] = 0
    layer.bias.data[:] = value
    return layer


@pytest.mark.parametrize(("make", "expected"), THRESHOLDS.values(), ids=THRESHOLDS)
def test_the_threshold_is_chosen_soundly(make, expected):
    (ax,) = plot.decision_boundary(make(), X, [0, 0, 1, 1]).axes
    assert f"boundary (output = {expected})" in legend(ax)


def test_classes_differ_in_shape_and_regions_in_hatches():
    centres = np.array([[0, 0], [3, 0], [0, 3], [3, 3], [6, 3.0]])

    def model(z):
        return -((z[:, None] - centres) ** 2).sum(2)

    (ax,) = plot.decision_boundary(model, centres, range(5)).axes
    shapes = {c.get_paths()[0].vertices.tobytes() for c in ax.collections[-6:-1]}
    assert len(shapes) == 5
    hatches = [c.hatches[0] for c in ax.collections if getattr(c, "filled", False)]
    assert len(set(hatches)) == 5
    assert legend(ax)[:5] == [f"class {k}" for k in range(5)]


def test_examples_on_the_wrong_side_are_ringed():
    figure = plot.decision_boundary(right, X, [0, 1, 1, 1])
    ax = figure.axes[0]
    rings = [c for c in ax.collections if isinstance(c, PathCollection)][-1]
    assert np.array_equal(rings.get_offsets(), X[[1]])
    assert "wrongly classified" in legend(ax)
    assert "wrongly classified: 1" in figure.description
    assert "wrongly classified" not in legend(
        plot.decision_boundary(right, X, [0, 0, 1, 1]).axes[0]
    )


@pytest.mark.parametrize("x", [[[0.5, 0.5]], [[1, 2], [1, 3]]])
def test_a_boundary_needs_no_spread(x):
    plot.decision_boundary(right, x, [1] * len(x)).savefig(os.devnull, format="png")


REFUSED = {
    "three columns": (right, np.ones((4, 3)), [0, 1, 0, 1], r"two columns, .*not \(4, 3\)"),
    "one axis": (right, np.ones(4), [0, 1, 0, 1], "two columns"),
    "nothing": (right, np.ones((0, 2)), [], "empty"),
    "another length": (right, X, [0, 1], "4 and 2 do not match"),
    "NaN": (right, [[0, NAN]], [0], r"NaN or infinite \(1\), the first at \(0, 1\)"),
    "fractions": (right, X, [0, 1, 0.5, 1], "whole numbers, and 0.5 is none"),
    "no one-hot rows": (right, X, np.full((4, 2), 0.5), "neither classes"),
    "an unknown class": (
        right,
        X,
        [0, 1, 2, 1],
        r"from 0 to 1 \(number of classes: 2\); one is 2",
    ),
    "a negative class": (right, X, [0, -1, -1, 1], "one is -1"),
    "no function": (3, X, [0, 1, 0, 1], "not int"),
    "a class": (tg.nn.Linear, X, [0, 1, 0, 1], "not Linear"),
    "the output's length": (lambda z: np.ones(3), X, [0, 1, 0, 1], r"not \(3,\)"),
    "the output's shape": (lambda z: np.ones((len(z), 2, 2)), X, [0, 1, 0, 1], "2, 2"),
    "classes of -1": (lambda z: np.where(right(z) > 0, 1, -1), X, [0, 1, 0, 1], "one is -1"),
    "NaN in the output": (lambda z: right(z) / 0 * 0, X, [0, 1, 0, 1], "gives NaN at"),
    "words": (right, [["a", "b"]], [0], "real numbers, not of"),
    "ragged": (right, [[0, 1], [2]], [0, 1], "regular grid"),
}


@pytest.mark.parametrize(("model", "x", "y", "message"), REFUSED.values(), ids=REFUSED)
def test_the_boundary_refuses(model, x, y, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.decision_boundary(model, x, y)


# --- confusion_matrix ------------------------------------------------------------------------


def cells(ax):
    return [int(text.get_text()) for text in ax.texts]


def test_confusion_counts_true_classes_in_rows():
    figure = plot.confusion_matrix([0, 0, 1, 2, 2], [0, 1, 1, 2, 0], classes=["a", "b", "c"])
    (ax,) = figure.axes
    assert cells(ax) == [1, 1, 0, 0, 1, 0, 1, 0, 1]
    assert [label.get_text() for label in ax.get_yticklabels()][:3] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title(loc="left") == "accuracy: 60.0% (3 of 5)"
    assert "a taken for b: 1" in figure.description


def test_confusion_in_french():
    tg.set_language("fr")
    (ax,) = plot.confusion_matrix([0, 1], [0, 0]).axes
    assert ax.get_title(loc="left") == "exactitude\u00a0: 50.0\u00a0% (1 sur 2)"
    assert ax.get_ylabel() == "classe attendue"


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        ([0, 1, 1], [0, 1, 0]),
        (np.eye(2)[[0, 1, 1]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]),
        (
            tg.Tensor([0, 1, 1]),
            tg.Tensor([[2.0, 1.0], [0.0, 1.0], [1.0, -1.0]], requires_grad=True),
        ),
        ([[0.0], [1.0], [1.0]], np.array([False, True, False])),
    ],
)
def test_confusion_takes_classes_scores_and_one_hot_rows(labels, predictions):
    assert cells(plot.confusion_matrix(labels, predictions).axes[0]) == [1, 0, 1, 1]


def test_scores_tell_how_many_classes_there_are():
    assert len(cells(plot.confusion_matrix([0], [[1.0, 0, 0, 0]]).axes[0])) == 16
    assert len(cells(plot.confusion_matrix([0], [1], classes=["a", "b", "c"]).axes[0])) == 9


@pytest.mark.parametrize("n", [2, 5, 10, 20])
@pytest.mark.parametrize("name", ["{}", "a class with a rather long name, number {}", "_5$ {}$"])
def test_confusion_is_readable(n, name):
    labels = np.repeat(np.arange(n), 25)
    names = [name.format(i) for i in range(n)]
    figure = plot.confusion_matrix(labels, labels, classes=names)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    assert figure.get_size_inches()[0] <= 7.35
    cell = ax.get_window_extent().width / n
    assert all(text.get_window_extent().width < cell for text in ax.texts)
    assert min(text.get_fontsize() for text in ax.texts) >= 6
    columns = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(columns))
    rows = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
    assert all(b.y1 <= a.y0 + 1 for a, b in pairwise(rows))
    assert min(box.x0 for box in rows) > 0
    assert min(box.y0 for box in columns) > 0


@pytest.mark.parametrize(
    ("labels", "predictions", "classes", "message"),
    [
        ([], [], None, "empty"),
        ([0, 1], [0], None, "labels and predictions are of the same examples: 2 and 1"),
        (
            [0, 3],
            [0, 1],
            ["a", "b"],
            r"labels are classes from 0 to 1 \(number of classes: 2\); one is 3",
        ),
        ([0, 1], [0, -1], None, "predictions are classes from 0"),
        ([0, 2], [[0.0, 1.0], [1.0, 0.0]], None, "labels are classes from 0 to 1"),
        ([0, 1], [0.2, 0.9], None, r"\(p > 0.5\).astype\(int\)"),
        ([0, 1], [[NAN, 1.0], [1.0, 0.0]], None, r"NaN or infinite \(1\)"),
        ([0, 1], [0, 1], "ab", "a list of names, not str"),
        ([0, 1], [0, 1], 2, "a list of names, not int"),
        (np.zeros((2, 2, 2)), [0, 1], None, r"not \(2, 2, 2\)"),
        ([0, 100], [0, 1], None, "101 classes cannot be read"),
        (["a", "b"], [0, 1], None, "real numbers"),
    ],
)
def test_confusion_refuses(labels, predictions, classes, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.confusion_matrix(labels, predictions, classes=classes)


# --- gradient_flow and health ----------------------------------------------------------------


def test_gradient_flow_needs_the_steps_of_a_watch():
    with pytest.raises(errors.DTypeError, match=r"takes what tg.health.watch gives, not Linear"):
        plot.gradient_flow(tg.nn.Linear(2, 1))
    with pytest.raises(errors.ArgumentError, match="no step to draw"):
        plot.gradient_flow(a_watch(gradients={"0": []}))


def test_a_line_for_each_layer_of_a_watch():
    values = {"0 (Linear)": [0.1, 0.2, 0.4], "2 (Linear)": [1.0, 0.5, 0.25]}
    figure = plot.gradient_flow(a_watch(gradients=values))
    (ax,) = figure.axes
    assert [list(line.get_ydata()) for line in ax.lines] == list(values.values())
    assert ax.get_yscale() == "log"
    assert legend(ax) == ["0 (Linear): 0.4", "2 (Linear): 0.25"]
    a, b = ax.lines
    assert a.get_linestyle() != b.get_linestyle()
    assert a.get_marker() != b.get_marker()


def test_the_gradient_is_drawn_from_the_first_step_of_a_sequence_to_the_last():
    figure = plot.through_time(a_watch(through_time={"W": [1e-6, 1e-3, 0.5]}))
    (ax,) = figure.axes
    assert list(ax.lines[0].get_ydata()) == [1e-6, 1e-3, 0.5]
    assert ax.get_xlabel() == "step of the sequence"
    assert "W: 1e-06 at the first step, 0.5 at the last." in figure.description
    with pytest.raises(errors.ArgumentError, match="no step to draw"):
        plot.through_time(a_watch(through_time={}))
    with pytest.raises(errors.ArgumentError, match="fused LSTM"):
        plot.through_time(a_watch(through_time={}, steps=3))


def test_zeros_and_nan_of_a_watch_are_marked_at_the_edges_and_said():
    values = {"a": [0.1, 0.0, NAN, INF, None, 0.5, 0.0]}
    figure = plot.gradient_flow(a_watch(gradients=values))
    (ax,) = figure.axes
    line, zeros, bad = ax.lines
    assert np.array_equal(line.get_ydata(), [0.1, NAN, NAN, NAN, NAN, 0.5, NAN], equal_nan=True)
    assert list(zeros.get_xdata()) == [2, 7]
    assert list(bad.get_xdata()) == [3, 4]
    assert zeros.get_marker() != bad.get_marker()
    assert legend(ax) == ["a: 0, zero 2 of 7 times, NaN or infinite 2 of 7 times"]
    assert "zero 2 of 7 times" in figure.description


@pytest.mark.parametrize("values", [[0.2, 0.3, 0.25], [0.02, 0.9], [1e-6, 1.0]])
def test_a_logarithmic_axis_has_numbers_however_short_it_is(values):
    figure = plot.gradient_flow(a_watch(gradients={"a": values}))
    figure.canvas.draw()
    axis = figure.axes[0].yaxis
    low, high = figure.axes[0].get_ylim()
    shown = [
        t.get_text()
        for t in axis.get_ticklabels(which="both")
        if low <= t.get_position()[1] <= high
    ]
    assert len([text for text in shown if text]) >= 2


def test_a_layer_that_no_gradient_reaches_is_not_called_nan():
    class Cut(tg.nn.Module):
        def __init__(self):
            self.a, self.b = tg.nn.Linear(2, 2), tg.nn.Linear(2, 1)

        def forward(self, x):
            return self.b(self.a(x).detach())

    model = Cut()
    with tg.health.watch(model) as watch:
        model(np.ones((3, 2))).sum().backward()
    figure = plot.gradient_flow(watch)
    assert legend(figure.axes[0])[0] == "a (Linear): no gradient"
    assert "NaN" not in figure.description


@pytest.mark.parametrize("values", [[0.0], [NAN], [None], [1.0], [0.0, NAN, INF]])
def test_nothing_positive_is_no_trouble(values):
    plot.gradient_flow(a_watch(gradients={"a": values})).savefig(os.devnull, format="png")


def test_of_long_lines_medians_are_drawn_over_faint_ones():
    values = list(np.exp(RNG.normal(size=1000)))
    (ax,) = plot.gradient_flow(a_watch(gradients={"a": values})).axes
    faint, thick = ax.lines
    assert list(faint.get_ydata()) == values
    assert thick.get_ydata()[1] == np.median(values[20:40])
    assert "medians of 20 steps" in ax.get_legend().get_title().get_text()


def test_many_layers_have_lines_of_their_own():
    values = {f"{i} (Linear)": [1.0, 2.0] for i in range(30)}
    (ax,) = plot.gradient_flow(a_watch(gradients=values)).axes
    styles = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert len(styles) == 30


def test_health_has_a_panel_for_dead_and_one_for_saturated_neurons():
    watch = a_watch(dead={"1 (ReLU)": [0.0, 0.5]}, saturated={"3 (Sigmoid)": [0.25, NAN]})
    figure = plot.health(watch)
    above, below = figure.axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("dead neurons", "saturated neurons")
    assert legend(above) == ["1 (ReLU): 50%"]
    assert legend(below) == ["3 (Sigmoid): NaN, NaN or infinite 1 of 2 times"]
    assert list(above.lines[0].get_ydata()) == [0.0, 0.5]
    tg.set_language("fr")
    assert legend(plot.health(watch).axes[0]) == ["1 (ReLU)\u00a0: 50\u00a0%"]


def test_health_has_no_panel_for_what_no_layer_can_have():
    (panel,) = plot.health(a_watch(dead={"1 (ReLU)": [0.1]})).axes
    assert panel.get_ylabel() == "dead neurons"


def test_health_refuses():
    with pytest.raises(errors.ArgumentError, match="no step to draw"):
        plot.health(a_watch())
    with pytest.raises(
        errors.DTypeError, match=r"health takes what tg.health.watch gives, not Linear"
    ):
        plot.health(tg.nn.Linear(2, 1))


# --- function --------------------------------------------------------------------------------


def curve(ax, label):
    line = next(line for line in ax.lines if line.get_label() == label)
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def circles(ax):
    """The circles as (x, y, filled)."""
    return sorted(
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]),
         line.get_markerfacecolor() != "white")
        for line in ax.lines if line.get_marker() == "o"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("f", "name", "derivative"),
    [
        (tg.tanh, "tanh", lambda x: 1 - np.tanh(x) ** 2),
        (tg.sigmoid, "sigmoid", lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        (np.sin, "sin", np.cos),
        (lambda t: t**3 - t, "f", lambda x: 3 * x**2 - 1),
        (tg.nn.Softplus(), "Softplus", lambda x: 1 / (1 + np.exp(-x))),
    ],
)
def test_the_derivative_is_drawn_under_the_functions_name(f, name, derivative):
    (ax,) = plot.function(f, -3, 3).axes
    x, y = curve(ax, f"{name}'(x)")
    known = np.isfinite(x)
    assert known.sum() >= 801
    assert np.allclose(y[known], derivative(x[known]), atol=1e-6)
    assert circles(ax) == []
    assert legend(ax) == [f"{name}(x)", f"{name}'(x)"]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (tg.relu, [(0, 0, True), (0, 1, False)]),
        (tg.leaky_relu, [(0, 0.01, True), (0, 1, False)]),
        (tg.abs, [(0, -1, False), (0, 0, True), (0, 1, False)]),
        (tg.step, [(0, 0, False), (0, 1, True)]),
        (tg.elu, []),
        (lambda t: tg.clip(t, -1, 2), [(-1, 0, False), (-1, 1, True), (2, 0, False), (2, 1, True)]),
        (lambda t: tg.relu(t - 1 / 3), [(1 / 3, 0, True), (1 / 3, 1, False)]),
        (lambda t: tg.tanh(1e4 * t), []),
        (lambda t: 1e-6 * tg.abs(t), [(0, -1e-6, False), (0, 0, True), (0, 1e-6, False)]),
    ],
)
def test_jumps_have_open_and_full_circles(f, expected):
    found = circles(plot.function(f).axes[0])
    assert len(found) == len(expected)
    for (x, y, full), (a, b, filled) in zip(found, expected):
        assert np.isclose(x, a, atol=1e-8)
        assert np.isclose(y, b, rtol=1e-4, atol=1e-12)
        assert full == filled


def test_a_function_is_drawn_in_axes_of_yours():
    figure = Figure()
    ax, other = figure.subplots(2)
    assert plot.function(tg.relu, ax=ax) is figure
    assert figure.axes == [ax, other]
    assert legend(ax) == ["relu(x)", "relu'(x)"]
    with pytest.raises(errors.DTypeError, match="matplotlib's Axes"):
        plot.function(tg.relu, ax=figure)


def test_no_vertical_line_is_drawn_at_a_kink():
    _x, y = curve(plot.function(tg.relu).axes[0], "relu'(x)")
    steps = np.abs(np.diff(y))
    assert np.nanmax(steps) == 0
    assert np.isnan(y).any()
    assert set(y[np.isfinite(y)]) == {0.0, 1.0}


def test_kinks_are_in_the_words():
    words = plot.function(tg.relu).description
    assert "relu'(x) jumps at x = 0 from 0 to 1; its value there is 0." in words


@pytest.mark.parametrize("f", [tg.log, tg.sqrt, tg.reciprocal, tg.tan, tg.exp, tg.round, tg.arcsin])
def test_poles_and_edges_are_no_trouble(f):
    figure = plot.function(f)
    figure.savefig(os.devnull, format="png")
    (ax,) = figure.axes
    x, y = curve(ax, f"{f.__name__}'(x)")
    with np.errstate(all="ignore"):
        values = np.asarray(f(x))
    assert not np.isfinite(y[np.isnan(values)]).any()  # no derivative where there is no value
    if f in (tg.tan, tg.reciprocal):
        assert np.diff(ax.get_ylim())[0] < 60


def test_values_near_the_largest_float_are_no_trouble():
    figure = plot.function(tg.exp, -1000, 1000)
    figure.savefig(os.devnull, format="png")
    assert np.isfinite(figure.axes[0].get_ylim()).all()


@pytest.mark.parametrize(
    ("f", "arguments", "message"),
    [
        (tg.softmax, {}, "each entry by itself"),
        (lambda t: t.sum(), {}, r"not \(\)"),
        (lambda t: 3.0, {}, "must give a Tensor"),
        (np.sign, {}, "not ndarray: write it with tg's operations"),
        (3, {}, "such as tg.relu, not int"),
        (tg.nn.ReLU, {}, "not ReLU"),
        (tg.relu, {"low": 2.0, "high": 1.0}, "low is less than high: 2.0 and 1.0"),
        (tg.relu, {"low": NAN}, "NaN or infinite"),
        (tg.log, {"low": -3.0, "high": -1.0}, "finite nowhere"),
    ],
)
def test_function_refuses(f, arguments, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.function(f, **arguments)


# --- filters, activations, images ------------------------------------------------------------


def shown(figure):
    """The arrays of the tiles."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def test_filters_of_one_channel_are_grey_on_a_symmetric_scale():
    model = a_cnn()
    figure = plot.filters(model)
    weights = model[0].weight.data
    assert np.allclose(shown(figure), weights[:, 0])
    largest = np.abs(weights).max()
    for image in figure.axes[0].images:
        assert np.allclose(image.get_clim(), (-largest, largest))
        assert image.get_cmap().name == "gray"
    assert len(figure.axes[0].child_axes) == 1  # the scale
    assert figure.axes[0].texts[0].get_text() == "0 (Conv2d): 8 filters of 1 × 3 × 3"  # noqa: RUF001
    assert np.allclose(shown(plot.filters(model[0])), weights[:, 0])
    assert np.allclose(shown(plot.filters(model[0].weight)), weights[:, 0])
    assert np.allclose(shown(plot.filters(weights.tolist())), weights[:, 0])


def test_filters_of_three_channels_are_colours():
    weights = RNG.normal(size=(5, 3, 4, 2))
    tiles = shown(plot.filters(weights))
    assert [tile.shape for tile in tiles] == [(4, 2, 3)] * 5
    assert np.allclose(tiles[0], 0.5 + weights[0].transpose(1, 2, 0) / 2 / np.abs(weights).max())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (tg.nn.Linear(2, 3), "Linear has no Conv2d"),
        (np.zeros((3, 3)), r"not \(3, 3\)"),
        (np.zeros((3, 5, 2, 2)), "can be seen, not of 5"),
        (np.zeros((0, 1, 3, 3)), "empty"),
        (np.full((1, 1, 2, 2), NAN), "NaN"),
        ("weights", "real numbers"),
    ],
)
def test_filters_refuse(model, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.filters(model)


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (1, 1, 8, 8)])
def test_activations_are_the_feature_maps_of_each_layer(shape):
    model, image = a_cnn(), RNG.random(shape)
    figure = plot.activations(model, image)
    first = model[0](image.reshape(1, 1, 8, 8)).data[0]
    second = model[1](first[None]).data[0]
    tiles = shown(figure)
    assert len(tiles) == 1 + 8 + 8
    assert np.allclose(tiles[0], image.reshape(8, 8))
    assert all(np.allclose(a, b) for a, b in zip(tiles[1:], [*first, *second]))
    titles = [text for text in texts(figure) if "maps of" in text]
    assert titles == ["0 (Conv2d): 8 maps of 6 × 6", "1 (MaxPool2d): 8 maps of 3 × 3"]  # noqa: RUF001


def test_a_map_that_is_the_same_everywhere_says_its_value():
    model = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.ReLU())
    model[0].bias.data[0] = -100
    figure = plot.activations(model, RNG.random((1, 6, 6)))
    assert "1 = 0" in texts(figure)
    assert "The same everywhere: 1." in figure.description


def test_activations_that_are_nan_are_marked():
    model = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3))
    model[0].bias.data[0] = NAN
    figure = plot.activations(model, np.ones((1, 6, 6)))
    figure.savefig(os.devnull, format="png")
    assert "1 = NaN" in texts(figure)


def test_activations_leave_modes_and_hooks_as_they_were():
    model = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.BatchNorm2d(2), tg.nn.Dropout(0.5))
    model[2].eval()
    means = model[1].running_mean.copy()
    plot.activations(model, np.ones((1, 6, 6)))
    with pytest.raises(errors.TinygradError):
        plot.activations(model, np.ones((3, 6, 6)))
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert all(not m._hooks for m in model.modules())
    assert np.array_equal(model[1].running_mean, means)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.ones((2, 1, 8, 8)), r"\(2, 1, 8, 8\) has 2: give images\[0\]"),
        (np.ones(8), r"not \(8,\)"),
        (np.ones((0, 8, 8)), "empty"),
        (np.full((1, 8, 8), NAN), "NaN"),
    ],
)
def test_activations_refuse(images, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.activations(a_cnn(), images)


def test_activations_need_a_module_with_maps():
    with pytest.raises(errors.DTypeError, match="model is a Module"):
        plot.activations(tg.relu, np.ones((8, 8)))
    with pytest.raises(errors.ArgumentError, match="no layer of the model makes maps"):
        plot.activations(tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(4, 2)), np.ones((2, 2)))


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 1, 4, 6)])
def test_images_in_a_grid(shape):
    images = RNG.random(shape)
    figure = plot.images(images, [3, 1, 4, 1, 5], columns=2)
    assert np.allclose(shown(figure), images.reshape(5, 4, 6))
    assert texts(figure) == ["3", "1", "4", "1", "5"]
    tops = [image.get_extent()[3] for image in figure.axes[0].images]
    assert tops[0] == tops[1] > tops[2] == tops[3] > tops[4]


def test_images_in_colours_and_of_bytes():
    images = RNG.integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    assert np.allclose(shown(plot.images(images)), images.transpose(0, 2, 3, 1) / 255)
    assert np.allclose(shown(plot.images(np.array([[[-1.0, 3.0]]]))), [[[0.0, 1.0]]])
    assert np.allclose(shown(plot.images(np.full((1, 2, 2), 7.0))), 0)


def test_wrong_predictions_have_a_cross_and_a_thick_frame():
    figure = plot.images(
        np.zeros((3, 2, 2)), [0, 1, 1], [[1, 0], [1, 0], [0, 1]], classes=["a", "b"]
    )
    assert "wrong predictions: 1 of 3 (✗ prediction, then the true class)" in texts(figure)
    assert texts(figure)[1:] == ["a", "✗ a\n(b)", "b"]
    thin, thick, _thin = (frame.get_linewidth() for frame in figure.axes[0].patches)
    assert thick > 2 * thin
    fine = plot.images(np.zeros((2, 2, 2)), [0, 1], [0, 1])
    assert texts(fine) == ["wrong predictions: 0 of 2", "0", "1"]


def test_many_images_are_cut_short_and_it_is_said():
    figure = plot.images(np.zeros((100, 2, 2)), columns=4)
    assert len(shown(figure)) == 48
    assert texts(figure) == ["the first 48 of 100 images"]


def test_long_names_stay_within_their_tiles():
    names = ["a flower with a very long name indeed", "another flower with such a name"]
    figure = plot.images(np.zeros((8, 4, 4)), [0, 1] * 4, [0, 0] * 4, classes=names)
    figure.draw_without_rendering()
    boxes = [
        text.get_window_extent()
        for text in figure.axes[0].texts
        if "predictions" not in text.get_text()
    ]
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((3, 2, 4, 4)),), r"not \(3, 2, 4, 4\)"),
        ((np.zeros((4, 4)),), r"not \(4, 4\)"),
        ((np.zeros((0, 4, 4)),), "empty"),
        ((np.full((1, 4, 4), INF),), "NaN or infinite"),
        ((np.zeros((3, 4, 4)), [0, 1]), "images and labels are of the same examples: 3 and 2"),
        (
            (np.zeros((1, 4, 4)), [0], [0, 1]),
            "images and predictions are of the same examples: 1 and 2",
        ),
        ((np.zeros((1, 4, 4)), [-1]), "one is -1"),
    ],
)
def test_images_refuse(arguments, message):
    with pytest.raises(errors.TinygradError, match=message):
        plot.images(*arguments)
    with pytest.raises(errors.ArgumentError, match="labels are classes from 0 to 1"):
        plot.images(np.zeros((1, 4, 4)), [2], classes=["a", "b"])


def test_a_row_has_sixteen_columns_at_most():
    names = ["a flower", "another"]
    figure = plot.images(np.zeros((32, 4, 4)), [0, 1] * 16, [0, 0] * 16, classes=names, columns=16)
    figure.draw_without_rendering()
    assert figure.get_tightbbox().x1 < figure.get_size_inches()[0] + 0.02
    with pytest.raises(errors.ArgumentError, match="columns is an integer from 1 to 16, not 17"):
        plot.images(np.zeros((32, 4, 4)), columns=17)


def test_the_scale_fits_beside_flat_tiles():
    figure = plot.filters(RNG.normal(size=(4, 1, 2, 20)))
    figure.draw_without_rendering()
    assert figure.get_tightbbox().y0 > -0.02


def test_huge_numbers_are_no_trouble():
    plot.gradient_flow(a_watch(gradients={"a": [1e-300, 1.0, 1e300]})).savefig(
        os.devnull, format="png"
    )
    with pytest.raises(errors.ArgumentError, match="one is 2147483648"):
        plot.confusion_matrix([0, 1e300], [0, 1], classes=["a", "b"])


def test_pictures_of_one_panel_are_drawn_into_axes_of_the_users():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    points = np.random.default_rng(0).normal(size=(20, 2))
    made = tg.plot.decision_boundary(lambda x: x[:, 0], points, points[:, 0] > 0, ax=left)
    assert made is figure
    assert tg.plot.confusion_matrix([0, 1, 1], [0, 1, 0], ax=right) is figure
    assert left.collections
    assert right.texts
