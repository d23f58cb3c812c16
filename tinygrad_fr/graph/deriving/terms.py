r"""Terms of a derivation: a formula in LaTeX, and the array that it stands for.

Every function here does to the array what it writes: a line of a derivation is therefore
evaluated while it is written. A term is ``sign front body / (over * by)``: ``over`` are
denominators entry by entry, ``by`` are numbers, so that factors like 1/N stay in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

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
        Denominators that are numbers with a name, such as N.
    inner : str
        Of a sum, what is summed.
    front, below : Fraction
        The plain numbers among the factors and among the denominators.
    narrow : tuple of int or None
        The shape of what is written, where broadcasting has made the value larger.
    """

    body: str
    value: Array
    level: int = ATOM
    negative: bool = False
    over: tuple[str, ...] = ()
    by: tuple[tuple[str, float], ...] = ()
    inner: str = ""
    front: Fraction = Fraction(1)
    below: Fraction = Fraction(1)
    narrow: tuple[int, ...] | None = None

    @property
    def written(self) -> tuple[int, ...]:
        """The shape of what is written: none for ones, which products leave out."""
        if self.is_ones:
            return ()
        return self.value.shape if self.narrow is None else self.narrow

    @property
    def numbers(self) -> tuple[str, str]:
        """The plain numbers before and below, reduced; a decimal stays one where none is below."""
        ratio = self.front / self.below
        if self.below == 1 and ratio.denominator != 1:
            return f"{float(ratio):g}", ""
        above = "" if ratio.numerator == 1 else str(ratio.numerator)
        return above, "" if ratio.denominator == 1 else str(ratio.denominator)

    @property
    def latex(self) -> str:
        """The whole, with its sign, numbers and denominators."""
        sign = "-" if self.negative else ""
        front, below = self.numbers
        numbers = r" \cdot ".join(x for x in (below, *(latex for latex, _value in self.by)) if x)
        ones = "1" if self.value.size == 1 else r"\mathbf{1}"
        if self.over:
            top = parenthesised(self.body) if front and self.level >= SUM else self.body
            top = f"{front} {top}".strip() if front else unwrapped(top or "1")
            bottom = r" \odot ".join(self.over)
            bottom = f"{numbers} {bottom}" if numbers else unwrapped(bottom)
            return rf"{sign}\frac{{{top}}}{{{bottom}}}"
        if not self.body:
            top = front if front and self.value.size == 1 else f"{front} {ones}".strip()
            return rf"{sign}\frac{{{top}}}{{{numbers}}}" if numbers else sign + top
        if self.level == SUM and numbers:
            return rf"{sign}\frac{{{front or 1}}}{{{numbers}}} {self.body}"
        loose = self.level >= PLUS and bool(sign or front or numbers)
        body = parenthesised(self.body) if loose else self.body
        if front:
            digits = body[:1].isdigit()
            body = rf"{front} \cdot {body}" if digits else f"{front} {body}"
        if numbers:
            body += f" / {numbers if r' ' not in numbers else f'({numbers})'}"
        return sign + body

    @property
    def scale(self) -> float:
        """What it is divided by, all numbers taken together."""
        named = float(np.prod([value for _latex, value in self.by]))
        return float(self.below / self.front) * named

    @property
    def is_ones(self) -> bool:
        """Whether nothing but a number is left of it."""
        return not (self.body or self.over)


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


def plain_number(a: Term) -> Fraction | None:
    """The number that a term's body is, if it is one; 0 stays what it is."""
    if a.value.size != 1 or a.over or a.by or a.level != ATOM:
        return None
    try:
        return Fraction(a.body) or None
    except ValueError:
        return None


def symbol_term(latex: str, value: Array) -> Term:
    """A symbol or a number, as it is."""
    if latex.startswith("-"):
        return Term(latex[1:], value, negative=True)
    return Term(latex, value)


def fraction(a: Term) -> str:
    """The body over its denominators entry by entry."""
    below = unwrapped(r" \odot ".join(a.over))
    return rf"\frac{{{unwrapped(a.body) or '1'}}}{{{below}}}"


def factor(a: Term, level: int) -> str:
    """The body as a factor, its fraction included; the sign and numbers are left to the caller."""
    if a.over:
        return fraction(a)
    return parenthesised(a.body) if a.level > level else a.body


def times(a: Term, b: Term) -> Term:
    r"""Entry by entry: ``a \odot b``; a number stands in front, and y / p times p is y."""
    over = list(a.over + b.over)
    factors: list[Term] = []
    front, below = a.front * b.front, a.below * b.below
    for x in (a, b):
        number = plain_number(x)
        if number is not None:
            front *= number
        elif x.level == ATOM and x.body in over:
            over.remove(x.body)
        elif x.body:
            factors.append(x)
    factors.sort(key=lambda x: x.value.size != 1)  # numbers first
    if len(factors) == 1:
        body, level = factors[0].body, factors[0].level
    else:
        # Sums and products of matrices are set apart from products entry by entry.
        last = len(factors) - 1
        words = [
            parenthesised(x.body) if _stands_apart(x, i == last) else x.body
            for i, x in enumerate(factors)
        ]
        sign = " " if factors and factors[0].value.size == 1 else r" \odot "
        if all(x.value.size == 1 for x in factors):
            sign = r" \cdot "
        body, level = sign.join(words), TIMES if words else ATOM
    value = np.asarray(a.value * b.value)
    narrow = _together(value, a.written, b.written)
    return Term(body, value, level, a.negative != b.negative, tuple(over), a.by + b.by,
                front=front, below=below, narrow=narrow)  # fmt: skip


def _together(value: Array, *shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of what is written of a value; None where that is all of it."""
    shape = np.broadcast_shapes(*shapes)
    return None if shape == value.shape else shape


def _stands_apart(x: Term, is_last: bool) -> bool:
    """Whether a factor needs parentheses: a sum, a product of matrices, ``ln x`` before others."""
    bare = x.level == CALL and not x.body.endswith((")", "]", "}"))
    return x.level >= DOT or (bare and not is_last)


def divided(a: Term, b: Term, adjoint: bool = False) -> Term:
    """Entry by entry, or by a number; in an ``adjoint`` 0 over anything is 0, as in the library."""
    with np.errstate(all="ignore"):
        value = np.asarray(a.value / b.value)
        value = np.where(a.value == 0, np.zeros_like(value), value) if adjoint else value
    negative = a.negative != b.negative
    if b.over or b.by:
        return Term(rf"\frac{{{a.latex}}}{{{b.latex}}}", value, TIMES)
    number = plain_number(b)
    below = a.below * b.front / b.below * (number or 1)
    if number is not None or not b.body:
        return replace(a, value=value, negative=negative, below=below)
    body = parenthesised(b.body) if b.level >= TIMES else b.body
    changed = replace(a, value=value, negative=negative, below=below)
    if b.value.size == 1:
        return replace(changed, by=(*a.by, (body, float(b.value.item()))))
    narrow = _together(value, a.written, b.written)
    return replace(changed, over=(*a.over, body), narrow=narrow)


def negated(a: Term) -> Term:
    """With the other sign."""
    return replace(a, value=-a.value, negative=not a.negative)


def matmul(a: Term, b: Term) -> Term:
    """The product of two matrices, as NumPy's ``@`` takes them."""
    value = np.matmul(a.value, b.value)
    a, b = solid(a), solid(b)
    body = f"{_dotted(a)} {_dotted(b)}"
    return Term(body, value, DOT, a.negative != b.negative, (), a.by + b.by,
                front=a.front * b.front, below=a.below * b.below)  # fmt: skip


def _dotted(a: Term) -> str:
    return factor(a, CALL if a.level != DOT else DOT) or r"\mathbf{1}"


def transposed(a: Term) -> Term:
    """With its last two axes exchanged."""
    if a.value.ndim < 2:
        return a
    a, value = solid(a), np.swapaxes(a.value, -1, -2)
    body = factor(a, ATOM) or r"\mathbf{1}"
    body = parenthesised(body) if body.startswith(r"\frac") else body
    return Term(rf"{{{body}}}^{{\top}}" if len(body) > 1 else rf"{body}^{{\top}}",
                value, ATOM, a.negative, (), a.by, front=a.front, below=a.below)  # fmt: skip


def plus(terms: Iterable[Term]) -> Term:
    """A sum, signs included."""
    terms = list(terms)
    if len(terms) == 1:
        return terms[0]
    words = terms[0].latex
    value = terms[0].value
    for term in terms[1:]:
        positive = replace(term, negative=False).latex
        if term.level >= PLUS and term.negative and positive == term.body:
            positive = parenthesised(term.body)
        words += f" {'-' if term.negative else '+'} {positive}"
        value = value + term.value
    shapes = [term.value.shape if term.is_ones else term.written for term in terms]
    return Term(words, value, PLUS, narrow=_together(value, *shapes))


def minus(a: Term, b: Term) -> Term:
    """A difference."""
    return plus((a, negated(b)))


def call(name: str, a: Term, value: Array) -> Term:
    r"""A function of a term: ``\ln x``, ``\operatorname{softmax}(z)``."""
    simple = a.level == ATOM and not _has_factors(a) and name.count("\\") == 1
    simple = simple and name[1:] in ("ln", "sin", "cos", "tanh")
    words = a.latex
    return Term(f"{name} {words}" if simple else f"{name}{parenthesised(words)}", value, CALL)


def _has_factors(a: Term) -> bool:
    """Whether more than the body is written."""
    return a.negative or bool(a.over or a.by) or a.front != 1 or a.below != 1


def power(a: Term, exponent: float) -> Term:
    """A constant power."""
    body = a.latex
    if a.level > ATOM or _has_factors(a) or "^" in body:
        body = parenthesised(body)
    with np.errstate(all="ignore"):
        value = np.power(a.value, exponent)
    return Term(f"{body}^{{{exponent:g}}}", value, ATOM)


def total(a: Term, axes: tuple[int, ...], keepdims: bool = False) -> Term:
    """The sum along axes; indices say which, where it is not all of them."""
    value, gone = np.asarray(a.value.sum(axis=axes, keepdims=keepdims)), axes
    padded = (1,) * (a.value.ndim - len(a.written)) + a.written
    # Along a stretched axis the same is added up n times: that is n times what is written.
    stretched = [axis for axis in axes if padded[axis] == 1 and a.value.shape[axis] > 1]
    count = int(np.prod([a.value.shape[axis] for axis in stretched]))
    axes = tuple(axis for axis in axes if axis not in stretched and a.value.shape[axis] != 1)
    a = replace(a, front=a.front * count)
    if stretched:
        for axis in stretched:
            a = replace(a, value=a.value.take([0], axis))
        a = replace(a, narrow=None if a.value.shape == padded else padded)
    if not (axes or stretched or keepdims or a.is_ones):
        axes = gone  # a column that becomes a vector: the sum is written, if only of one entry
    if not axes:  # nothing is left to add up
        kept = _kept(padded, value, keepdims)
        return replace(a, value=value, narrow=kept, inner="")
    body = factor(a, PLUS)
    inner = factor(a, TIMES)
    after = tuple(1 if axis in axes else n for axis, n in enumerate(padded))
    after = after if keepdims else tuple(n for axis, n in enumerate(after) if axis not in gone)
    if {axis for axis, n in enumerate(padded) if n != 1} <= set(axes) and value.size == 1:
        inner = (a.inner if not a.over else "") or inner  # a sum of sums is one sum
        words = rf"\sum {inner}"
    else:
        below = " ".join(INDICES[axis % len(INDICES)] for axis in sorted(axes))
        every = INDICES[: a.value.ndim]
        simple = a.level == ATOM and not a.over and "frac" not in body
        entry = body if simple else rf"\left[{body}\right]"
        words = rf"\sum_{{{below}}} {{{entry}}}_{{{every}}}"
    narrow = None if after == value.shape else after
    return Term(words, value, SUM, a.negative, (), a.by, inner, a.front, a.below, narrow)


def _kept(padded: tuple[int, ...], value: Array, keepdims: bool) -> tuple[int, ...] | None:
    """What is written when nothing was added up: as before, axes of length 1 aside."""
    written = tuple(n for n in padded if n != 1)
    left = tuple(n for n in value.shape if n != 1)
    return None if written == left else written


def spread(a: Term, shape: tuple[int, ...]) -> Term:
    """The same number, or row, everywhere."""
    value = np.broadcast_to(a.value, shape)
    return replace(a, value=value, inner="", narrow=_together(value, a.written))


def solid(a: Term) -> Term:
    """A term written in its full shape: times ones, where broadcasting has made it larger."""
    if a.is_ones or a.written == a.value.shape:
        return a
    body = parenthesised(a.body) if a.level >= SUM else a.body
    if a.over:
        body = fraction(a)
    ones = r"\mathbf{1}" if not a.written else r"\odot \mathbf{1}"
    return replace(a, body=f"{body} {ones}", level=TIMES, over=(), inner="", narrow=None)


def reshaped(a: Term, shape: tuple[int, ...]) -> Term:
    """The same entries in another shape."""
    if a.value.shape == tuple(shape):
        return a
    if a.is_ones:
        return replace(a, value=a.value.reshape(shape))
    a = solid(a)
    body = rf"\operatorname{{reshape}}{parenthesised(factor(a, PLUS))}"
    value = a.value.reshape(shape)
    return replace(a, body=body, value=value, level=CALL, over=(), inner="", narrow=None)


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
