"""Which entries made one entry, with what weight; and which gradients flow into it."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...autograd.engine import RELEASED
from ...autograd.tensor import Tensor
from ...errors import DTypeError, GraphError, IndexingError
from ...kernels import Array
from ...messages import _, spelled
from ...report import Report
from ..formulas import text
from ..formulas.letters import with_letters
from ..formulas.naming import named, scope, symbols
from ..recorded.extract import Graph, Vertex, extract
from ..recorded.flow import flow, refuse_changed
from ..recorded.walk import ordered
from .checking import judged
from .local import Index
from .origin import Origin, entry_latex
from .parts import column_part, is_linear, row_parts, summed
from .wording import html_of, latex_of, text_of


@dataclass(frozen=True, repr=False)
class Explanation(Origin):
    """Where one number comes from: notebooks show it, ``print`` too.

    ``parts`` are the entries and their weights, ``kind`` how they make it: see :class:`Origin`.
    """

    @property
    def text(self) -> str:
        """For terminals and screen readers."""
        return spelled(text_of(self))

    @property
    def html(self) -> str:
        """Tables and MathML for notebooks, readable where styles and pictures are taken away."""
        return spelled(html_of(self))

    @property
    def latex(self) -> str:
        """An ``aligned`` environment for a document."""
        return latex_of(self)

    def check(self) -> Report:
        """Compute the printed sum again, and compare it with what was recorded.

        For a function the operation is computed again of the listed entries, while all others are
        disturbed; and its slopes are compared with a numeric derivative along them.

        Returns
        -------
        Report
            True where the numbers agree.
        """
        return self._checked

    @functools.cached_property
    def _checked(self) -> Report:
        entry = judged(self, text(entry_latex(self, self.vertex.id, self.index, self.gradient)))
        return Report({entry.name: entry})

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html


def explain(
    tensor: Tensor, index: Any = (), *, gradient: bool = False, of: Tensor | None = None
) -> Explanation:
    """Which entries made this one, with what weight; or which gradients flow into it.

    The weights are local derivatives of the recorded operation, one entry at a time. Where the
    entry is the sum of its products (a matrix product, a convolution, a mean, a maximum) this is
    said; else the derivatives tell how it answers to each entry.

    Parameters
    ----------
    tensor
        What holds the entry.
    index
        Its place, as NumPy takes it: ``(0, 2)``, ``-1``, ``()`` for a single number.
    gradient
        Whether to explain the entry of the gradient at that place.
    of
        What is differentiated: by default the last computed of the caller's variables that depends
        on ``tensor``.

    Returns
    -------
    Explanation

    Raises
    ------
    IndexingError
        If the Tensor has no such entry.
    GraphError
        If nothing that depends on it is found, if a backward pass has released the graph, or if a
        value was changed in place since.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor([[1.0, 2.0]], name="x")
    >>> W = tg.Tensor([[3.0, 4.0], [5.0, 6.0]], requires_grad=True, name="W")
    >>> L = (x @ W).named("z").sum()
    >>> for line in tg.explain(L._inputs[0], (0, 1)).text.splitlines()[:5]:
    ...     print(line)
    z[0, 1] = 16
    z = x W
    z[0, 1] = ∑ₖ x[0, k] W[k, 1],  k = 0 … 1
      x[0, 0] · W[0, 1] = 1 · 4 = 4
      x[0, 1] · W[1, 1] = 2 · 6 = 12
    >>> print(tg.explain(W, (1, 0), gradient=True).check()["(∂L/∂W)[1, 0]"].verdict)
    correct
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError("explain takes a Tensor, not {kind}", kind=type(tensor).__name__)
    place = _place(tensor, index)
    variables = scope()
    try:  # the names are those of the whole graph, as in its pictures
        root = _output(tensor, of, variables)
    except GraphError:
        if gradient or tensor._state == RELEASED:
            raise
        root = tensor
    graph = extract(root)
    names = symbols(graph, with_letters(graph, named(graph, "auto", variables)))
    vertex = next(v for v in graph.vertices if v.tensor is tensor)
    if gradient:
        refuse_changed(graph)
        return gradient_of(graph, names, vertex, place, dict(flow(graph).upstream))
    return value_of(graph, names, vertex, place)


def value_of(graph: Graph, names: Mapping[int, str], vertex: Vertex, index: Index) -> Explanation:
    """The explanation of an entry of a value."""
    value = float(vertex.value[index])
    found = Explanation("given", graph, names, vertex, index, value)
    if vertex.operation is None:
        return found
    refuse_changed(graph, vertex.id)
    local, parts = row_parts(graph, vertex, index)
    terms = summed(parts, value, found.tolerance)
    if terms is None or not is_linear(local, terms, index):
        # How a power answers to its exponent 2 is not what the reader asks.
        sources = [(part, graph.vertices[part.of]) for part in parts]
        asked = (part for part, x in sources if x.kind != "constant" or x.shape)
        return replace(found, kind="function", parts=tuple(asked))
    return replace(found, kind="sum", parts=tuple(terms))


def gradient_of(
    graph: Graph, names: Mapping[int, str], vertex: Vertex, index: Index,
    upstream: Mapping[int, Array],
) -> Explanation:  # fmt: skip
    """The explanation of an entry of a gradient: what comes through each use of the value."""
    if vertex.id not in upstream:
        raise GraphError(
            _("no gradient of {output} flows into {name}: nothing to explain"),
            output=text(names[graph.output]), name=text(names[vertex.id]),
        )  # fmt: skip
    value = float(upstream[vertex.id][index])
    edges = (graph.edges[n] for n in graph.leaving[vertex.id])
    parts = tuple(
        column_part(graph, edge, index, upstream[edge.target])
        for edge in edges
        if edge.rule is not None and edge.target in upstream
    )
    kind = "gradient" if parts else "given"
    return Explanation(kind, graph, names, vertex, index, value, parts, True, upstream)


def _place(tensor: Tensor, index: Any) -> Index:
    """The place of an entry, counted from 0."""
    parts = index if isinstance(index, tuple) else (index,)
    whole = all(
        isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))
        for part in parts
    )
    if whole and len(parts) == 0 and tensor.size == 1:
        parts = (0,) * tensor.ndim
    if not whole or len(parts) != tensor.ndim:
        raise IndexingError(
            _(
                "explain: {index} is not the place of one entry of {name} {shape}: give a whole "
                "number for each axis"
            ),
            index=index, name=tensor.name or "tensor", shape=tensor.shape,
        )  # fmt: skip
    for part, n in zip(parts, tensor.shape, strict=True):
        if not -n <= part < n:
            raise IndexingError(
                _("explain: {index} lies outside {name} {shape}"),
                index=index, name=tensor.name or "tensor", shape=tensor.shape,
            )  # fmt: skip
    return tuple(int(part) % n for part, n in zip(parts, tensor.shape, strict=True))


def _things(value: Any) -> Iterable[Any]:
    """A variable, and what stands in it if it is a list or a dict."""
    held = value.values() if isinstance(value, dict) else value
    return list(held) if isinstance(value, (list, tuple, dict)) else [value]


def _output(tensor: Tensor, of: Tensor | None, variables: Mapping[str, Any]) -> Tensor:
    """What is differentiated: the last computed that depends on a Tensor."""
    if of is not None and not isinstance(of, Tensor):
        raise DTypeError("explain: of= is a Tensor, not {kind}", kind=type(of).__name__)
    if of is not None:
        candidates = [of]
    else:
        things = [thing for value in list(variables.values()) for thing in _things(value)]
        candidates = [x for x in things if isinstance(x, Tensor) and x._op is not None]
        candidates.sort(key=lambda x: -x._rank)
    for candidate in candidates:
        if candidate._rank >= tensor._rank or tensor.is_leaf:
            try:
                nodes = ordered([candidate])
            except GraphError:  # released
                if of is not None:
                    raise
                continue
            if any(node is tensor for node in nodes):
                return candidate
    if of is None and tensor._op is not None:
        return tensor
    raise GraphError(
        _(
            "explain: nothing that depends on {name} is among the caller's variables; say whose "
            "gradient it is: explain(tensor, index, gradient=True, of=loss). A graph that "
            "backward() has released is gone: call backward(retain_graph=True)"
        ),
        name=tensor.name or _("this Tensor"),
    )
