"""Derivations: what they say, that every line holds, and that a false one is told."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.autograd.op import registry
from tinygrad_fr.errors import ArgumentError, DTypeError, GraphError
from tinygrad_fr.graph.formulas import text

from .. import networks

LABELS = np.array([0, 1, 2, 0, 1, 2])


def data(n=6, d=4, c=3):
    rng = networks.draws()
    x = tg.Tensor(rng.standard_normal((n, d)), name="x")
    W = tg.Tensor(rng.standard_normal((d, c)), requires_grad=True, name="W")
    b = tg.Tensor(np.zeros(c), requires_grad=True, name="b")
    return x, W, b


def end(derivation):
    """The last equality."""
    return f"{text(derivation.result.what)} = {text(derivation.result.terms[-1].latex)}"


def said(derivation):
    """Each step: what, and its members."""
    return {text(line.what): [text(term.latex) for term in line.terms] for line in derivation.steps}


# --- the course's results ------------------------------------------------------------------------


def test_the_gradient_of_a_softmax_layer():
    """001-5, 002-62: cross entropy of logits, written out to x^T (y_hat - y) / N."""
    x, W, b = data()
    y = LABELS
    derivation = tg.derive(tg.cross_entropy(x @ W + b, y), W)
    assert derivation.check()
    assert end(derivation) == "∂L/∂W = xᵀ (ŷ − y)/N"
    assert [text(line.what) for line in derivation.definitions] == ["z", "ŷ", "L"]
    assert text(derivation.definitions[0].terms[0].latex) == "x W + b"
    assert text(derivation.definitions[2].terms[0].latex) == "−(1/N) ∑ y ⊙ ln ŷ"
    steps = said(derivation)
    assert steps["∂L/∂ŷ"] == ["−y/(N ŷ)"]
    assert steps["∂L/∂z"][0] == "ŷ ⊙ (∂L/∂ŷ − ∑ₖ[∂L/∂ŷ ⊙ ŷ]ₖ)"
    assert steps["∂L/∂z"][-2:] == ["(ŷ ⊙ (∑ₖ yₖ) − y)/N", "(ŷ − y)/N"]
    assert "∂ŷᵢ/∂zⱼ = ŷᵢ(δᵢⱼ − ŷⱼ)" in derivation.text
    assert "(∂z/∂W)ᵀ G = xᵀ G" in derivation.text
    assert end(tg.derive(tg.cross_entropy(x @ W + b, y), b)) == "∂L/∂b = (1/N) ∑ᵢ[ŷ − y]ᵢⱼ"


def softmaxes():
    """The same loss, in the ways that it is written."""
    x, W, b = data()
    Y = np.eye(3)[LABELS]
    z = x @ W + b
    n = np.arange(6)
    yield -(Y * (tg.exp(z) / tg.exp(z).sum(1, keepdims=True)).log()).sum() / 6, W
    yield -(Y * z.softmax().log()).sum() / 6, W
    yield -z.softmax()[n, LABELS].log().mean(), W
    yield -z.softmax().log()[n, LABELS].mean(), W
    yield tg.nll_loss(z.log_softmax(), LABELS), W
    yield -(Y * z.log_softmax()).sum() / 6, W
    yield tg.cross_entropy(z, Y), W
    yield tg.kl_divergence(Y, z.softmax()), W


def written_out():
    """Softmax as pupils write it: a shared exponential, the stable form, one column."""
    x, W, b = data()
    Y = np.eye(3)[LABELS]
    z = x @ W + b
    E = tg.exp(z)
    yield -(Y * (E / E.sum(axis=1, keepdims=True)).log()).sum() / 6, W
    yield (-(Y * (E / E.sum(axis=1, keepdims=True)).log()).sum(axis=1)).mean(), W
    E = tg.exp(z - z.max(axis=1, keepdims=True))
    yield -(Y * (E / E.sum(axis=1, keepdims=True)).log()).sum() / 6, W


def test_a_softmax_that_was_written_out_is_recognised():
    for loss, W in written_out():
        derivation = tg.derive(loss, W, names="tensors")
        assert derivation.check()
        assert end(derivation) == "∂L/∂W = xᵀ (ŷ − y)/N"
    column = tg.Tensor(np.ones((4, 1)), name="x")
    W = tg.Tensor(networks.draws().random((3, 4)), requires_grad=True, name="W")
    E = tg.exp(W @ column)
    derivation = tg.derive(-(np.eye(3)[:, :1] * (E / E.sum()).log()).sum(), W, names="tensors")
    assert derivation.check()
    assert end(derivation) == "∂L/∂W = (ŷ − y) xᵀ"


def test_a_sigmoid_that_was_written_out_is_recognised():
    x, w, _b = data(c=1)
    t = np.array([0.0, 1, 1, 0, 1, 0])[:, None]
    a = 1 / (1 + tg.exp(-(x @ w)))
    derivation = tg.derive(-(t * a.log() + (1 - t) * (1 - a).log()).mean(), w)
    assert derivation.check()
    assert end(derivation) == "∂L/∂W = xᵀ (a − t)/N"


def test_a_part_that_is_used_elsewhere_stays():
    x, W, b = data()
    E = tg.exp(x @ W + b).named("E")
    loss = -(np.eye(3)[LABELS] * (E / E.sum(axis=1, keepdims=True)).log()).sum() + E.sum()
    derivation = tg.derive(loss, W)
    assert derivation.check()
    assert "∂L/∂E" in derivation.text


COEFFICIENTS = {
    "x3": (lambda x: x**3 * 4, "12 x²"),
    "half": (lambda x: 0.5 * (x - 1.0) ** 2, "v₁"),
    "nested": (lambda x: 3 * (2 * x) ** 2, "12 v₁"),
    "inverse": (lambda x: x**-1, "−x⁻²"),
    "gauss": (lambda x: tg.exp(-(x**2) / 2), "−L · x"),
    "thirds": (lambda x: x / 6 * 4, "2/3"),
    "tenth": (lambda x: 0.1 * x * x, "0.1 x + v₁"),
    "minus": (lambda x: 2.0 - 3.0 * x, "−3"),
}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_numbers_are_multiplied_out(name):
    f, expected = COEFFICIENTS[name]
    x = tg.Tensor(2.0, requires_grad=True, name="x")
    derivation = tg.derive(f(x), x, names="tensors")
    assert derivation.check()
    assert text(derivation.result.terms[-1].latex) == expected


@pytest.mark.parametrize("form", range(8))
def test_every_way_to_write_it_ends_alike(form):
    loss, W = list(softmaxes())[form]
    derivation = tg.derive(loss, W, names="tensors")
    assert derivation.check()
    last = end(derivation)
    assert last.startswith("∂L/∂W = xᵀ (")
    assert last.endswith(")/N")
    assert " − " in last


def sigmoids():
    x, w, _b = data(c=1)
    t = np.array([0.0, 1, 1, 0, 1, 0])[:, None]
    a = (x @ w).sigmoid()
    yield -(t * a.log() + (1 - t) * (1 - a).log()).mean(), w
    yield tg.binary_cross_entropy(a, t), w
    yield tg.binary_cross_entropy_with_logits(x @ w, t), w
    yield -(t * a.log() + (1 - t) * (1 - a).log()).sum() / 6, w


@pytest.mark.parametrize("form", range(4))
def test_sigmoid_with_binary_cross_entropy(form):
    """002-34: dC/dZ = A - y."""
    loss, w = list(sigmoids())[form]
    derivation = tg.derive(loss, w, names="tensors")
    assert derivation.check()
    members = said(derivation)["∂L/∂z"]
    assert members[-1].endswith(")/N")
    assert "⊙ (1 − " in members[-2]
    assert end(derivation).startswith("∂L/∂W = xᵀ (")


@pytest.mark.parametrize("kind", [np.array, tg.Tensor])
def test_a_minus_before_the_targets_is_no_part_of_them(kind):
    """002-11 as it is printed: NumPy computes -y and 1 - y before anything is recorded."""
    x, w, _b = data(c=1)
    y = kind([[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    a = (x @ w).sigmoid()
    cost = (-y * a.log() - (1 - y) * (1 - a).log()).sum()
    derivation = tg.derive(cost, w, names="tensors")
    assert derivation.check()
    steps = said(derivation)
    assert steps["∂L/∂ŷ"][-1] == "−y/ŷ + (1 − y)/(1 − ŷ)"
    assert steps["∂L/∂z"][-2:] == ["−y ⊙ (1 − ŷ) + (1 − y) ⊙ ŷ", "ŷ − y"]


def test_targets_that_do_not_sum_to_one_keep_their_sum():
    x, W, b = data()
    derivation = tg.derive(tg.cross_entropy(x @ W + b, np.full((6, 3), 0.5)), W)
    assert derivation.check()
    assert said(derivation)["∂L/∂z"][-1] == "(ŷ ⊙ (∑ₖ yₖ) − y)/N"
    assert "do not sum to 1" in derivation.text


def test_smoothed_labels_are_targets_like_others():
    x, W, b = data()
    for options in ({"label_smoothing": 0.1}, {"label_smoothing": 0.1, "reduction": "sum"}):
        derivation = tg.derive(tg.cross_entropy(x @ W + b, LABELS, **options), W)
        assert derivation.check()
        assert end(derivation).startswith("∂L/∂W = xᵀ (ŷ − y)")


def test_distributions_that_are_not_one_hot_have_an_entropy():
    x, W, _b = data()
    p = np.full((6, 3), 1 / 3)
    for reduction in ("mean", "sum", "none"):
        loss = tg.kl_divergence(p, (x @ W).softmax(), reduction).sum()
        derivation = tg.derive(loss, W)
        assert derivation.check()
        assert end(derivation).startswith("∂L/∂W = xᵀ (")


def test_the_notation_follows_the_users_convention():
    """002: one column per example, W @ X."""
    rng = networks.draws()
    X = tg.Tensor(rng.standard_normal((4, 6)), name="X")
    W1 = tg.Tensor(rng.standard_normal((5, 4)), requires_grad=True, name="W1")
    b1 = tg.Tensor(np.zeros((5, 1)), requires_grad=True, name="b1")
    W2 = tg.Tensor(rng.standard_normal((1, 5)), requires_grad=True, name="W2")
    y = np.array([[0.0, 1, 0, 1, 1, 0]])
    Z1 = (W1 @ X + b1).named("Z1")
    A1 = Z1.relu().named("A1")
    Z2 = (W2 @ A1).named("Z2")
    A2 = Z2.sigmoid().named("A2")
    C = -(y * A2.log() + (1 - y) * (1 - A2).log()).sum()
    steps = said(tg.derive(C, W1))
    assert steps["∂C/∂Z₂"][-1] == "A₂ − y"
    assert steps["∂C/∂A₁"] == ["W₂ᵀ ∂C/∂Z₂", "W₂ᵀ (A₂ − y)"]
    assert steps["∂C/∂Z₁"][0] == "∂C/∂A₁ ⊙ [Z₁ > 0]"
    assert steps["∂C/∂W₁"][0] == "(∂C/∂Z₁) Xᵀ"
    assert said(tg.derive(C, b1))["∂C/∂b₁"][0] == "∑ⱼ[∂C/∂Z₁]ᵢⱼ"


def test_one_example_is_an_outer_product():
    """000-12: d_t x^T for a vector."""
    _x, W, _b = data()
    v = tg.Tensor(np.arange(4.0), name="v")
    derivation = tg.derive(tg.cross_entropy(v @ W, 1), W)
    assert derivation.check()
    assert end(derivation) == "∂L/∂W = v(ŷ − y)ᵀ"


def test_a_fan_out_is_a_sum():
    p = tg.Tensor(3.0, requires_grad=True, name="p")
    q = tg.Tensor(-2.0, requires_grad=True, name="q")
    derivation = tg.derive((p * q + p).sum(), p, numbers=True)
    assert said(derivation)["∂L/∂p"] == ["∂L/∂v₁ · q + ∂L/∂v₂", "q + 1"]
    assert "= 1 · (−2) + 1" in derivation.text
    assert "= −1" in derivation.text


def test_numbers_stand_in_the_place_of_symbols():
    loss = networks.neuron()
    derivation = tg.derive(loss, "w", numbers=True)
    assert derivation.check()
    assert "= (−0.95) · 0.525 · (1 − 0.525)" in derivation.text
    assert "= (−0.2369  0.4738)" in derivation.text
    assert "0.4738" not in tg.derive(loss, "w").text


def test_layers_are_steps_and_rules_without_a_row_are_quoted():
    loss = networks.course_cnn()
    derivation = tg.derive(loss, "0.weight")
    assert derivation.check()
    assert said(derivation)["∂L/∂W₀"] == ["image ⋆ ∂L/∂z₁", "image ⋆ δ₁"]
    assert "rule quoted from the operation" in derivation.text
    assert said(derivation)["∂L/∂z₂"][-1] == "ŷ − y"


def test_an_operation_without_a_rule_is_named_as_latex_can_be_read():
    @tg.op(r"y = x^3", method=False)
    def its_cube(x):
        return x**3, lambda g, y, x: g * (3 * np.square(x.data))

    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    derivation = tg.derive(its_cube(x).sum(), x)
    assert r"\operatorname{its\_cube}^{\top}" in derivation.latex
    assert "its_cubeᵀ" in derivation.text
    assert derivation.check()


# --- every line holds ------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(registry))
def test_every_operation_has_a_derivation_that_holds(name):
    def tracked(x):
        if isinstance(x, (list, tuple)):
            return type(x)(tracked(i) for i in x)
        floats = isinstance(x, np.ndarray) and x.dtype.kind == "f"
        return tg.Tensor(x, requires_grad=True) if floats else x

    for args, kwargs in registry[name].samples():
        try:
            y = registry[name].function(*map(tracked, args), **kwargs)
        except GraphError:  # running statistics have no gradient
            continue
        y = y[0] if isinstance(y, (list, tuple)) else y
        if not getattr(y, "requires_grad", False):
            continue
        weights = tg.Tensor(np.random.default_rng(0).standard_normal(y.shape), name="c")
        loss = (y * weights).sum()
        for vertex in tg.graph.extract(loss).vertices:
            x = vertex.tensor
            reached = vertex.kind == "parameter" and x.size
            if reached and tg.gradients(loss, x, retain_graph=True) is not None:
                derivation = tg.derive(loss, x, names="tensors")
                report = derivation.check()
                assert report, f"{report}\n{derivation.text}"


READ = {
    "expm1": (lambda x: x.expm1(), "∂L/∂v₁ ⊙ (v₁ + 1)"),
    "arctan": (lambda x: x.arctan(), "(∂L/∂v₁)/(1 + x²)"),
    "matmul": (lambda x: x @ np.array([[1.0], [2.0]]), "(∂L/∂z) c₁ᵀ"),
    "broadcast": (lambda x: x.broadcast_to((3, 2, 2)), "∑ᵢ[∂L/∂v₁]ᵢⱼₖ"),
    "stack": (lambda x: tg.stack([x, x + 0.0]), "∂L/∂v₁ + (∂L/∂v₂)[0]"),
    "leaky": (lambda x: x.leaky_relu(), "∂L/∂a ⊙ ([x > 0] + α[x ≤ 0])"),
    "arcsin": (lambda x: (x * 0.1).arcsin(), "0.1 ∂L/∂v₁"),
}


@pytest.mark.parametrize("name", READ)
def test_a_local_rule_is_read_off_the_recorded_backward_pass(name):
    f, shown = READ[name]
    x = tg.Tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True, name="x")
    derivation = tg.derive((f(x) * 2.0).sum(), x, names="tensors")
    assert derivation.check()
    assert said(derivation)["∂L/∂x"][0] == shown
    assert "quoted" not in derivation.text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_random_networks_have_derivations_that_hold(seed):
    rng = np.random.default_rng(seed)
    leaves = [
        tg.Tensor(rng.standard_normal(shape), requires_grad=True, name=f"x{i}")
        for i, shape in enumerate([(3, 3), (3, 3), (3,), (3, 1), ()])
    ]
    found = list(leaves)
    for _ in range(rng.integers(1, 10)):
        a, b = (found[i] for i in rng.integers(len(found), size=2))
        square = [x for x in found if x.shape == (3, 3)]
        s, t = (square[i] for i in rng.integers(len(square), size=2))
        choices = [
            lambda: a + b, lambda: a - b, lambda: a * b, lambda: s @ t, lambda: s.T,
            lambda: a.tanh(), lambda: s.softmax(), lambda: s.sum(0), lambda: -a,
            lambda: s.mean(1, keepdims=True),
            lambda: a.sigmoid(), lambda: a**2, lambda: a / 3.0, lambda: a.relu(), lambda: a.sin(),
            lambda: s.log_softmax(), lambda: a / (b.square() + 1.0), lambda: 2.0 * a,
        ]  # fmt: skip
        found.append(choices[rng.integers(len(choices))]())
    loss = (found[-1] * 1.0).sum() + (found[-2] * found[-2]).mean()
    for leaf in leaves:
        if tg.gradients(loss, [leaf], retain_graph=True)[0] is not None:
            derivation = tg.derive(loss, leaf)
            assert derivation.check(), f"{derivation.check()}\n{derivation.text}"
            assert derivation.latex
            assert derivation.markdown


def test_a_derivation_that_does_not_hold_is_never_silent():
    x, W, b = data()
    derivation = tg.derive(tg.cross_entropy(x @ W + b, LABELS), W)
    line = derivation.steps[1]
    wrong = replace(line.terms[-1], value=line.terms[-1].value * 1.01)
    derivation.steps[1] = replace(line, terms=(*line.terms[:-1], wrong))
    report = derivation.check()
    assert not report
    assert report["∂L/∂z"].verdict == "wrong"
    for written in (derivation.text, derivation.markdown, derivation.latex):
        assert "This derivation does not hold, at: ∂L/∂z" in written
    assert all(entry.verdict == "correct" for entry in report if entry.name != "∂L/∂z")


def test_a_long_sum_of_losses_is_read_step_by_step():
    w = tg.Tensor(0.5, requires_grad=True, name="w")
    loss = tg.Tensor(0.0)
    for k in range(1500):
        loss = loss + (w * float(k) - 1.0) ** 2
    derivation = tg.derive(loss, w)
    assert derivation.check()
    assert len(derivation.steps) > 1500


def test_float32_is_judged_as_float32():
    tg.manual_seed(0)
    loss = networks.two_layers()
    assert tg.derive(loss, "0.weight").check()


# --- formats and arguments ---------------------------------------------------------------------


@pytest.mark.parametrize("form", range(4))
def test_latex_compiles(form, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex")
    evil = tg.Tensor([1.0, 2.0], requires_grad=True, name="<a_b>{^~}$%&#\\ 損失 é")
    derivation = [
        lambda: tg.derive(next(softmaxes())[0], "W", names="tensors"),
        lambda: tg.derive(networks.neuron(), "w", numbers=True),
        lambda: tg.derive((evil * evil.exp()).sum(), evil),
        lambda: tg.derive(evil[1].log() + evil[:1].sum() + evil[[0, 1, 1]].sum(), evil),
    ][form]()
    tg.set_language("fr")
    (tmp_path / "d.tex").write_text(derivation.latex, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"],
        cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-1500:]


def test_markdown_is_for_notebooks():
    x, W, b = data()
    derivation = tg.derive(tg.cross_entropy(x @ W + b, LABELS), W)
    assert derivation._repr_markdown_() == derivation.markdown
    assert derivation.markdown.count("$$") % 2 == 0
    shown = r"\boxed{\frac{\partial L}{\partial W} = x^{\top} (\hat{y} - y) / N}"
    assert shown in derivation.markdown
    assert str(derivation) == derivation.text


def test_in_french():
    x, W, b = data()
    loss = tg.cross_entropy(x @ W + b, LABELS)
    tg.set_language("fr")
    written = tg.derive(loss, W).text
    for words in ("Données", "Phase arrière", "Dérivée locale", "la somme des cibles vaut 1"):
        assert words in written


def test_wrong_arguments():
    x, W, b = data()
    loss = (x @ W + b).sum()
    with pytest.raises(DTypeError, match="derive takes a Tensor"):
        tg.derive(3.0, W)
    with pytest.raises(ArgumentError, match=r"single number, not at the shape \(6, 3\)"):
        tg.derive(x @ W, W)
    with pytest.raises(GraphError, match="is not in the graph"):
        tg.derive(loss, tg.Tensor([1.0], requires_grad=True))
    with pytest.raises(GraphError, match="other is not in the graph"):
        tg.derive(loss, "other")
    with pytest.raises(GraphError, match="does not depend on x"):
        tg.derive(loss, x)


def test_deriving_leaves_gradients_and_graph_alone():
    x, W, b = data()
    loss = tg.cross_entropy(x @ W + b, LABELS)
    first = tg.derive(loss, W).text
    assert W.grad is None
    loss.backward()
    assert tg.derive(loss, W).text == first


def test_rules_of_stretched_arguments_want_a_sum_back():
    a = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="a")
    b = tg.Tensor(np.arange(1.0, 4.0), requires_grad=True, name="b")
    for f in (tg.hypot, tg.arctan2, tg.logaddexp, tg.mod, tg.clip):
        assert "∑ᵢ" in str(tg.derive(f(a, b).sum(), b)), f
