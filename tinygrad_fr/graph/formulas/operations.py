r"""The formulas of operations with the actual values' symbols in them.

The registry says ``Y = A B`` and ``\bar{A} = \bar{Y} B^{\top}``; a vertex z made of x and W reads
``z = x W``, and its edge from x ``\partial L / \partial x = \partial L / \partial z W^{\top}``.
Which letter means which argument is read off the rules: the rule of an argument begins with its
letter.
"""

import functools
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd.operation import Operation, registry
from ..recorded.extract import Edge, Graph, Vertex
from . import escaped, parse, substituted
from .indexing import shown_index
from .latex import (
    Accent,
    Atom,
    Fraction,
    Item,
    Row,
    Scripts,
    atoms,
    children,
    items_of,
    letters_of,
    mapped,
    operator,
    row,
)  # fmt: skip
from .naming import derivative
from .words import worded

MOST_LETTERS = 8  # arguments: a list of more has no letters of their own
# Operations whose arguments NumPy stretches: their rules want a sum back.
BROADCASTING = frozenset([
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "where", "mod", "clip",
    "hypot", "arctan2", "logaddexp",
])  # fmt: skip
# Arguments that formulas write with another letter.
LETTERS = {"target": "y", "condition": "c", "indices": "k"}


def formula(graph: Graph, vertex: Vertex, symbols: Mapping[int, str]) -> Item:
    """What a vertex is: ``z = x W + b``; for a leaf its symbol."""
    own = parse(symbols[vertex.id])
    if vertex.operation is None or vertex.kind == "failure":
        return own
    operation: Operation = vertex.tensor._op  # type: ignore[union-attr]
    inputs = graph.inputs(vertex.id)
    index = shown_index(graph, vertex)
    if index:
        return parse(f"{symbols[vertex.id]} = {symbols[inputs[0]]}[{index}]")
    tree = parse(worded(vertex.latex))
    right = after_equals(_reduced(tree, vertex))
    letters = argument_letters(operation, vertex) if len(inputs) <= MOST_LETTERS else {}
    fits = right is not None and letters and _fits(letters, inputs, right)
    if right is None or not fits or _weighs(graph, vertex):
        listed = [symbols[inputs[i]] for i in sorted(inputs)]
        if len(listed) > MOST_LETTERS:
            listed = [*listed[:3], r"\ldots", listed[-1]]
        arguments = ", ".join(listed)
        call = rf"{symbols[vertex.id]} = \text{{{escaped(operation.name)}}}({arguments})"
        return parse(call)
    given = _given(graph, vertex, letters, symbols)
    right = _without_missing(right, {x for i, x in letters.items() if i not in inputs})
    left = _left(tree)
    if isinstance(left, Scripts) and left.below and "K" not in letters_of(left):
        own = Scripts(own, left.below)
    whole = Row((own, Atom("operator", "="), *items_of(substituted(right, given, {}))))
    return _dotted(whole, graph, vertex)


def rule(graph: Graph, edge: Edge, symbols: Mapping[int, str]) -> Item | None:
    """The local rule of an edge, between the gradients of its target and its source.

    A value that is used several times adds up what its uses give: ``+=``.
    """
    if not edge.rule:
        return None
    vertex = graph.vertices[edge.target]
    operation: Operation = vertex.tensor._op  # type: ignore[union-attr]
    inputs = graph.inputs(vertex.id)
    out = symbols[graph.output]
    at_output = edge.target == graph.output
    index = shown_index(graph, vertex)
    if index:
        upstream = "1" if at_output else derivative(out, symbols[vertex.id])
        here = derivative(out, symbols[edge.source])
        return parse(rf"{here}[{index}] \mathrel{{+}}= {upstream}")
    letters = argument_letters(operation, vertex) if len(inputs) <= MOST_LETTERS else {}
    tree = _reduced(parse(worded(edge.rule)), vertex)
    own = _barred(tree)
    y = output_letter(operation)
    distinct = len(set(letters.values())) == len(letters)
    given = _given(graph, vertex, letters, symbols) if distinct else {}
    given[y] = parse(symbols[vertex.id])
    gradients = {y: ONE if at_output else parse(derivative(out, symbols[vertex.id]))}
    if own:
        gradients[own] = parse(derivative(out, symbols[edge.source]))
    found = list(items_of(substituted(tree, given, gradients)))
    found = _without_ones(found) if at_output else found
    found = _summed(found, graph, edge)
    uses = (n for n in graph.leaving[edge.source] if graph.edges[n].rule is not None)
    several = len(list(itertools.islice(uses, 2))) > 1
    found = [PLUS_EQUALS if x == EQUALS and several else x for x in found]
    return _dotted(Row(tuple(found)), graph, vertex)


def factor_of_rule(
    graph: Graph, edge: Edge, symbols: Mapping[int, str]
) -> tuple[Item, Item] | None:
    r"""Of a rule like ``\bar{x} = \bar{y} \odot R``, entry by entry, the sign and R; else None."""
    vertex = graph.vertices[edge.target]
    if not edge.rule or vertex.tensor is None:
        return None
    right = _sides(_reduced(parse(worded(edge.rule)), vertex))[1] or ()
    y = output_letter(vertex.tensor._op)
    if right[:1] != (Accent("bar", Atom("identifier", y)),) or right[1:2] not in (
        (TIMES,),
        (OVER,),
    ):
        return None
    letters = argument_letters(vertex.tensor._op, vertex)
    if len(set(letters.values())) < len(letters) or any(map(_is_barred, right[2:])):
        return None
    given = _given(graph, vertex, letters, symbols) | {y: parse(symbols[vertex.id])}
    return right[1], substituted(row(*right[2:]), given, {})


def _is_barred(item: Item) -> bool:
    is_bar = isinstance(item, Accent) and item.mark == "bar"
    return is_bar or any(map(_is_barred, children(item)))


def _summed(items: list[Item], graph: Graph, edge: Edge) -> list[Item]:
    """A rule with the sum over the axes along which a value was broadcast."""
    vertex, source = graph.vertices[edge.target], graph.vertices[edge.source]
    if vertex.operation not in BROADCASTING or source.shape == vertex.shape:
        return items
    added = len(vertex.shape) - len(source.shape)
    padded = (1,) * added + source.shape
    axes = [i for i, n in enumerate(padded) if n == 1 and vertex.shape[i] != 1]
    left, right = _sides(Row(tuple(items)))
    if right is None or not axes:
        return items
    whole = Row((Atom("operator", "["), *right, Atom("operator", "]")))
    letters = [Atom("identifier", letter) for letter in "ijklmn"[: len(vertex.shape)]]
    total = Scripts(Atom("large", "∑"), Row(tuple(letters[i] for i in axes)))
    entry = Scripts(right[0] if len(right) == 1 else whole, Row(tuple(letters)))
    return [*left, EQUALS, total, entry]


def _dotted(tree: Item, graph: Graph, vertex: Vertex) -> Item:
    """A product of numbers with a dot, not with the sign of a product entry by entry."""
    sources = graph.inputs(vertex.id).values()
    if vertex.shape or any(graph.vertices[i].shape for i in sources):
        return tree
    return mapped(tree, lambda x: Atom("operator", "·") if x == TIMES else None)


def _given(
    graph: Graph, vertex: Vertex, letters: Mapping[int, str], symbols: Mapping[int, str]
) -> dict[str, Item]:
    """What stands in the place of letters; for class indices their one-hot encoding."""
    inputs = graph.inputs(vertex.id)
    given = {letter: parse(symbols[inputs[i]]) for i, letter in letters.items() if i in inputs}
    letter, classes = letters.get(1, "y"), inputs.get(1)
    if vertex.operation not in ("cross_entropy", "nll_loss") or classes is None:
        return given
    if letter in given and graph.vertices[classes].value.dtype.kind in "iu":
        opened, closed = Atom("operator", "("), Atom("operator", ")")
        given[letter] = Row((Atom("function", "onehot"), opened, given[letter], closed))
    return given


def _weighs(graph: Graph, vertex: Vertex) -> bool:
    """Whether the entries of a loss count differently, and so not as its formula says."""
    if "cross_entropy" not in str(vertex.operation) and vertex.operation != "nll_loss":
        return False
    if any(vertex.static.get(name) is not None for name in ("weight", "pos_weight")):
        return True
    target = graph.vertices[graph.inputs(vertex.id)[1]].value
    ignored = vertex.static.get("ignore_index", -100)
    return target.dtype.kind in "iu" and bool((target == ignored).any())


def _reduced(tree: Item, vertex: Vertex) -> Item:
    """A formula with what the call has chosen: no 1/N where the loss is no mean, k by its size."""
    if "kernel_size" in vertex.static:
        size = vertex.static["kernel_size"]
        height, width = size if isinstance(size, tuple) else (size, size)
        whole, area = parse("k_h k_w"), Atom("number", str(height * width))
        return mapped(tree, lambda x: area if x == whole else None)
    if vertex.static.get("reduction", "mean") == "mean":
        return tree
    letter, kept = Atom("identifier", "N"), list[Item]()
    for item in items_of(tree):
        if item == letter and kept and kept[-1] == Atom("operator", "/"):
            kept.pop()
        elif isinstance(item, Fraction) and item.bottom == letter:
            kept += [] if item.top == ONE else [item.top]
        else:
            kept.append(item)
    return Row(tuple(kept))


ONE, TIMES, OVER = Atom("number", "1"), operator("⊙"), operator("/")
EQUALS, PLUS_EQUALS = Atom("operator", "="), Atom("operator", "+=")


def _without_ones(items: list[Item]) -> list[Item]:
    """``1 x`` is x: what is left of the gradient of the output with respect to itself."""
    kept: list[Item] = []
    for i, item in enumerate(items):
        after = items[i + 1] if i + 1 < len(items) else None
        before = items[i - 1] if i else None
        is_one = item == ONE and after is not None and (after == TIMES or not _is_operator(after))
        if not is_one and not (item == TIMES and before == ONE):
            kept.append(item)
    return kept


def _is_operator(item: Item) -> bool:
    return isinstance(item, Atom) and item.kind == "operator" and item.text not in "(["


def argument_letters(operation: Operation, vertex: Vertex) -> dict[int, str]:
    """The letter of each array argument in an operation's formulas, by position."""
    closures: tuple[Any, ...] = getattr(vertex.tensor, "_closures", ())
    letters = _declared_letters(operation) | _letters_of_rules(closures)
    for i, name in enumerate(vertex.argument_names):
        name = LETTERS.get(name, name)
        if i < len(closures) and len(name) == 1 and i not in letters:
            letters[i] = name
    return letters


@functools.cache
def _declared_letters(operation: Operation) -> dict[int, str]:
    """Those that the rules of an example call give."""
    if registry.get(operation.name) is not operation:
        return {}
    try:
        args, kwargs = operation.samples()[0]
        with np.errstate(all="ignore"):
            out = operation.body(*args, **kwargs)
    except Exception:  # a user's own examples: what fails there is for the tests to say
        return {}
    return _letters_of_rules(out[1:] if isinstance(out, tuple) else ())


def _letters_of_rules(closures: tuple[Any, ...]) -> dict[int, str]:
    found = {i: _barred(parse(c.__doc__ or "")) for i, c in enumerate(closures) if c}
    return {i: letter for i, letter in found.items() if letter}


def output_letter(operation: Operation) -> str:
    """The letter on the left of its formula."""
    item = _left(parse(operation.latex))
    while isinstance(item, Scripts) or (isinstance(item, Row) and item.items):
        item = item.base if isinstance(item, Scripts) else item.items[0]
    return item.text if isinstance(item, Atom) else ""


def _left(tree: Item) -> Item:
    left, right = _sides(tree)
    left = left[:1] if right is None else left
    return left[0] if len(left) == 1 else Row(left)


def after_equals(tree: Item) -> Item | None:
    """The right side of a formula."""
    right = _sides(tree)[1]
    return None if right is None else Row(right)


def _sides(tree: Item) -> tuple[tuple[Item, ...], tuple[Item, ...] | None]:
    """What stands before the first sign of equality, and behind it if there is one."""
    items = items_of(tree)
    cut = next((i for i, item in enumerate(items) if item in (EQUALS, PLUS_EQUALS)), None)
    return (items, None) if cut is None else (items[:cut], items[cut + 1 :])


def _barred(tree: Item) -> str:
    r"""The x of a rule that begins with ``\bar{x}``."""
    item = items_of(tree)[0] if items_of(tree) else tree
    if isinstance(item, Scripts):
        item = item.base
    if isinstance(item, Accent) and isinstance(item.body, Atom):
        return item.body.text
    return ""


def _fits(letters: Mapping[int, str], inputs: Mapping[int, int], right: Item) -> bool:
    """Whether each argument has a letter of its own that the formula uses."""
    words = letters_of(right)
    chosen = [letters.get(i, "") for i in inputs]
    return len(set(chosen)) == len(chosen) and all(x and x in words for x in chosen)


def _without_missing(right: Item, missing: set[str]) -> Item:
    """``X W + b`` without its bias where there is none."""
    kept: list[Item] = []
    for item in items_of(right):
        absent = isinstance(item, Atom) and item.text in missing
        if absent and kept and kept[-1] == Atom("operator", "+"):
            kept.pop()
        else:
            kept.append(item)
    return Row(tuple(kept))


def arguments(vertex: Vertex) -> str:
    """The other arguments of the call that are not at their default: ``axis=1``."""
    operation = getattr(vertex.tensor, "_op", None)
    defaults = operation.defaults if operation is not None else {}
    parts = []
    for name, value in vertex.static.items():
        if isinstance(value, np.ndarray):
            parts.append(f"{name}: {value.dtype} {value.shape}")
        elif not _is_default(value, defaults.get(name, "\0")):
            text = repr(value)
            parts.append(f"{name}={text if len(text) < 40 else text[:37] + '...'}")
    return ", ".join(parts)


def _is_default(value: Any, default: Any) -> bool:
    """Whether an argument says what its default says: (1, 1) is a stride of 1."""
    if isinstance(value, tuple) and isinstance(default, int) and not isinstance(default, bool):
        return bool(value) and all(x == default for x in value)
    return type(value) is type(default) and bool(value == default)


def counts(graph: Graph, vertex: Vertex) -> str:
    """What N is in the formula of a loss: ``N = 6``."""
    letters = {atom.text for atom in atoms(parse(vertex.latex))}
    mean = vertex.static.get("reduction", "mean") == "mean"
    if "N" not in letters or not mean or _weighs(graph, vertex):
        return ""
    first = graph.vertices[graph.inputs(vertex.id)[0]]
    classes = 1  # an error per entry, or one per distribution
    if vertex.operation == "kl_divergence":
        classes = first.shape[vertex.static.get("axis", -1)]
    elif vertex.operation in ("cross_entropy", "nll_loss"):
        classes = first.shape[1 if len(first.shape) > 1 else 0]
    return f"N = {first.value.size // max(classes, 1)}"
