"""The chain rule written out, from a loss down to one of the values that it depends on."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError, DTypeError, GraphError
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report
from .. import values
from ..formulas import parse, text
from ..formulas.latex import atoms
from ..formulas.letters import with_letters
from ..formulas.naming import derivative, is_leaf, kind_word, named, scope, symbols
from ..recorded.extract import Graph, Vertex, extract
from ..recorded.flow import flow, refuse_changed
from .forms import indexes_classes
from .rewriting import complements, expanded, lettered, recognised, unsigned
from .terms import SPARE, Term
from .typesetting import SUFFIXES, told, written
from .writer import Line, Writer, numbers_for, relettered, with_numbers

MOST = 10_000  # operations: 20,000 lines


class Derivation:
    """A derivation: definitions, one line per step, the end.

    Attributes
    ----------
    givens : list of (str, str)
        The values that are given: LaTeX symbol, and what it is in words.
    definitions, steps : list of Line
    result : Line
        The gradient that was asked for.
    """

    def __init__(
        self, givens: list[tuple[str, str]], definitions: list[Line], steps: list[Line],
        numbers: bool, single: bool = False,
    ) -> None:  # fmt: skip
        self.single = single  # whether something was computed in single precision
        self.givens, self.definitions, self.steps = givens, definitions, steps
        self.result = steps[-1]
        self.numbers = numbers

    @property
    def latex(self) -> str:
        """A whole document, for pdflatex."""
        return written(self, "latex")

    @property
    def markdown(self) -> str:
        """For notebooks and MyST."""
        return written(self, "markdown")

    @property
    def html(self) -> str:
        """A whole page, for browsers; it needs no network."""
        return written(self, "html")

    @property
    def text(self) -> str:
        """For terminals."""
        return written(self, "text")

    def save(self, path: str | Path) -> Path:
        """Write it to a file; the suffix says how: html, md, tex or txt.

        Returns
        -------
        Path
            Where it was written.
        """
        path = Path(path)
        if path.suffix.lower() not in SUFFIXES:
            raise ArgumentError(
                "{path}: a derivation is saved as {kinds}, by its suffix",
                path=path, kinds=", ".join(SUFFIXES),
            )  # fmt: skip
        path.write_text(written(self, SUFFIXES[path.suffix.lower()]), encoding="utf-8")
        return path

    def check(self) -> Report:
        """Evaluate every line, and compare it with what was recorded.

        Returns
        -------
        Report
            An entry for each definition and each gradient; true when every equality holds.
        """
        return self._checked

    @functools.cached_property
    def _checked(self) -> Report:
        entries: dict[str, Entry] = {}
        lines = (*self.definitions, *self.steps)
        # Where large numbers cancel, what is left of them is rounding.
        noise = CANCELLED * max((_size(line.truth) for line in lines), default=0.0)
        for line in lines:
            name = text(line.what)
            while name in entries:
                name += "′"
            entries[name] = _judged(name, line, self.single, noise)
        return Report(entries)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self.markdown


# How far a member may be from what was recorded, relative to its largest entry: in double and in
# single precision; and, of the largest number of all lines, what cancelling may leave.
TIGHT, LOOSE, CANCELLED = 1e-8, 1e-3, 1e-13


def _judged(name: str, line: Line, single: bool, noise: float) -> Entry:
    """Whether all members of a line equal what was recorded."""
    truth = np.asarray(line.truth)
    members = [np.asarray(term.value) for term in line.terms]
    for n, value in enumerate(members, 1):
        if value.shape != truth.shape:
            note = _(
                "member {n} has the shape {got}, not {shape}",
                n=n,
                got=value.shape,
                shape=truth.shape,
            )
            return Entry(name, "wrong", autograd=truth, hand=value, note=note)
    errors = [_errors(value, truth) for value in members]
    at = int(np.argmax([error.max(initial=0.0) for error in errors]))
    top, worst = _size(truth), float(errors[at].max(initial=0.0))
    verdict, index = "correct", tuple[int, ...]()
    note = _("quoted from the operation's own rule") if line.quoted else ""
    if worst > (LOOSE if single else TIGHT) * top + noise:
        verdict, note = "wrong", _("member {n} differs", n=at + 1)
        index = tuple(map(int, np.unravel_index(int(errors[at].argmax()), truth.shape)))
    return Entry(
        name, verdict, autograd=truth, hand=members[at], max_abs_error=worst,
        max_rel_error=worst / top if top else worst, worst_index=index, note=note,
    )  # fmt: skip


def _size(array: Array) -> float:
    """The largest of its finite numbers, without its sign."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _errors(value: Array, truth: Array) -> Array:
    """The differences; infinite where only one of them is a number."""
    with np.errstate(all="ignore"):
        same = (value == truth) | (np.isnan(value) & np.isnan(truth))
        error = np.where(same, 0.0, np.abs(np.asarray(value, float) - truth))
    return np.asarray(np.nan_to_num(error, nan=np.inf, posinf=np.inf))


def derive(
    tensor: Tensor,
    wrt: Tensor | str,
    *,
    numbers: bool = False,
    names: str | Mapping[str, Tensor] = "auto",
) -> Derivation:
    """Write out the chain rule from a loss to one of the values it was made from.

    Definitions in the order of computation, then a step for each gradient: the local derivative,
    the product, and what is known put in. Losses such as ``cross_entropy`` are written out;
    softmax or sigmoid with a logarithm end in ``(y_hat - y) / N``, by an algebra of which every
    member is evaluated. Symbols are the names of Tensors, parameters and the caller's variables.

    Parameters
    ----------
    tensor
        A single number.
    wrt
        The value whose gradient is wanted: a Tensor of the graph, or its name.
    numbers
        Put the values in the place of symbols, where they are few.
    names
        As for :func:`tinygrad_fr.draw`.

    Returns
    -------
    Derivation

    Raises
    ------
    ArgumentError
        If ``tensor`` is not a single number, or made of thousands of operations.
    GraphError
        If it does not depend on ``wrt``, or the graph was released.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor(np.ones((2, 3)), name="x")
    >>> W = tg.Tensor(np.zeros((3, 2)), requires_grad=True, name="W")
    >>> derivation = tg.derive(tg.cross_entropy(x @ W, [0, 1]), W)
    >>> bool(derivation.check())
    True
    >>> print(tg.graph.formulas.text(derivation.result.terms[-1].latex))
    xᵀ (ŷ − y)/N
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError("derive takes a Tensor, not {kind}", kind=type(tensor).__name__)
    if tensor.size != 1:
        raise ArgumentError(
            "a derivation starts at a single number, not at the shape {shape}: take .sum()",
            shape=tensor.shape,
        )
    graph = extract(tensor)
    made = sum(vertex.kind == "operation" for vertex in graph.vertices)
    if made > MOST:
        raise ArgumentError(
            "a derivation through {n} operations would be too long to read (at most {most}): "
            "derive an inner Tensor, or the same program on fewer steps or examples",
            n=made,
            most=MOST,
        )
    refuse_changed(graph)
    found = named(graph, names, scope())
    target = _target(graph, wrt, found)
    truth = flow(graph)
    if target.id not in truth.upstream:
        raise GraphError(
            "the output does not depend on {name}: its gradient is not computed",
            name=found.get(target.id, str(target.shape)),
        )
    return _written(graph, found, target.tensor, truth.upstream[target.id], numbers)


def _target(graph: Graph, wrt: Tensor | str, found: Mapping[int, str]) -> Any:
    if not isinstance(wrt, (Tensor, str)):
        raise DTypeError(
            "derive takes a Tensor of the graph or its name, not {kind}",
            kind=type(wrt).__name__,
        )
    for vertex in graph.vertices:
        if vertex.tensor is wrt or (isinstance(wrt, str) and found.get(vertex.id) == wrt):
            return vertex
    name = wrt if isinstance(wrt, str) else getattr(wrt, "name", None) or type(wrt).__name__
    raise GraphError("{name} is not in the graph of the output", name=name)


def _written(
    graph: Graph, found: dict[int, str], target: Tensor, truth: Array, numbers: bool
) -> Derivation:
    """The derivation, on the graph with its fused losses written out."""
    wider, new = expanded(graph)
    found = with_letters(graph, found)
    known = {key: found[v.id] for v in graph.vertices if v.id in found for key in _keys(v)}
    known |= {
        id(new[id(v.tensor)]): found[v.id]
        for v in graph.vertices if v.id in found and id(v.tensor) in new
    }  # fmt: skip
    names = {v.id: known[key] for v in wider.vertices for key in _keys(v) if key in known}
    if graph.output in found:
        names[wider.output] = found[graph.output]
    same = {
        id(new.get(id(v.tensor), v.tensor)): v.id for v in graph.vertices if v.tensor is not None
    }
    signs_before = symbols(graph, found)  # as in the pictures of this graph
    target = new.get(id(target), target)
    wrt = next(v.id for v in wider.vertices if v.tensor is target)
    gradients = flow(wider)  # before recognition, which changes what operations are called
    wider = unsigned(recognised(wider, wrt), names)
    wider, names = lettered(wider, names)
    given = {
        v.id: signs_before[same[id(v.tensor)]]
        for v in wider.vertices
        if id(v.tensor) in same and v.id not in names
    }
    signs = symbols(wider, names, given) | complements(wider, names)
    writer = Writer(wider, signs, names, gradients, wrt)
    steps, definitions = writer.steps(), writer.definitions()
    if numbers:
        other = Writer(wider, numbers_for(wider, signs), names, gradients, wrt, digits=True)
        steps = with_numbers(steps, other.steps())
        definitions = with_numbers(definitions, other.definitions())
    signs_used = {x.text for sign in signs.values() for x in atoms(parse(sign))}
    if signs_used & set(SPARE):
        free = [x for x in SPARE if x not in signs_used]
        letters = dict(zip(SPARE, free, strict=False))
        steps, definitions = ([relettered(x, letters) for x in y] for y in (steps, definitions))
    if not steps:  # the output with respect to itself
        what = derivative(signs[wider.output], signs[wider.output])
        steps = [Line(what, (Term((), np.ones(truth.shape)),), truth)]
    steps[-1] = replace(steps[-1], truth=truth)
    givens = dict.fromkeys(
        (signs[v.id], _given(v))
        for v in wider.vertices
        if is_leaf(v) and (v.shape or v.id in names)
    )
    givens |= dict.fromkeys(_unnamed(wider, names))
    single = any(v.value.dtype == np.float32 for v in wider.vertices)
    return Derivation(list(givens), definitions, steps, numbers, single)


def _unnamed(graph: Graph, names: dict[int, str]) -> Iterator[tuple[str, str]]:
    """What the formulas name and the program does not: N of a mean, the classes of an index."""
    for vertex in graph.vertices:
        letter = vertex.static.get("letter")
        if letter == "N" and "N" not in names.values():
            n = graph.vertices[graph.inputs(vertex.id)[0]].value.size // max(vertex.value.size, 1)
            yield letter, _("the number of examples, {n}", n=n)
        elif vertex.operation == "getitem" and letter and indexes_classes(graph, vertex):
            yield str(letter), _("the class of each row, one-hot")


def _keys(vertex: Vertex) -> list[int]:
    """What a value is known by: the Tensor and its array."""
    return [id(x) for x in (vertex.tensor, vertex.value) if x is not None]


def _given(vertex: Vertex) -> str:
    value = vertex.value
    what = f"{told(value.shape)} {value.dtype}" if value.ndim else values.summary(value)
    words = f"{kind_word(vertex)}, {what}"
    return words + ", " + _("one-hot") if vertex.shape and _is_one_hot(vertex) else words


def _is_one_hot(vertex: Vertex) -> bool:
    """Whether each row of a constant is one 1 among zeros."""
    value = vertex.value
    rows = value.reshape(-1, value.shape[-1]) if value.size else value
    return bool(
        vertex.kind == "constant" and value.size and value.shape[-1] > 1
        and ((rows == 0) | (rows == 1)).all() and (rows.sum(-1) == 1).all()
    )  # fmt: skip
