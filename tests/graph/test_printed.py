"""What a derivation prints is read back and computed: the formulas themselves are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.graph.formulas import parse
from tinygrad_fr.graph.formulas.latex import Atom, Fraction, Root, Row, Scripts
from tinygrad_fr.graph.formulas.source import latex_of

FUNCTIONS = {"tanh": np.tanh, "ln": np.log, "sin": np.sin, "cos": np.cos}


class Reader:
    """Computes a formula of square matrices and numbers, as a reader would."""

    def __init__(self, values):
        self.values = values

    def of(self, item):
        known = self.values.get(latex_of(item))
        if known is not None:
            return known
        match item:
            case Atom("number", text):
                return float(text)
            case Row(items):
                return self.sum_of(list(items))
            case Fraction(top, bottom):
                return self.of(top) / self.of(bottom)
            case Root(body):
                return np.sqrt(self.of(body))
            case Scripts(Atom("identifier", "e"), None, above):
                return np.exp(self.of(above))
            case Scripts(base, below, above) if above is not None:
                bare = base if below is None else Scripts(base, below)
                return self.raised(self.of(bare), above)
        raise NotImplementedError(latex_of(item))

    def raised(self, value, above):
        if above == Atom("operator", "⊤"):
            return np.transpose(value)
        return np.power(value, self.of(above))

    def sum_of(self, items):
        """Terms between plus and minus, outside of parentheses."""
        sign, total, start, depth = 1.0, 0.0, 0, 0
        for i, item in enumerate([*items, Atom("operator", "+")]):
            depth += is_sign(item, "(") - closes(item)
            if depth == 0 and (is_sign(item, "+") or is_sign(item, "−")):
                if i > start:
                    total = total + sign * self.product(items[start:i])
                sign, start = -1.0 if is_sign(item, "−") else 1.0, i + 1
        return total

    def product(self, items):
        """Factors: entry by entry, matrix by matrix, over numbers."""
        value, operation = None, "@"
        while items:
            item = items[0]
            if is_sign(item, "⊙") or is_sign(item, "·") or is_sign(item, "/"):
                operation, items = item.text, items[1:]
                continue
            factor, items = self.factor(items)
            if value is None:
                value = factor
            elif operation == "/":
                value = value / factor
            elif operation in "⊙·" or np.ndim(value) == 0 or np.ndim(factor) == 0:
                value = value * factor
            else:
                value = value @ factor
            operation = "@"
        return value

    def factor(self, items):
        """The first factor, and what follows it."""
        item = items[0]
        if is_sign(item, "("):
            depths = np.cumsum([is_sign(x, "(") - closes(x) for x in items])
            end = int(np.argmax(depths == 0))
            value = self.sum_of(items[1:end])
            if isinstance(items[end], Scripts):
                value = self.raised(value, items[end].above)
            return value, items[end + 1 :]
        if item == Atom("large", "∑"):  # over all entries of the product that follows
            return np.sum(self.product(items[1:])), []
        if isinstance(item, Atom) and (item.kind == "function" or item.text == "σ"):
            value, rest = self.factor(items[1:])
            known = FUNCTIONS.get(item.text, lambda x: 1 / (1 + np.exp(-x)))
            return known(value), rest
        return self.of(item), items[1:]


def is_sign(item, sign):
    return item == Atom("operator", sign)


def closes(item):
    return is_sign(item.base if isinstance(item, Scripts) else item, ")")


def network(rng):
    """A random loss of two square matrices and a number."""
    leaves = [
        tg.Tensor(rng.uniform(0.5, 1.5, shape), requires_grad=True, name=name)
        for name, shape in (("A", (3, 3)), ("B", (3, 3)), ("s", ()))
    ]
    found = list(leaves)
    for _ in range(rng.integers(2, 8)):
        x, y = (found[i] for i in rng.integers(len(found), size=2))
        matrices = [v for v in found if v.ndim == 2]
        p, q = (matrices[i] for i in rng.integers(len(matrices), size=2))
        found.append([
            lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (y * y + 1.0),
            lambda: p @ q, lambda: p.T, lambda: x.tanh(), lambda: x.sigmoid(), lambda: x**2,
            lambda: 2.0 * x, lambda: x / 3.0, lambda: -x, lambda: p.sum(), lambda: p.mean(),
            lambda: (x * x + 1.0).log(), lambda: (x * x + 1.0).sqrt(), lambda: (0.1 * x).exp(),
        ][rng.integers(17)]())  # fmt: skip
    return leaves, (found[-1] * 1.0).sum() + (found[-2] * found[-1]).mean()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_printed_formulas_give_the_recorded_gradients(seed):
    leaves, loss = network(np.random.default_rng(seed))
    read = 0
    for leaf in leaves:
        if tg.gradients(loss, [leaf], retain_graph=True)[0] is None:
            continue
        derivation = tg.derive(loss, leaf, names="tensors")
        lines = [*derivation.definitions, *derivation.steps]
        values = {latex_of(parse(line.what)): line.truth for line in lines}
        values |= {leaf.name: leaf.data for leaf in leaves} | {r"\mathbf{1}": np.ones((3, 3))}
        values |= {"N": 3.0} | {line.letter: line.truth for line in derivation.steps if line.letter}
        for line in lines:
            for term in line.terms:
                value = Reader(values).of(parse(term.latex))
                np.testing.assert_allclose(
                    np.broadcast_to(value, line.shape), line.truth, rtol=1e-7, atol=1e-9,
                    err_msg=f"{line.what} = {term.latex}\n{derivation.text}",
                )  # fmt: skip
                read += 1
    assert read


def test_a_false_formula_would_be_seen():
    values = {"A": np.eye(3) * 2.0, "B": np.arange(9.0).reshape(3, 3)}
    read = Reader(values).of
    np.testing.assert_array_equal(read(parse(r"A B - 2 B")), np.zeros((3, 3)))
    np.testing.assert_array_equal(read(parse(r"B^{\top} \odot A")), np.diag([0.0, 8, 16]))
    assert read(parse(r"\frac{1}{3} \sum B \odot A")) == pytest.approx(8.0)
    assert read(parse(r"-\left(1 - 3\right)^{2}")) == -4.0
