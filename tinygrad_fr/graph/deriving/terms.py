r"""Terms of a derivation: a formula in LaTeX, and the array that it stands for.

Every function here does to the array what it writes: a line of a derivation is therefore
evaluated while it is written. A term is ``sign front body / (over * by)``: ``over`` are
denominators entry by entry, ``by`` are numbers, so that factors like 1/N stay in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...kernels import Array

# How tightly a body binds: what must stand in parentheses where.
ATOM, CALL, TIMES, DOT, SUM, PLUS = range(6)
INDICES = "ijklmn"


@dataclass(frozen=True)
class Term:
    """A formula and its value.

    Attributes
    ----------
    body : str
        LaTeX; empty for ones.
    value : array
    level : int
        How tightly ``body`` binds.
    negative : bool
    over : tuple of str
        Denominators, entry by entry.
    by : tuple of (str, float)
        Denominators that are numbers.
    inner : str
        Of a sum, what is summed.
    front : str
        A number before all else.
    """

    body: str
    value: Array
    level: int = ATOM
    negative: bool = False
    over: tuple[str, ...] = ()
    by: tuple[tuple[str, float], ...] = ()
    inner: str = ""
    front: str = ""

    @property
    def latex(self) -> str:
        """The whole, with its sign and denominators."""
        sign = "-" if self.negative else ""
        if self.front:
            rest = replace(self, negative=False, front="")
            if rest.level >= SUM and not rest.by:
                rest = replace(rest, body=parenthesised(rest.body), level=ATOM)
            if not rest.body:
                return sign + replace(rest, body=self.front).latex
            if not rest.over:
                return f"{sign}{self.front} {rest.latex}"
            return sign + replace(rest, body=f"{self.front} {rest.body}", level=TIMES).latex
        body = self.body or "1"
        numbers = r" \cdot ".join(latex for latex, _value in self.by)
        if self.over:
            body, below = unwrapped(body), r" \odot ".join(self.over)
            below = below if numbers else unwrapped(below)
            return (
                rf"{sign}\frac{{{body}}}{{{numbers} {below}}}"
                if numbers
                else (rf"{sign}\frac{{{body}}}{{{below}}}")
            )
        if not numbers:
            needs = sign and self.level >= PLUS
            return sign + (parenthesised(body) if needs else body)
        if not self.body:
            return rf"{sign}\frac{{1}}{{{numbers}}}"
        if self.level == SUM:
            return rf"{sign}\frac{{1}}{{{numbers}}} {body}"
        inner = parenthesised(body) if self.level > SUM else body
        return f"{sign}{inner} / {numbers if len(self.by) == 1 else f'({numbers})'}"

    @property
    def scale(self) -> float:
        """What the numbers below it come to."""
        return float(np.prod([value for _latex, value in self.by]))

    @property
    def is_ones(self) -> bool:
        """Whether nothing but a number is left of it."""
        return not (self.body or self.over or self.front)


def parenthesised(body: str) -> str:
    """In parentheses that grow."""
    return rf"\left({body}\right)"


def unwrapped(body: str) -> str:
    """Without the parentheses around the whole, which a fraction bar replaces."""
    start, end = r"\left(", r"\right)"
    if not (body.startswith(start) and body.endswith(end)):
        return body
    inner = body[len(start) : -len(end)]
    depth = 0
    for i in range(len(inner)):
        depth += inner.startswith(start, i) - inner.startswith(end, i)
        if depth < 0:
            return body
    return inner


def is_number(text: str) -> bool:
    """Whether LaTeX is a plain number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def symbol_term(latex: str, value: Array) -> Term:
    """A symbol or a number, as it is."""
    if latex.startswith("-"):
        return Term(latex[1:], value, negative=True)
    return Term(latex, value)


def fraction(a: Term) -> str:
    """The body over its denominators entry by entry."""
    below = unwrapped(r" \odot ".join(a.over))
    return rf"\frac{{{unwrapped(a.body) or '1'}}}{{{below}}}"


def _factor(a: Term, level: int) -> str:
    """The body as a factor, its fraction included; the sign and numbers are left to the caller."""
    if a.over:
        return fraction(a)
    return parenthesised(a.body) if a.level > level else a.body


def times(a: Term, b: Term) -> Term:
    r"""Entry by entry: ``a \odot b``; a number stands in front, and y / p times p is y."""
    over = list(a.over + b.over)
    factors: list[Term] = []
    front = " ".join(x.front for x in (a, b) if x.front)
    for x in (a, b):
        if is_number(x.body) and x.value.size == 1 and not x.over:
            front = rf"{front} \cdot {x.body}" if front else x.body
        elif x.level == ATOM and x.body in over:
            over.remove(x.body)
        elif x.body:
            factors.append(x)
    factors.sort(key=lambda x: x.value.size != 1)  # numbers first
    if len(factors) == 1:
        body, level = factors[0].body, factors[0].level
    else:
        # Sums and products of matrices are set apart from products entry by entry.
        words = [parenthesised(x.body) if x.level >= DOT else x.body for x in factors]
        sign = " " if factors and factors[0].value.size == 1 else r" \odot "
        if all(x.value.size == 1 for x in factors):
            sign = r" \cdot "
        body, level = sign.join(words), TIMES if words else ATOM
    negative = a.negative != b.negative
    return Term(body, a.value * b.value, level, negative, tuple(over), a.by + b.by, front=front)


def divided(a: Term, b: Term) -> Term:
    """Entry by entry, or by a number."""
    with np.errstate(all="ignore"):
        value = a.value / b.value
    negative = a.negative != b.negative
    if b.over or b.by or b.front:
        return Term(rf"\frac{{{a.latex}}}{{{b.latex}}}", value, TIMES)
    body = parenthesised(b.body) if b.level >= TIMES else b.body
    if b.body == "1" and b.value.size == 1:
        return replace(a, value=value, negative=negative)
    if b.value.size == 1:
        return replace(a, value=value, negative=negative, by=(*a.by, (body, float(b.value.item()))))
    return replace(a, value=value, negative=negative, over=(*a.over, body))


def negated(a: Term) -> Term:
    """With the other sign."""
    return replace(a, value=-a.value, negative=not a.negative)


def matmul(a: Term, b: Term) -> Term:
    """The product of two matrices, as NumPy's ``@`` takes them."""
    value = np.matmul(a.value, b.value)
    body = " ".join(x for x in (_dotted(a), _dotted(b)))
    front = " ".join(x.front for x in (a, b) if x.front)
    return Term(body, value, DOT, a.negative != b.negative, (), a.by + b.by, front=front)


def _dotted(a: Term) -> str:
    body = _factor(a, CALL if a.level != DOT else DOT)
    return body or r"\mathbf{1}"


def transposed(a: Term) -> Term:
    """With its last two axes exchanged."""
    value = np.swapaxes(a.value, -1, -2) if a.value.ndim > 1 else a.value
    if a.value.ndim < 2:
        return a
    body = _factor(a, ATOM) or r"\mathbf{1}"
    return Term(rf"{{{body}}}^{{\top}}" if len(body) > 1 else rf"{body}^{{\top}}",
                value, ATOM, a.negative, (), a.by, front=a.front)  # fmt: skip


def plus(terms: Iterable[Term]) -> Term:
    """A sum, signs included."""
    terms = list(terms)
    if len(terms) == 1:
        return terms[0]
    words = terms[0].latex
    value = terms[0].value
    for term in terms[1:]:
        positive = replace(term, negative=False).latex
        if term.level >= PLUS and term.negative and not (term.by or term.over or term.front):
            positive = parenthesised(term.body)
        words += f" {'-' if term.negative else '+'} {positive}"
        value = value + term.value
    return Term(words, value, PLUS)


def minus(a: Term, b: Term) -> Term:
    """A difference."""
    return plus((a, negated(b)))


def call(name: str, a: Term, value: Array) -> Term:
    r"""A function of a term: ``\ln x``, ``\operatorname{softmax}(z)``."""
    simple = (
        a.level == ATOM and not (a.negative or a.over or a.by or a.front) and name.count("\\") == 1
    )
    simple = simple and name[1:] in ("ln", "sin", "cos", "tanh")
    words = a.latex
    return Term(f"{name} {words}" if simple else f"{name}{parenthesised(words)}", value, CALL)


def power(a: Term, exponent: float) -> Term:
    """A constant power."""
    body = a.latex
    if a.level > ATOM or a.negative or a.over or a.by or a.front or "^" in body:
        body = parenthesised(body)
    with np.errstate(all="ignore"):
        value = np.power(a.value, exponent)
    return Term(f"{body}^{{{exponent:g}}}", value, ATOM)


def total(a: Term, axes: tuple[int, ...], keepdims: bool = False) -> Term:
    """The sum along axes; indices say which, where it is not all of them."""
    value = a.value.sum(axis=axes, keepdims=keepdims)
    if not a.value.ndim:
        return a
    if a.is_ones:
        count = int(np.prod([a.value.shape[axis] for axis in axes]))
        return replace(a, body=str(count) if count != 1 else "", value=value)
    body = _factor(a, PLUS)
    ndim = a.value.ndim
    inner = _factor(a, TIMES)
    if len(axes) == ndim:
        inner = a.inner or inner  # a sum of sums is one sum
        words = rf"\sum {inner}"
    else:
        below = " ".join(INDICES[axis % len(INDICES)] for axis in sorted(axes))
        every = INDICES[:ndim]
        entry = body if a.level == ATOM and not a.over else rf"\left[{body}\right]"
        words = rf"\sum_{{{below}}} {{{entry}}}_{{{every}}}"
    return Term(words, value, SUM, a.negative, (), a.by, inner, a.front)


def spread(a: Term, shape: tuple[int, ...]) -> Term:
    """The same number, or row, everywhere."""
    return replace(a, value=np.broadcast_to(a.value, shape))


def reshaped(a: Term, shape: tuple[int, ...]) -> Term:
    """The same entries in another shape."""
    if a.value.shape == tuple(shape):
        return a
    if a.is_ones:
        return replace(a, value=a.value.reshape(shape))
    body = rf"\operatorname{{reshape}}{parenthesised(_factor(a, PLUS))}"
    return Term(body, a.value.reshape(shape), CALL, a.negative, (), a.by, front=a.front)


def summed_to(a: Term, shape: tuple[int, ...]) -> Term:
    """Broadcasting undone: summed along the axes that were added or stretched."""
    if a.value.shape == tuple(shape):
        return a
    added = a.value.ndim - len(shape)
    axes = tuple(range(added)) + tuple(
        added + i for i, n in enumerate(shape) if n == 1 and a.value.shape[added + i] != 1
    )
    if not axes:
        return replace(a, value=a.value.reshape(shape))
    found = total(a, axes)
    return replace(found, value=found.value.reshape(shape))
