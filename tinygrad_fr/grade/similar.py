"""Copies with much the same code: a list for the teacher, never a mark."""

import ast
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from .submissions import Submission

# Nodes in a row that are compared, the part of them that is suspicious, the fewest of them, and the
# part where there are as few as a third of that.
_LENGTH, _MUCH, _FEWEST, _NEARLY_ALL = 12, 0.8, 60, 0.95


def similar(copies: Sequence[Submission]) -> list[dict[str, Any]]:
    """Pairs of copies that share most of their code, names and comments aside."""
    pieces = [_pieces(copy) for copy in copies]
    shared = set[int]()
    for one in pieces:  # what most have is the template's, or the course's
        shared |= {p for p in one if sum(p in other for other in pieces) > max(3, len(copies) / 3)}
    found = []
    for a, b in combinations(range(len(copies)), 2):
        one, other = pieces[a] - shared, pieces[b] - shared
        least = min(len(one), len(other))
        much = _MUCH if least >= _FEWEST else _NEARLY_ALL
        if least >= _FEWEST // 3 and len(one & other) >= much * least:
            share = round(len(one & other) / least, 3)
            found.append({"copies": [copies[a].name, copies[b].name], "share": share})
    return sorted(found, key=lambda pair: -float(pair["share"]))


def _pieces(copy: Submission) -> set[int]:
    """All runs of so many nodes of the trees, by their kinds and operators."""
    found = set[int]()
    for tree in copy.trees():
        kinds = [type(n).__name__ for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]
        found |= {hash(tuple(kinds[k : k + _LENGTH])) for k in range(len(kinds) - _LENGTH)}
    return found
