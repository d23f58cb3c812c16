"""What is known of one operation, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..kernels import Array
from .guards.examples import Draw

Closure = Callable[..., Any]

# Every operation by name, helpers that are only an adjoint included.
registry: dict[str, Operation] = {}


class Operation:
    """What is known of one operation.

    Attributes
    ----------
    name : str
        Its name in the library.
    latex : str
        Its definition.
    function : callable
        The public function.
    parameters : tuple of str
        The names of its arguments.
    numpy : tuple of callable
        The NumPy functions that it answers.
    room : str
        The file of ``ops/`` in which it stands.
    needs_inputs : bool
        Whether its closures get its array arguments, besides ``g`` and ``y``.
    aliases : dict
        Other names of its arguments, such as NumPy's, and ours.
    composed : bool
        Whether it is made of other operations, which are recorded in its place.
    """

    __slots__ = (
        "aliases", "arrays", "body", "captures", "composed", "defaults", "examples", "function",
        "latex", "method", "name", "needs_inputs", "numpy", "parameters", "room", "shared",
        "variadic",
    )  # fmt: skip

    def __init__(self, body: Callable[..., Any], latex: str, **declared: Any) -> None:
        plain = getattr(body, "__wrapped__", body)
        code = plain.__code__
        self.body = body
        self.name: str = declared["name"] or body.__name__
        self.latex = latex
        self.aliases: dict[str, str] = declared["aliases"]
        self.composed: bool = declared["composed"]
        self.needs_inputs: bool = declared["needs_inputs"]
        self.numpy: tuple[Any, ...] = declared["numpy"]
        self.examples: Callable[[Draw], list[Any]] | None = declared["examples"]
        self.method: bool = declared["method"] and not self.name.startswith("_")
        self.room = (body.__module__ or "").rpartition(".")[2]
        self.parameters = code.co_varnames[: code.co_argcount]
        self.defaults = dict(
            zip(self.parameters[::-1], (plain.__defaults__ or ())[::-1], strict=False)
        )
        self.variadic = (
            code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
            if code.co_flags & 0x04
            else None
        )
        self.arrays = frozenset(
            name
            for name, kind in body.__annotations__.items()
            if kind in ("Array", "Array | None", Array)
        )
        self.function: Callable[..., Any] = body
        # Whether closures may capture something: they share a variable with the body.
        self.captures = bool(code.co_cellvars or body.__closure__)
        self.shared: list[tuple[Closure | None, ...]] = []

    def __repr__(self) -> str:
        return f"<operation {self.name}: {self.latex}>"

    def lean(self, closures: tuple[Closure | None, ...]) -> tuple[Closure | None, ...]:
        """The closures; one and the same tuple for all calls where none captures anything.

        So a recorded ``x * y`` owns neither functions nor a tuple of them: fewer bytes per
        node, and fewer objects for the garbage collector to visit.
        """
        if self.captures:
            return closures
        for known in self.shared:
            if len(known) == len(closures):
                i = 0  # counted by hand: enumerate and zip cost 0.1 us more
                for closure in closures:
                    other = known[i]
                    if closure is not other and (
                        closure.__class__ is not FunctionType
                        or other is None
                        or closure.__code__ is not other.__code__
                    ):
                        break
                    i += 1  # noqa: SIM113
                else:
                    return known
        if not any(closure and _captures(closure) for closure in closures):
            self.shared.append(closures)
        return closures

    def parameter(self, position: int) -> str:
        """The name of the argument at a position."""
        if position < len(self.parameters):
            return self.parameters[position]
        return self.variadic or f"argument {position}"

    def samples(self, seed: int = 0) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The declared example calls, as (arguments, keywords)."""
        if self.examples is None:
            return []
        calls = []
        for example in self.examples(Draw(seed)):
            example = example if isinstance(example, tuple) else (example,)
            keywords = example[-1] if isinstance(example[-1], dict) else {}
            calls.append((example[:-1] if keywords else example, keywords))
        return calls


def _captures(closure: Any) -> bool:
    """Whether a closure holds something of its own, as far as can be seen."""
    plain = closure.__class__ is FunctionType
    return not plain or bool(closure.__closure__ or closure.__defaults__ or closure.__kwdefaults__)
