"""What the values of a graph are called: in pictures, in derivations, in formulas."""

import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...messages import _
from ..recorded.extract import Edge, Graph, Vertex
from . import escaped, symbol

LONGEST = 60  # characters of a name
# What a loss is often called in a program: on the blackboard it is L.
LOSSES = ("loss", "cost", "perte")


def scope(depth: int = 2) -> dict[str, Any]:
    """The variables of the caller's caller: its own first, then those of its file."""
    frame = sys._getframe(depth)
    return {**frame.f_globals, **frame.f_locals}


def named(
    graph: Graph, names: str | Mapping[str, Tensor], variables: Mapping[str, Any]
) -> dict[int, str]:
    """The names of vertices, by id; a vertex that nobody has named is left out.

    A Tensor's own name comes first, then the path of a parameter in a Module, then the caller's
    variable, then the argument's name in the operation of a layer (``0.weight``). A name that two
    vertices have is followed by a number.

    Parameters
    ----------
    names
        ``"auto"``, ``"tensors"`` (only names that Tensors carry), or names for some Tensors.
    variables
        Where to look for Tensors, arrays and Modules.
    """
    if isinstance(names, Mapping):
        if not all(isinstance(name, str) for name in names):
            raise ArgumentError("names: a dict has names, which are strings, for its keys")
        given, variables = dict(names), {**variables, **names}
    elif names in ("auto", "tensors"):
        given, variables = {}, variables if names == "auto" else {}
    else:
        raise ArgumentError(
            'names is "auto", "tensors" or a dict of names and Tensors, not {got!r}', got=names
        )
    first = {id(value): name for name, value in given.items()}
    known = _known(variables)
    arguments: dict[int, str] = {}
    for edge in graph.edges if names == "auto" else ():
        arguments.setdefault(edge.source, _argument(graph, edge))
    found: dict[int, str] = {}
    given_out: set[str] = set()
    used: Counter[str] = Counter()
    for vertex in graph.vertices:
        thing = vertex.value if vertex.tensor is None else vertex.tensor
        if np.ndim(vertex.value) == 0 and vertex.tensor is None:
            continue  # a number is called by its value
        own = first.get(id(thing)) or vertex.name
        name = own or known.get(id(thing)) or arguments.get(vertex.id)
        if name:
            name = _printable(str(name))
            used[name] += 1
            while f"{name} ({used[name]})" in given_out:
                used[name] += 1
            again = used[name] > 1 or name in given_out
            found[vertex.id] = f"{name} ({max(used[name], 2)})" if again else name
            given_out.add(found[vertex.id])
    return found


def _printable(name: str) -> str:
    """A name on one line, cut when it is longer than a picture can bear."""
    line = "".join(c if c.isprintable() else " " for c in name)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _known(variables: Mapping[str, Any]) -> dict[int, str]:
    """Names for Tensors, arrays and parameters that variables hold, by identity."""
    known: dict[int, str] = {}
    public = {name: value for name, value in variables.items() if _is_public(name)}
    modules = [name for name in public if hasattr(type(public[name]), "named_parameters")]
    for name in modules:
        for path, parameter in _parameters(public[name]):
            known.setdefault(id(parameter), path if len(modules) == 1 else f"{name}.{path}")
    for name, value in public.items():
        for key, thing in _things(name, value):
            if isinstance(thing, (Tensor, np.ndarray)):
                known.setdefault(id(thing), key)
    return known


def _is_public(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and name not in ("In", "Out")


def _parameters(module: Any) -> Iterator[tuple[str, Any]]:
    try:
        yield from module.named_parameters()
    except Exception:  # something else that has a method of that name
        return


def _things(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A variable, and what stands in it if it is a short list or a dict."""
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in list(value.items())[:100])
    elif isinstance(value, (list, tuple)):
        yield from ((f"{name}_{i}", item) for i, item in enumerate(value[:100]))
    else:
        yield name, value


def _argument(graph: Graph, edge: Edge) -> str:
    """The ``0.weight`` of a parameter that a layer's operation calls weight."""
    target = graph.vertices[edge.target]
    name = dict(enumerate(target.argument_names)).get(edge.position, "")
    if graph.vertices[edge.source].kind != "parameter" or name not in ("weight", "bias"):
        return ""
    path = getattr(target.module, "path", "")
    return f"{path}.{name}" if path else name


def symbols(
    graph: Graph, names: Mapping[int, str], given: Mapping[int, str] | None = None
) -> dict[int, str]:
    """The LaTeX symbol of every vertex: of its name, else ``v_1``, ``v_2``, ... in order.

    The output is L unless something else is; a number stands for itself. ``given`` are symbols
    that some have already, in another form of the same graph.
    """
    found = dict(given or {})
    taken = set(found.values())
    every = frozenset(names.values())
    named_symbols = {_symbol(name, every) for name in every}
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def free(letter: str) -> str:
        those = (f"{letter}_{{{n}}}" for n in numbers[letter])
        return next(new for new in those if new not in named_symbols and new not in taken)

    for vertex in graph.vertices:
        if vertex.id in found:
            continue
        name = names.get(vertex.id)
        is_number = vertex.kind == "constant" and not vertex.shape
        if is_number and not name:
            found[vertex.id] = numeral(vertex.value.item())
            continue
        is_output = vertex.id == graph.output and vertex.kind == "operation"
        is_loss = name in LOSSES or (not name and not vertex.shape)
        if is_output and is_loss and "L" not in named_symbols:
            new = "L"
        elif name:
            new = _symbol(name, every)
            if new in taken and not is_number:  # W1 and W_1, weight and W; N may stand twice
                new = rf"\text{{{escaped(name)}}}"
        else:
            letter = {"parameter": r"\theta", "input": "x", "constant": "c"}
            new = free(letter.get(vertex.kind, "v"))
        found[vertex.id] = new
        taken.add(new)
    return found


def _symbol(name: str, names: frozenset[str]) -> str:
    """The symbol of a name; of the second x, x with a number above."""
    base, _space, number = name.rpartition(" ")
    if number.startswith("(") and number.endswith(")") and base in names:
        return f"{{{symbol(base)}}}^{{{number}}}"
    return symbol(name)


def numeral(x: Any) -> str:
    """A number in LaTeX."""
    if not np.isfinite(x):
        return r"\text{nan}" if np.isnan(x) else r"-\infty" if x < 0 else r"\infty"
    if isinstance(x, (bool, np.bool_)):
        return str(int(x))
    text = f"{x:.6g}"
    mantissa, e, power = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if e else mantissa


def derivative(output: str, of: str) -> str:
    r"""``\frac{\partial L}{\partial x}``."""
    return rf"\frac{{\partial {output}}}{{\partial {of}}}"


def is_leaf(vertex: Vertex) -> bool:
    """Whether no operation made it."""
    return vertex.kind in ("parameter", "input", "constant")


def kind_word(leaf: Vertex) -> str:
    """What a value that no operation made is called."""
    words = {"parameter": _("parameter"), "input": _("input"), "constant": _("constant")}
    return words[leaf.kind]
