"""Write the type stubs that the registry gives: ``python tests/stubs.py``.

``tinygrad_fr/ops/__init__.pyi`` has the public functions, ``tinygrad_fr/autograd/methods.pyi`` the
methods and operators of Tensor. A test fails when they are not fresh.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import tinygrad_fr
from tinygrad_fr.autograd.operation import Operation, registry
from tinygrad_fr.autograd.tensor import Methods

PACKAGE = Path(tinygrad_fr.__file__).parent
HEADER = '''"""Generated from the registry of operations by tests/stubs.py. Do not edit."""

from collections.abc import Sequence
from typing import Any, TypeAlias, overload

from numpy.typing import ArrayLike

{imports}

Pair: TypeAlias = tuple[int, int]
Axis: TypeAlias = int | tuple[int, ...] | None
Arrays: TypeAlias = Sequence[Tensor | ArrayLike]
'''
KINDS = {
    "Array": "Tensor | ArrayLike",
    "Array | None": "Tensor | ArrayLike | None",
    "Sequence[Array]": "Arrays",
}


def parameters(operation: Operation, first: str | None = None) -> str:
    """The parameters of an operation; ``first`` replaces the type of the first, or its name."""
    parts = []
    for i, p in enumerate(inspect.signature(operation.body).parameters.values()):
        kind = KINDS.get(str(p.annotation), str(p.annotation))
        if i == 0 and first == "self":
            parts.append("self")
            continue
        if i == 0 and first:
            kind = first
        star = "*" if p.kind is p.VAR_POSITIONAL else ""
        if p.kind is p.KEYWORD_ONLY and not any(part[0] == "*" for part in parts):
            parts.append("*")
        default = "" if p.default is p.empty else f" = {p.default!r}"
        if star and kind == "int":
            kind = "int | Sequence[int] | None"
        parts.append(f"{star}{p.name}: {kind}{default}")
    return ", ".join(parts)


def result(operation: Operation) -> str:
    """What it gives for Tensors: one, or what its body says."""
    said = inspect.signature(operation.body).return_annotation
    return "Tensor" if said is inspect.Signature.empty else str(said).replace("Any", "Tensor")


def summary(operation: Operation) -> str:
    """The docstring's first line, as the body of the stub."""
    line = (operation.body.__doc__ or "").strip().splitlines()[0]
    return f'        """{line}"""'


def functions() -> str:
    """The stub of ``tinygrad_fr.ops``."""
    lines = [HEADER.format(imports="from ..autograd.tensor import Tensor")]
    names = []
    for name in sorted(tinygrad_fr.ops.__all__):
        operation = registry[name]
        names.append(name)
        first = next(iter(inspect.signature(operation.body).parameters.values()), None)
        kind = "" if first is None or name == "where" else str(first.annotation)
        if kind in ("Array", "Sequence[Array]"):
            lines.append("@overload")
            given = parameters(operation, kind.replace("Array", "Tensor"))
            lines.append(f"def {name}({given}) -> {result(operation)}: ...")
            lines.append("@overload")
        lines.append(f"def {name}({parameters(operation)}) -> Any: ...")
    lines.append(f"\n__all__ = {names!r}\n")
    return "\n".join(lines)


def methods() -> str:
    """The stub of the methods of Tensor."""
    lines = [
        HEADER.format(imports="from .engine import Node\nfrom .tensor import Tensor"),
        "class Methods(Node):",
    ]
    for name in sorted(vars(Methods)):
        function = getattr(Methods, name)
        operation = getattr(function, "operation", None)
        if operation is not None and not operation.body.__module__.startswith("tinygrad_fr."):
            continue  # a user's own
        if name == "__round__":
            lines.append("    def __round__(self, decimals: int = 0) -> Tensor: ...")
        elif name.startswith("__r") and name != "__repr__" and name not in {"__reduce__"}:
            given = "tuple[Tensor, Tensor]" if name == "__rdivmod__" else "Tensor"
            lines.append(f"    def {name}(self, other: Any) -> {given}: ...")
        elif operation is None:
            continue
        elif name.startswith("__"):
            rest = (
                "" if len(operation.parameters) < 2 and not operation.variadic else ", other: Any"
            )
            if name in {"__neg__", "__pos__", "__abs__", "__invert__"}:
                rest = ""
            ignore = "  # type: ignore[override]" if name in {"__eq__", "__ne__"} else ""
            lines.append(f"    def {name}(self{rest}) -> {result(operation)}: ...{ignore}")
        else:
            given = parameters(operation, "self")
            lines.append(f"    def {name}({given}) -> {result(operation)}:")
            lines.append(summary(operation))
    return "\n".join(lines) + "\n"


STUBS = {
    PACKAGE / "ops" / "__init__.pyi": functions,
    PACKAGE / "autograd" / "methods.pyi": methods,
}

if __name__ == "__main__":
    for path, generate in STUBS.items():
        path.write_text(generate(), encoding="utf-8")
        print(f"{path.relative_to(PACKAGE.parent)}: written")
