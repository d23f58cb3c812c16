r"""A small part of LaTeX, read into a tree: what the formulas of operations are written in.

``parse(r"\bar{A} = \bar{Y} B^{\top}")`` gives a :class:`Row` of atoms, scripts, accents and
fractions. An unknown command is kept as text, so that a user's own formula is never lost.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Atom:
    """A leaf: ``kind`` is identifier, number, operator, function, large, text or space."""

    kind: str
    text: str


@dataclass(frozen=True)
class Row:
    """Items side by side."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Fraction:
    """A numerator over a denominator."""

    top: Item
    bottom: Item


@dataclass(frozen=True)
class Root:
    """A square root."""

    body: Item


@dataclass(frozen=True)
class Accent:
    """A letter or an expression under a ``bar``, ``hat``, ``tilde``, ``dot`` or ``overline``."""

    mark: str
    body: Item


@dataclass(frozen=True)
class Scripts:
    """A base with an index, an exponent or both."""

    base: Item
    below: Item | None = None
    above: Item | None = None


@dataclass(frozen=True)
class Matrix:
    """Rows of cells between brackets; a vector's only row stands between parentheses."""

    rows: tuple[tuple[Item, ...], ...]
    vector: bool = False


Item = Atom | Row | Fraction | Root | Accent | Scripts | Matrix

GREEK = dict(
    zip(
        [
            "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta",
            "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "varphi",
            "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi",
            "Omega", "ell",
        ],
        "αβγδϵεζηθκλμνξπρστϕφχψωΓΔΘΛΣΦΨΩℓ",
        strict=True,
    )
)  # fmt: skip
OPERATORS = {
    "odot": "⊙", "otimes": "⊗", "cdot": "·", "times": "×", "star": "⋆", "ast": "∗", "circ": "°",
    "leq": "≤", "geq": "≥", "neq": "≠", "in": "∈", "ni": "∋", "land": "∧", "lor": "∨",
    "lnot": "¬", "exists": "∃", "forall": "∀", "ldots": "…", "top": "⊤", "partial": "∂",
    "infty": "∞", "mapsto": "↦", "vert": "|", "Vert": "‖", "mid": "|", "to": "→", "approx": "≈",
    "pm": "±", "oplus": "⊕", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
    "#": "#", "{": "{", "}": "}", "|": "‖", "_": "_", "%": "%", "&": "&", "$": "$",
}  # fmt: skip
LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
DEEPEST = 40  # groups within groups
FUNCTIONS = frozenset([
    "ln", "log", "exp", "max", "min", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
    "cosh", "tanh", "det",
])  # fmt: skip
SPACES = {"quad": "  ", ",": " ", ";": " ", " ": " ", "!": ""}
# Commands that are one sign.
SIGNS = {
    **{name: Atom("space", space) for name, space in SPACES.items()},
    **{name: Atom("function", name) for name in FUNCTIONS},
    **{name: Atom("large", sign) for name, sign in LARGE.items()},
    **{name: Atom("operator", sign) for name, sign in OPERATORS.items()},
    **{name: Atom("identifier", letter) for name, letter in GREEK.items()},
}
ACCENTS = frozenset(["bar", "hat", "tilde", "dot", "overline"])
IGNORED = frozenset(["left", "right", "Big", "big", "Bigg", "displaystyle", "limits"])

TOKEN = re.compile(
    r"\\text\{(?P<text>(?:[^{}\\]|\\[A-Za-z]+(?:\{\})?|\\[^A-Za-z])*)\}"
    r"|\\(?P<command>[A-Za-z]+|.)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)|(?P<char>\S)",
    re.DOTALL,
)
# In text, LaTeX's own characters are written as commands.
SPECIAL = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    **{c: "\\" + c for c in "_{}#$%&"},
}  # fmt: skip
UNESCAPED = {command: c for c, command in SPECIAL.items()}


def escaped(text: str) -> str:
    r"""Any text for ``\text{...}``: LaTeX's special characters are escaped, lines joined."""
    return "".join(SPECIAL.get(c, c if c.isprintable() else " ") for c in text)


@functools.lru_cache(maxsize=4096)
def parse(latex: str) -> Item:
    r"""Read a formula.

    >>> parse(r"x^2")
    Scripts(base=Atom(kind='identifier', text='x'), below=None, above=Atom(kind='number', text='2'))
    """
    return _Reader(latex).row()


class _Reader:
    """A recursive descent over the tokens; it never fails, whatever it is given."""

    def __init__(self, latex: str) -> None:
        self.tokens = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in TOKEN.finditer(latex)]
        self.place = self.depth = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.place += 1
        return token

    def row(self, *stops: tuple[str, str]) -> Item:
        items: list[Item] = []
        self.depth += 1
        while self.peek()[0] != "end" and self.peek() not in stops:
            item = self.scripted()
            if item is not None:
                items.append(item)
        self.depth -= 1
        return items[0] if len(items) == 1 else Row(tuple(items))

    def scripted(self) -> Item | None:
        base = self.item()
        scripts: dict[str, Item] = {}
        while self.peek() in (("char", "_"), ("char", "^"), ("char", "'")):
            mark = self.take()[1]
            script = Atom("operator", "′") if mark == "'" else self.item() or Row(())
            scripts["below" if mark == "_" else "above"] = script
        if not scripts:
            return base
        return Scripts(base or Row(()), **scripts)

    def item(self) -> Item | None:
        group, token = self.take()
        if group == "end":
            return None
        if self.depth > DEEPEST:  # no formula: shown as it is
            return Atom("text", token)
        if group == "text":
            return Atom("text", unescaped(token))
        if group == "number":
            return Atom("number", token)
        if group == "command":
            return self.command(token)
        if token == "{":
            body = self.row(("char", "}"))
            self.take()
            return body
        if token == "}":
            return None
        if token.isalpha():
            return Atom("identifier", token)
        return Atom("operator", "−" if token == "-" else token)

    def command(self, name: str) -> Item | None:
        if name in SIGNS:
            return SIGNS[name]
        if name in IGNORED:
            return None
        if name in ("frac", "tfrac", "dfrac"):
            return Fraction(self.argument(), self.argument())
        if name == "sqrt":
            return Root(self.argument())
        if name in ACCENTS:
            return Accent(name, self.argument())
        if name == "mathbf":  # of ones only
            return Atom("identifier", letters_of(self.argument()).replace("1", "𝟏"))
        if name in ("operatorname", "mathrm", "mathit"):
            kind = "function" if name == "operatorname" else "identifier"
            return Atom(kind, letters_of(self.argument()))
        if name == "mathrel":  # \mathrel{+}= is one sign
            sign = letters_of(self.argument())
            if self.peek() == ("char", "="):
                sign += self.take()[1]
            return Atom("operator", sign)
        if name == "begin":
            return self.matrix()
        return Atom("text", "\\" + name)

    def argument(self) -> Item:
        r"""A group, or the single next character: the 1 of ``\tfrac1n``."""
        group, token = self.peek()
        if group == "number" and len(token) > 1:
            self.tokens[self.place] = (group, token[1:])
            return Atom("number", token[0])
        return self.item() or Row(())

    def matrix(self) -> Item:
        kind = letters_of(self.argument())
        rows: list[tuple[Item, ...]] = []
        cells: list[Item] = []
        ends = (("char", "&"), ("command", "\\"), ("command", "end"))
        token = ends[0]
        while token in ends[:2]:
            cells.append(self.row(*ends))
            token = self.take()
            if token != ends[0]:
                rows.append(tuple(cells))
                cells = []
        self.argument()
        return Matrix(tuple(rows), kind == "pmatrix" and len(rows) == 1)


def unescaped(text: str) -> str:
    """The inverse of :func:`escaped`."""
    return re.sub(
        r"\\(?:[A-Za-z]+(?:\{\})?|.)", lambda m: UNESCAPED.get(m[0], m[0]), text, flags=re.DOTALL
    )


def atoms(item: Item) -> list[Atom]:
    """The leaves of a tree, in order."""
    if isinstance(item, Atom):
        return [item]
    return [atom for child in children(item) for atom in atoms(child)]


def items_of(tree: Item) -> tuple[Item, ...]:
    """The items of a row; any other tree is a row of one."""
    return tree.items if isinstance(tree, Row) else (tree,)


def operator(sign: str) -> Atom:
    """A sign."""
    return Atom("operator", sign)


def row(*parts: Item) -> Item:
    """Trees side by side, as one row."""
    items = tuple(item for part in parts for item in items_of(part))
    return items[0] if len(items) == 1 else Row(items)


def fenced(tree: Item, signs: str = "()") -> Item:
    """A tree between parentheses, or other signs."""
    return row(operator(signs[0]), tree, operator(signs[1]))


def unfenced(tree: Item) -> Item:
    """Without the parentheses around the whole, which a fraction bar replaces."""
    opened, *inner, closed = (
        items_of(tree) if isinstance(tree, Row) and tree.items else (tree, tree)
    )
    if (opened, closed) != (operator("("), operator(")")):
        return tree
    depth = 0
    for item in inner:
        depth += (item == opened) - (ended(item) == closed)
        if depth < 0:
            return tree
    return row(*inner)


def ended(item: Item) -> Item:
    """What an exponent or an index stands at: ``(a + b)^2`` ends with a parenthesis."""
    return item.base if isinstance(item, Scripts) else item


def applied(name: str, *arguments: Item) -> Item:
    """A function with its arguments in parentheses."""
    listed = [part for x in arguments for part in (operator(","), x)][1:]
    return row(Atom("function", name), fenced(row(*listed)))


def raised(tree: Item, above: Item) -> Item:
    """With an exponent; in parentheses where it would be taken for that of a part."""
    if isinstance(tree, Scripts) and tree.above is None:
        return Scripts(tree.base, tree.below, above)
    inner = row(*items_of(tree)[1:-1])
    is_whole = tree in (fenced(inner), fenced(inner, "[]"))
    is_loose = isinstance(tree, (Scripts, Fraction)) or (len(items_of(tree)) > 1 and not is_whole)
    return Scripts(fenced(tree) if is_loose else tree, None, above)


def letters_of(item: Item) -> str:
    """What stands at the leaves of a tree, in one word."""
    return "".join(atom.text for atom in atoms(item))


def children(item: Item) -> tuple[Item, ...]:
    """The parts of a tree."""
    match item:
        case Atom():
            return ()
        case Matrix(rows):
            return tuple(cell for row in rows for cell in row)
        case Row(items):
            return items
    return tuple(part for part in vars(item).values() if isinstance(part, Item))


def mapped(item: Item, change: Callable[[Item], Item | None]) -> Item:
    """The tree with every part replaced for which ``change`` gives something."""

    def within(part: Any) -> Any:
        """A field of an item: a part of it, several in a tuple, a mark or nothing."""
        if isinstance(part, tuple):
            return tuple(within(x) for x in part)
        return mapped(part, change) if isinstance(part, Item) else part

    if (new := change(item)) is not None:
        return new
    return item if isinstance(item, Atom) else type(item)(*map(within, vars(item).values()))


def substituted(item: Item, letters: Mapping[str, Item], gradients: Mapping[str, Item]) -> Item:
    r"""The tree with values in place of letters, and gradients in place of barred letters.

    >>> from tinygrad_fr.graph.formulas import text
    >>> rule = parse(r"\bar{A} = \bar{Y} B^{\top}")
    >>> values, gradients = {"B": parse("W")}, {"A": parse("dx"), "Y": parse("dz")}
    >>> text(substituted(rule, values, gradients))
    'd x = d z Wᵀ'
    """

    def change(x: Item) -> Item | None:
        if isinstance(x, Accent):
            if x.mark == "bar" and isinstance(x.body, Atom):
                return gradients.get(x.body.text, x)
            return x if x.mark == "hat" else None
        if isinstance(x, Atom) and x.kind == "identifier":
            return letters.get(x.text)
        return None

    return mapped(item, change)


SYMBOL = re.compile(
    r"(?P<base>[A-Za-z]+?)(?:_(?P<hat>hat|bar|tilde))?_?(?P<index>\d*)(?:_(?P<word>[A-Za-z]+))?"
)


def symbol(name: str) -> str:
    r"""The LaTeX of a name: letters and Greek as they are, anything else as text.

    >>> [symbol(name) for name in ("x", "y_hat", "W1", "alpha", "logits", "0.weight", "a_b{")]
    ['x', '\\hat{y}', 'W_{1}', '\\alpha', '\\text{logits}', 'W_{\\text{0}}', '\\text{a\\_b\\{}']
    """
    if name in ("weight", "bias"):
        return "W" if name == "weight" else "b"
    path, _dot, kind = name.rpartition(".")
    if kind in ("weight", "bias") and path.replace(".", "").isalnum() and path.isascii():
        return ("W" if kind == "weight" else "b") + rf"_{{\text{{{path}}}}}"
    if name in GREEK.values():
        return "\\" + next(word for word, letter in GREEK.items() if letter == name)
    found = SYMBOL.fullmatch(name) if name.isascii() else None
    if found is None:
        return rf"\text{{{escaped(name)}}}"
    base, hat, index, word = found["base"], found["hat"], found["index"], found["word"]
    if base in GREEK:
        base = "\\" + base
    elif len(base) > 1:
        base = rf"\text{{{base}}}"
    if hat:
        base = rf"\{hat}{{{base}}}"
    below = index + (rf"\text{{{word}}}" if word else "")
    return f"{base}_{{{below}}}" if below else base
