"""What an attacker found: graphs and names that pictures and derivations once got wrong."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.errors import ArgumentError, DTypeError, GraphError
from tinygrad_fr.graph.formulas import mathml, text

from .networks import draws


def tensor(*shape, name=None):
    rng = draws()
    return tg.Tensor(rng.uniform(0.3, 1.5, shape), requires_grad=True, name=name)


def last(loss, wrt, **options):
    derivation = tg.derive(loss, wrt, **options)
    assert derivation.check(), f"{derivation.check()}\n{derivation.text}"
    return text(derivation.result.terms[-1].latex)


def drawable():
    for name, operation in sorted(registry.items()):
        for k, (args, kwargs) in enumerate(operation.samples()[:3]):
            yield pytest.param(operation, args, kwargs, id=f"{name}-{k}")


@pytest.mark.parametrize(("operation", "args", "kwargs"), list(drawable()))
def test_every_operation_is_drawn_told_and_derived(operation, args, kwargs):
    def tracked(x):
        if isinstance(x, (list, tuple)):
            return type(x)(tracked(i) for i in x)
        floats = isinstance(x, np.ndarray) and x.dtype.kind == "f"
        return tg.Tensor(x, requires_grad=True) if floats else x

    given = [tracked(x) for x in args]
    y = operation.function(*given, **kwargs)
    y = y[0] if isinstance(y, (list, tuple)) else y
    if not isinstance(y, tg.Tensor) or not y.requires_grad:
        return
    loss = (y * 1.0).sum()
    drawing = tg.draw(loss)
    assert "∂" in drawing.text
    assert drawing.dot
    for vertex in tg.graph.extract(loss).vertices:
        reached = vertex.kind == "parameter" and vertex.tensor.size
        if reached and tg.gradients(loss, vertex.tensor, retain_graph=True) is not None:
            derivation = tg.derive(loss, vertex.tensor)
            assert derivation.check(), f"{derivation.check()}\n{derivation.text}"


def test_the_mean_in_a_variance_has_a_line_of_its_own():
    x = tensor(4, 2, name="x")
    derivation = tg.derive((x.var() ** 2).sum(), x)
    assert "μ = (1/8) ∑ x" in derivation.text
    assert "∂L/∂μ" in derivation.text


def test_numbers_stay_within_the_sum_of_a_softmax():
    z, w = tensor(2, 3, name="z"), tensor(2, 3, name="w")
    assert "∑ₖ[3 w]ₖ" in last(3.0 * (w * tg.log_softmax(z)).sum(), z)
    assert "∑ₖ[3 w ⊙ " in last(3.0 * (w * z.softmax()).sum(), z)


def test_a_sum_of_a_quotient_keeps_its_denominator():
    z = tensor(2, 3, name="z")
    derivation = tg.derive((z.log().sum(1) / np.array([2.0, 5.0])).sum(), z, names="tensors")
    assert text(derivation.definitions[-1].terms[0].latex) == "∑ (∑ⱼ[ln z]ᵢⱼ)/c₁"


def test_a_count_is_not_lost():
    x, b = tensor(4, name="x"), tensor(1, name="b")
    assert last((3.0 * (x + b)).sum(), b) == "12"


def test_the_axis_of_a_sum_is_told():
    x = tensor(3, 3, name="x")
    assert last(x.sum(1).tanh().sum(), x).endswith("]ᵢ")
    assert last(x.sum(0).tanh().sum(), x).endswith("]ⱼ")


def test_no_two_values_have_one_symbol():
    q, a, b = tensor(2, name="q"), tensor(2, name="W1"), tensor(2, name="W_1")
    assert last((q / a * b).sum(), q) == "W_1/W₁"
    tg.manual_seed(0)
    linear = tg.nn.Linear(3, 2)
    W = tensor(2, 2, name="W")
    drawn = tg.draw(linear(np.ones((1, 3), "float32")) @ W, names="tensors").text
    assert "v₁ = z W" in drawn
    x, other, third = tensor(2, name="x (2)"), tensor(2, name="x"), tensor(2, name="x")
    assert last((other * third / x).sum(), other) != "1"
    z1, A, B = tensor(2, 3, name="z1"), tensor(3, 3, name="A"), tensor(3, 3, name="B")
    derivation = tg.derive(((z1 @ A).tanh() @ B).relu().sum(), A)
    whats = [text(line.what) for line in derivation.definitions]
    assert len(set(whats)) == len(whats)
    assert "z₁" not in whats


def test_two_picks_have_two_letters():
    lp = tg.log_softmax(tensor(2, 3, name="z"))
    z = tg.graph.extract(lp).vertices[0].tensor
    loss = lp[[0, 1], [0, 1]].sum() + lp[[0, 1], [2, 1]].sum()
    derivation = tg.derive(loss, z)
    assert derivation.check()
    assert "1_c" not in derivation.text.replace("𝟏_c₁", "").replace("𝟏_c₂", "")
    assert "y + y" not in derivation.text


def test_the_letter_n_is_for_examples_only():
    x, W = tensor(2, 3, name="x"), tensor(3, 3, name="W")
    assert last(tg.cross_entropy(x @ W / 2.0, [0, 1]), W) == "xᵀ (ŷ − y)/(2 · N)"
    square = tensor(4, 4, name="x")
    assert "N" not in tg.derive((square.mean(1) ** 2).sum(), square).text


def test_a_saturated_square_error_is_not_taken_for_cross_entropy():
    z = tg.Tensor([[1000.0, -1000.0], [-1000.0, 1000.0]], requires_grad=True, name="z")
    derivation = tg.derive(tg.mse_loss(tg.softmax(z), np.eye(2)), z)
    assert "sum to 1" not in derivation.text


def test_an_index_that_is_no_pick_is_written_as_it_is():
    x = tensor(2, 3, name="x")
    derivation = tg.derive(x.log()[0].sum(), x)
    assert derivation.check()
    assert "?" not in derivation.text
    assert "L = ∑(ln x)[0]" in derivation.text
    assert last(x.log()[0].sum(), x) == "(scatter(𝟏, [0]))/x"


def test_stacks_of_matrices_with_a_vector():
    W, x = tensor(5, 4, 3, name="W"), tensor(3, name="x")
    assert "matmul" in last((W @ x).tanh().sum(), x)
    stack = tensor(5, 3, 4, name="S")
    last((x @ stack).tanh().sum(), x)


def test_zero_upstream_times_an_infinite_derivative():
    x = tg.Tensor([0.0, 4.0], requires_grad=True, name="x")
    last((np.array([0.0, 1.0]) * x.sqrt()).sum(), x)
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = (np.array([0.0, 1.0]) * x.log()).sum()
    assert text(tg.derive(loss, x).result.terms[-1].latex) == "y/x"
    last((x**0).sum(), x)


def test_layers_without_a_bias():
    tg.manual_seed(0)
    for layer, shape in (
        (tg.nn.Linear(3, 2, bias=False), (2, 3)),
        (tg.nn.Conv2d(1, 2, 3, bias=False), (1, 1, 5, 5)),
    ):
        y = layer(np.ones(shape, "float32"))
        assert "+" not in tg.draw(y).text.splitlines()[2]
        tg.replay(y.sum())
        assert tg.derive(y.sum(), "weight").check()


def test_leaves_and_results_without_a_graph():
    x = tensor(3, name="x")
    assert tg.draw(x).text.startswith("x: parameter")
    with tg.no_grad():
        assert "input" in tg.draw(x * 2.0).text
    loss = x.sum()
    assert last(loss, loss) == "1"


def test_derivations_of_and_beyond_a_fused_loss():
    x, W = tensor(2, 3, name="x"), tensor(3, 3, name="W")
    loss = tg.cross_entropy(x @ W, [0, 1])
    assert last(loss * 2.0, loss) == "2"
    with tg.no_grad():
        assert tg.derive(loss, W).check()
    p, t = tensor(3, name="p") / 3.0, tg.Tensor([0.2, 0.5, 0.9], requires_grad=True, name="t")
    last(tg.binary_cross_entropy(p, t), t)
    s = tg.Tensor(2.0, requires_grad=True, name="s")
    last((s * s).sum(axis=0), s)


def test_foreign_objects_in_the_callers_scope():
    class Strange:
        def __getattr__(self, name):
            raise RuntimeError(name)

    strange = Strange()
    x = tensor(3)
    assert "x: parameter" in tg.draw(x * 1.0).text
    del strange


@pytest.mark.parametrize("name", ["x" * 10_000, "\ud800", "\x00\x08", "two\nlines"])
def test_names_that_cannot_be_shown_as_they_are(name, tmp_path):
    x = tensor(2, name=name)
    drawing = tg.draw((x * x).sum())
    assert len(drawing.text.splitlines()) == 8
    assert drawing.svg
    page = tg.replay((x * x).sum(), tmp_path / "r.html").html
    assert not any(ord(c) < 32 and c not in "\n\t" for c in page)


UNSEEN = {
    "nul": "a\0b",
    "surrogates": "x\ud800y\udcff",
    "controls": "a\x1b[31mb\x07\x7f\x85",
    "directions": "a\u202eb\u200f\u2067c",
    "lines": "a\nb\r\nc\u2028d\x0b",
    "byte order": "\ufeff\ufffe",
    "script": "</script><script>alert(1)</script>",
    "quotes": "\"'`\\<&>]]>{}|-->",
    "long": "n" * 10_000,
}


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_no_name_breaks_a_picture_a_replay_or_a_report(name, tmp_path):
    x = tg.Tensor(np.ones((2, 2)), requires_grad=True, name=name)
    model = tg.nn.Sequential({name.replace(".", ""): tg.nn.Linear(2, 2)})
    y = (tg.tanh(model(x)).named(name) * x).sum()
    drawing = tg.draw(y)
    for suffix in ("svg", "dot", "png", "pdf"):
        drawing.save(tmp_path / f"picture.{suffix}")
    ElementTree.parse(tmp_path / "picture.svg")
    tg.replay(y).save(tmp_path / "replay.html")
    written = [tmp_path / file for file in ("picture.svg", "picture.dot", "replay.html")]
    texts = [path.read_bytes().decode("utf-8") for path in written]
    report = tg.verify.hand(
        lambda **named: (named[name] ** 2).sum(), {name: np.ones(2)}, {name: np.full(2, 3.0)}
    )
    pages = [*texts, report._repr_html_()]
    texts = [*pages, drawing.text, str(report), model.summary((2,)), report.to_json()]
    for words in texts:
        words.encode("utf-8")
        assert not {c for c in words if not c.isprintable()} - set("\n\t\xa0\u202f\u2009")
    assert not any("<script>alert" in page for page in pages)
    assert json.loads(report.to_json())["first_wrong"] == name


def test_wrong_arguments():
    x = tensor(2)
    with pytest.raises(ArgumentError, match="strings"):
        tg.draw(x * 1.0, names={1: x})
    with pytest.raises(DTypeError, match="its name, not NoneType"):
        tg.derive(x.sum(), None)
    with pytest.raises(ArgumentError, match="depth"):
        tg.draw(x * 1.0, depth=True)
    assert tg.draw(x * 1.0, depth=np.int64(1))


def test_a_value_changed_since_has_no_gradient_in_the_picture():
    W = tensor(3, 3, name="W")
    loss = (W * W).sum()
    W.data -= 1.0
    drawn = tg.draw(loss)
    assert "∂" not in drawn.text
    assert "was changed in place" in drawn.text
    with pytest.raises(GraphError, match="was changed in place"):
        tg.derive(loss, W)


def test_infinite_gradients_are_compared_where_they_are_finite():
    x = tg.Tensor([0.0, 1.0], requires_grad=True, name="x")
    with np.errstate(divide="ignore"):
        assert tg.derive(x.log().sum(), x).check()


def test_formulas_of_any_depth():
    latex = "{" * 3000 + "x" + "}" * 3000
    assert text(latex)
    assert mathml(latex)
    assert text(r"\text{nan}") == "nan"


def test_a_list_of_many_arguments():
    x = tensor(3, name="x")
    loss = tg.stack([tg.tanh(x * float(i)) for i in range(300)]).sum()
    assert tg.derive(loss, x).check()
    assert "…" in tg.draw(loss).text
