r"""The simplifications that a course is about: softmax with log, sigmoid with its two logarithms.

Each is a chain of algebra whose every member is computed; it is taken only if the members equal the
recorded gradient, and ``Derivation.check`` evaluates them again.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ..formulas import indexing
from ..formulas.naming import is_leaf
from ..recorded.expansion import Unwritten
from .algebra import call, divided, minus, negated, plus, times, total
from .forms import axes_of, count, one_hot
from .terms import ONE, SUM, Term, entry_of, summed, term

Writer = Any  # what a derivation says so far: the Writer asks for what closes a line

# What may lie between the probabilities and their logarithm.
PASSING = ("getitem", "take", "subtract", "sum", "multiply")


def simplified(writer: Writer, i: int) -> tuple[list[Term], str]:
    """Shorter forms of the gradient of a value that enters a softmax or sigmoid; and why."""
    users = [user for user in writer.users(i) if user.id in writer.path]
    if [user.name for user in users] == ["mu", "c"]:
        return _normalised(writer, i, users[1].id)
    if len(users) != 1:
        return [], ""
    vertex = users[0]
    squashes = vertex.operation in ("softmax", "log_softmax", "sigmoid")
    if not squashes or vertex.id not in writer.closed or not _meets_logarithm(writer, vertex.id):
        return [], ""
    truth = writer.flow.upstream[i]
    y = _output(writer, vertex.id)
    algebra = _sigmoid if vertex.operation == "sigmoid" else _softmax
    closed = writer.closed[vertex.id]
    own = replace(closed, factors=(), over=(), negative=False, narrow=None, standing=False)
    scales = [replace(own, value=np.array(1 / own.scale)), *_divisors(writer)]
    for target in _targets(writer, y.value.shape):
        terms, note = algebra(y, target, int(vertex.static.get("axis", -1)))
        for scale in scales:
            scaled = [times(term, scale) for term in terms]
            if all(_equal(term.value, truth) for term in scaled):
                return scaled, note
    return [], ""


def _normalised(writer: Writer, i: int, centred: int) -> tuple[list[Term], str]:
    """``(g - mean g - n mean(g n)) / s``: how the gradient g of what is normalised goes on."""
    uses = {user.name: user for user in writer.users(centred)}
    quotient = uses.get("x_hat")
    if quotient is None or len(writer.users(centred)) != 2 or quotient.id not in writer.closed:
        return [], ""
    g, n, c = writer.closed[quotient.id], writer.term(quotient.id), writer.term(centred)
    s = writer.term(writer.inputs[quotient.id][1])
    mean = next(user for user in writer.users(i) if user.name == "mu")

    def averaged(x: Term) -> Term:
        added = total(x, axes_of(mean, x.value.ndim), keepdims=True)
        return divided(added, count(x.value.size // added.value.size, mean))

    inner = minus(minus(g, averaged(g)), times(n, averaged(times(g, n))))
    found = divided(inner, s)
    if not _equal(found.value, writer.flow.upstream[i]):
        return [], ""
    added = total(c, axes_of(mean, c.value.ndim), keepdims=True)
    because = (f"${added.latex} = 0$", f"${divided(c, s).latex} = {n.latex}$")
    return [found], _("because {sum} and {quotient}", sum=because[0], quotient=because[1])


def _meets_logarithm(writer: Writer, i: int) -> bool:
    """Whether the probabilities go into a logarithm, as they are or as 1 - p or as one of them."""
    if writer.graph.vertices[i].operation == "log_softmax":
        return True
    reached = [i]
    seen = {i}
    for step in reached:  # it grows
        for user in writer.users(step):
            if user.operation in ("log", "binary_cross_entropy", "kl_divergence"):
                return True
            if user.operation in PASSING and user.id not in seen:
                seen.add(user.id)
                reached.append(user.id)
    return False


def _divisors(writer: Writer) -> Iterator[Term]:
    """1 over the numbers by which the graph divides: 1/N may stand within each term of a sum."""
    yield ONE
    for vertex in writer.graph.vertices:
        if vertex.operation == "mean":
            source = next(iter(writer.inputs[vertex.id].values()))
            n = writer.graph.vertices[source].value.size // max(vertex.value.size, 1)
            yield divided(ONE, count(n or 1, vertex))
        elif vertex.operation == "divide":
            below = writer.graph.vertices[writer.inputs[vertex.id][1]]
            if is_leaf(below) and below.value.size == 1:
                yield divided(ONE, writer.term(below.id))


def _output(writer: Writer, i: int) -> Term:
    """The probabilities: the softmax or sigmoid itself, or the exponential of a log-softmax."""
    vertex = writer.graph.vertices[i]
    if vertex.operation != "log_softmax":
        return writer.term(i)  # type: ignore[no-any-return]
    z = writer.term(next(iter(writer.inputs[i].values())))
    return call(r"\operatorname{softmax}", z, np.exp(np.asarray(vertex.value)))


def _softmax(y: Term, t: Term, axis: int) -> tuple[list[Term], str]:
    """``y * sum(t) - t``; and ``y - t`` where the targets sum to 1."""
    sums = t.value.sum(axis=axis, keepdims=True)
    added = term(summed(entry_of(t, "k"), "k"), sums, SUM)
    full = minus(times(y, added), t)
    if not np.allclose(sums, 1, rtol=1e-12, atol=0):
        return [full], _("the targets do not sum to 1")
    one = f"${added.latex} = 1$"
    return [full, minus(y, t)], _("the targets sum to 1: {sum}", sum=one)


def _sigmoid(y: Term, t: Term, axis: int) -> tuple[list[Term], str]:
    """``-t (1 - y) + (1 - t) y``, and ``y - t``."""
    first = times(t, minus(ONE, y))
    second = times(minus(ONE, t), y)
    return [plus((negated(first), second)), minus(y, t)], _("multiplied out")


def _equal(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    tight = 1e-4 if b.dtype == np.float32 else 1e-9
    top = float(np.abs(b).max(initial=0.0))
    return bool(np.abs(np.asarray(a, float) - b).max(initial=0.0) <= tight * top + 1e-300)


def _targets(writer: Writer, shape: tuple[int, ...]) -> Iterator[Term]:
    """What may be the targets: values of that shape that are not differentiated, and picks."""
    for vertex in writer.graph.vertices:
        if is_leaf(vertex) and vertex.shape == shape and vertex.id not in writer.path:
            yield writer.term(vertex.id)
        elif vertex.operation in ("getitem", "take"):
            source = next(iter(writer.inputs[vertex.id].values()))
            if writer.graph.vertices[source].shape == shape:
                index = indexing.index_of(vertex, shape)
                with contextlib.suppress(Unwritten):
                    yield one_hot(index or (), shape, vertex)
