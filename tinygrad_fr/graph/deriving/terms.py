r"""Terms of a derivation: a formula as a tree, and the array that it stands for.

Every function here does to the array what it writes: a line of a derivation is therefore
evaluated while it is written. A term is ``sign front factors / (over * by)``: ``over`` are
denominators entry by entry, ``by`` are numbers, so that factors like 1/N stay in one place. Which
parts need parentheses is decided here, once; LaTeX and text are made of the finished tree.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction as Ratio
from typing import Any

import numpy as np

from ...kernels import Array
from ..formulas import parse, text
from ..formulas.latex import (
    Accent,
    Atom,
    Fraction,
    Item,
    Row,
    Scripts,
    atoms,
    children,
    ended,
    fenced,
    items_of,
    mapped,
    operator,
    raised,
    row,
    unfenced,
)  # fmt: skip
from ..formulas.naming import numeral
from ..formulas.source import latex_of

# How tightly a factor binds: what must stand in parentheses where.
ATOM, CALL, TIMES, DOT, SUM, PLUS = range(6)
INDICES, SPARE = "ijklmn", "ijklmnpq"
NOTHING = Row(())
MINUS, TRANSPOSED = operator("−"), operator("⊤")
BY_ENTRY, BY_NUMBER, OVER = operator("⊙"), operator("·"), operator("/")
OPENING, CLOSING = (operator("("), operator("[")), (operator(")"), operator("]"))
SUMMED, ONE_SIGN, ONES_SIGN = Atom("large", "∑"), Atom("number", "1"), Atom("identifier", "𝟏")


@dataclass(frozen=True)
class Factor:
    """A part of a product: its tree, how tightly it binds, and whether it is a single number."""

    tree: Item
    level: int = ATOM
    single: bool = False


@dataclass(frozen=True)
class Term:
    """A formula and its value.

    Attributes
    ----------
    factors : tuple of Factor
        What is multiplied entry by entry; empty for ones.
    value : array
    negative : bool
    over : tuple of Factor
        Denominators, entry by entry.
    by : tuple of (tree, float)
        Denominators that are numbers with a name, such as N.
    inner : tree
        Of a sum, what is summed.
    front, below : Fraction
        The plain numbers among the factors and among the denominators.
    narrow : tuple of int or None
        The shape of what is written, where broadcasting has made the value larger.
    standing : bool
        Whether it is a vector that stands as a row or as a column of a matrix.
    """

    factors: tuple[Factor, ...]
    value: Array
    negative: bool = False
    over: tuple[Factor, ...] = ()
    by: tuple[tuple[Item, float], ...] = ()
    inner: Item = NOTHING
    front: Ratio = Ratio(1)
    below: Ratio = Ratio(1)
    narrow: tuple[int, ...] | None = None
    standing: bool = False

    @property
    def latex(self) -> str:
        """The whole in LaTeX."""
        return latex_of(self.tree)

    @property
    def text(self) -> str:
        """The whole on a line."""
        return text(self.tree)

    @property
    def level(self) -> int:
        """How tightly its factors bind, taken together."""
        return TIMES if len(self.factors) > 1 else self.factors[0].level if self.factors else ATOM

    @property
    def body(self) -> Item:
        """The product of its factors."""
        return _product(self.factors)

    @property
    def is_ones(self) -> bool:
        """Whether nothing but a number is left of it."""
        return not (self.factors or self.over)

    @property
    def is_plain(self) -> bool:
        """Whether its factors are all that is written of it."""
        numbers = self.by or self.front != 1 or self.below != 1
        return not (self.negative or self.over or numbers)

    @property
    def written(self) -> tuple[int, ...]:
        """The shape of what is written: none for ones, which products leave out."""
        if self.is_ones:
            return ()
        return self.value.shape if self.narrow is None else self.narrow

    @property
    def scale(self) -> float:
        """What it is divided by, all numbers taken together."""
        return float(self.below / self.front) * math.prod(value for _tree, value in self.by)

    @property
    def tree(self) -> Item:
        """The whole, with its sign, numbers and denominators."""
        sign = MINUS if self.negative else NOTHING
        front, below = self._numbers()
        named = _squared(Factor(tree, ATOM, True) for tree, _value in self.by)
        numbers = _product([Factor(x, ATOM, True) for x in items_of(below)] + named)
        if self.over:
            bottom = _product(_squared(self.over))
            bottom = row(numbers, bottom) if numbers != NOTHING else unfenced(bottom)
            return row(sign, Fraction(self._top(front), bottom))
        if not self.factors:
            ones = ONE_SIGN if self.value.size == 1 else ONES_SIGN
            top = front if front != NOTHING and self.value.size == 1 else row(front, ones)
            return row(sign, top if numbers == NOTHING else Fraction(top, unfenced(numbers)))
        if self.level == SUM and numbers != NOTHING:
            top = ONE_SIGN if front == NOTHING else front
            return row(sign, Fraction(top, unfenced(numbers)), self.body)
        if sign == front == numbers == NOTHING:
            return self.body
        body = fenced(self.body) if self.level == PLUS else self.body
        if front != NOTHING:
            digits = atoms(body)[0].kind == "number"
            body = row(front, BY_NUMBER, body) if digits else row(front, body)
        if numbers == NOTHING:
            return row(sign, body)
        several = len(named) + (below != NOTHING) > 1
        return row(sign, body, OVER, fenced(numbers) if several else numbers)

    def _top(self, front: Item) -> Item:
        """What stands above denominators."""
        if front == NOTHING:
            return unfenced(self.body) if self.factors else ONE_SIGN
        return row(front, fenced(self.body) if self.level >= SUM else self.body)

    def _numbers(self) -> tuple[Item, Item]:
        """The plain numbers before and below, reduced; a decimal stays one where none is below."""
        ratio = self.front / self.below
        if self.below == 1 and ratio.denominator != 1:
            return parse(numeral(float(ratio))), NOTHING
        above, below = (
            NOTHING if n == 1 else Atom("number", str(n))
            for n in (ratio.numerator, ratio.denominator)
        )
        return above, below


def term(tree: Item, value: Array, level: int = ATOM, **others: Any) -> Term:
    """A formula that is a factor of its own."""
    return Term((Factor(tree, level, np.size(value) == 1),), value, **others)


def symbol_term(latex: str, value: Array) -> Term:
    """A symbol or a number, as it is."""
    return term(parse(latex.removeprefix("-")), value, negative=latex.startswith("-"))


ONE = Term((), np.array(1.0))


def _product(factors: Iterable[Factor]) -> Item:
    """Factors with their signs between them."""
    found: Item = NOTHING
    parts = list(factors)
    for i, x in enumerate(parts):
        apart = len(parts) > 1 and _stands_apart(x, i == len(parts) - 1)
        sign: Item = NOTHING
        if i:
            after_number = BY_NUMBER if x.single or apart else NOTHING
            sign = after_number if parts[i - 1].single else BY_ENTRY
        found = row(found, sign, fenced(x.tree) if apart else x.tree)
    return found


def _squared(factors: Iterable[Factor]) -> list[Factor]:
    """Denominators, of which one that comes twice is a square."""
    return [
        x if n == 1 else replace(x, tree=raised(x.tree, Atom("number", str(n))))
        for x, n in Counter(factors).items()
    ]


def _stands_apart(x: Factor, is_last: bool) -> bool:
    """Whether a factor needs parentheses: a sum, a product of matrices, ``ln x`` before others."""
    closed = ended(items_of(x.tree)[-1]) in CLOSING
    return x.level >= DOT or (x.level == CALL and not closed and not is_last)


def fraction(a: Term) -> Item:
    """The factors over the denominators entry by entry."""
    return Fraction(
        unfenced(a.body) if a.factors else ONE_SIGN, unfenced(_product(_squared(a.over)))
    )


def factor(a: Term, level: int) -> Item:
    """The factors as one, their fraction included; the sign and numbers are left to the caller."""
    if a.over:
        return fraction(a)
    return fenced(a.body) if a.level > level else a.body


def bare(a: Term, tree: Item, value: Array, level: int = ATOM, **others: Any) -> Term:
    """Another formula for the factors of a term, whose sign and numbers stay."""
    new = (Factor(tree, level, value.size == 1),)
    return replace(
        a, factors=new, value=value, over=(), inner=NOTHING, narrow=None, standing=False, **others
    )


def plain_number(a: Term) -> Ratio | None:
    """The number that a term is but for its sign, if it is one; 0 stays what it is."""
    if a.over or a.by or len(a.factors) != 1 or not isinstance(a.factors[0].tree, Atom):
        return None
    tree = a.factors[0].tree
    return (Ratio(tree.text) or None) if tree.kind == "number" else None


def entry_of(a: Term, indices: str, whole: bool = False) -> Item:
    """An entry of a term: ``[a b]_{ij}``; sign and numbers only of the ``whole``."""
    tree = a.tree if whole else factor(a, PLUS)
    match tree:
        case Scripts(Atom() as base, None, above) if a.level == ATOM and not a.over:
            return Scripts(base, _letters(indices), above)
    simple = a.level == ATOM and not a.over and isinstance(tree, (Atom, Accent))
    return Scripts(
        tree if simple and not whole else fenced(unfenced(tree), "[]"), _letters(indices), None
    )


def level_of(tree: Item) -> int:
    """How tightly a formula binds that was not made here."""
    depth, outside = 0, list[Item]()
    for item in map(ended, items_of(tree)):
        depth += (item in OPENING) - (item in CLOSING)
        outside += [] if depth or item in CLOSING else [item]
    if operator("+") in outside or MINUS in outside:
        return PLUS
    return SUM if SUMMED in outside else TIMES if outside and len(items_of(tree)) > 1 else ATOM


def summed(entry: Item, indices: str) -> Item:
    """A sum over indices."""
    return row(Scripts(SUMMED, _letters(indices)), entry)


def axis_letters(tree: Item, ndim: int) -> str:
    r"""A letter for each axis of what a tree writes: none over which something in it is summed.

    >>> axis_letters(parse("x"), 2), axis_letters(parse(r"\sum_{i} x_{ij}"), 2)
    ('ij', 'kj')
    """
    found = set(indices_of(tree))
    bound = set(summed_over(tree))
    fresh = (x for x in SPARE if x not in found and x not in INDICES[:ndim])
    return "".join(next(fresh) if x in bound else x for x in INDICES[:ndim])


def indices_of(tree: Item) -> list[str]:
    """The letters that stand as indices in a tree."""
    below = tree.below if isinstance(tree, Scripts) else None
    letters = [] if below is None else [x.text for x in atoms(below) if x.kind == "identifier"]
    own = letters if all(x in SPARE for x in letters) else []
    return own + [x for part in children(tree) for x in indices_of(part)]


def summed_over(tree: Item) -> list[str]:
    """The letters under the sums of a tree."""
    own = isinstance(tree, Scripts) and tree.base == SUMMED
    return (indices_of(tree) if own else []) + [
        x for part in children(tree) for x in summed_over(part)
    ]


def _letters(indices: str) -> Item:
    return row(*(Atom("identifier", letter) for letter in indices))


def relettered(tree: Item, letters: Mapping[str, str]) -> Item:
    """A tree with other letters for its indices."""

    def change(x: Item) -> Item | None:
        if not isinstance(x, Scripts) or not indices_of(Scripts(NOTHING, x.below)):
            return None
        below = (Atom(a.kind, letters.get(a.text, a.text)) for a in atoms(x.below or NOTHING))
        return Scripts(mapped(x.base, change), row(*below), x.above)

    return mapped(tree, change)
