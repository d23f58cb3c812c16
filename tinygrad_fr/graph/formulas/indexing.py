"""What an index picks, and how it is written: the ``[2]`` of ``out[2]``."""

from typing import Any

import numpy as np

from ..recorded.extract import Graph, Vertex
from . import escaped

LONGEST = 6  # entries of an array of indices that are written out


def index_of(vertex: Vertex, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The index by which ``getitem`` or ``take`` picks from a value of that shape, as a tuple.

    None for another operation, and where there is nothing to pick from.
    """
    if vertex.operation == "getitem":
        index = vertex.static["index"]
        return tuple(index) if isinstance(index, tuple) else (index,)
    if vertex.operation != "take":
        return None
    axis, positions = vertex.static.get("axis"), np.asarray(vertex.static["indices"])
    if not shape or 0 in shape:
        return None
    if axis is None and len(shape) > 1:  # it counts through all axes
        return np.unravel_index(positions % int(np.prod(shape)), shape)
    if axis is None:
        return (positions,)
    return (slice(None),) * (int(axis) % len(shape)) + (positions,)


def numbers(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The place of the single entry that an index picks, from 0 on; None if it picks more."""
    if not shape or len(index) != len(shape) or not all(map(_is_whole, index)):
        return None
    return tuple(int(part) % n for part, n in zip(index, shape, strict=True))


def written(index: tuple[Any, ...]) -> str:
    r"""An index in LaTeX, as NumPy takes it; long arrays are shortened.

    >>> written((2,)), written((slice(None), 0))
    ('2', '\\text{:, 0}')
    """
    if index and all(map(_is_whole, index)):
        return ", ".join(str(int(part)) for part in index)
    words = ", ".join(map(_part, index)) if index else "()"
    return rf"\text{{{escaped(words)}}}"


def shown_index(graph: Graph, vertex: Vertex) -> str:
    """The index of a vertex of a graph in LaTeX; empty where it picks nothing."""
    source = graph.inputs(vertex.id).get(0)
    if vertex.kind != "operation" or source is None:
        return ""
    index = index_of(vertex, graph.vertices[source].shape)
    return "" if index is None else written(index)


def _is_whole(part: Any) -> bool:
    kind = np.asarray(part).dtype.kind if np.ndim(part) == 0 else ""
    return kind in ("i", "u") and not isinstance(part, slice)


def _part(part: Any) -> str:
    if isinstance(part, slice):
        ends = ("" if end is None else str(end) for end in (part.start, part.stop, part.step))
        return ":".join(ends) if part.step is not None else f"{next(ends)}:{next(ends)}"
    if part is Ellipsis:
        return "..."
    if not isinstance(part, (list, np.ndarray)):
        return str(part)
    array = np.asarray(part)
    if array.ndim > 1:
        return f"{array.dtype} {array.shape}"
    if not array.ndim:
        return str(array.item())
    entries = [str(x) for x in array.tolist()]
    if len(entries) > LONGEST:
        entries = [*entries[: LONGEST - 3], "…", entries[-1]]
    return f"[{', '.join(entries)}]"
