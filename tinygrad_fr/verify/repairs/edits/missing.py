"""Lines that are forgotten: labels, masks, a path of a value, what a loop carries."""

import ast
import re
from collections.abc import Iterator

from .places import ends_in_common, is_read, place_of
from .table import Changes, Spot, fits, of_statements


@of_statements("missing_factor", "off_by_one_class", "missing_branch", "scale", cost=1.5)
def inserted_line(at: Spot) -> Iterator[Changes]:
    """A line that is forgotten behind this one: ``dz /= m``, ``dz[range(m), y] -= 1``."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not is_read(target):
        return
    while isinstance(target, ast.Subscript) and isinstance(node, ast.AugAssign):
        target = target.value
    name, text = at.text(target), at.text(node)
    value = at.scope.get(name) if isinstance(node, ast.AugAssign) else at.seen.get(node.value)
    if value is None:
        return
    lines = [f"{name} /= {n}" for n in (*at.sizes(), *at.numbers())]
    lines += [f"{name} *= {n}" for n in at.numbers()]
    for other, v in at.scope.items():
        if v.kind in "fb" and v.shape and value.shape and fits(value.shape, v.shape):
            lines += [f"{name} *= {other}", f"{name} *= {other} > 0"]
            if v.shape == value.shape and v.kind == "f":
                lines += [f"{name}[{other} <= 0] = 0", f"{name} += {other}"]
    if isinstance(node, ast.Assign) and is_read(node.value):  # the array is somebody else's, too
        lines = [re.sub(r"^(\S+) ([*/+])= (.*)$", r"\1 = \1 \2 (\3)", line) for line in lines]
    yield from (((node, f"{text}\n{line}"),) for line in lines)


@of_statements("missing_branch", "missing_factor", "off_by_one_class", cost=0.7)
def label(at: Spot) -> Iterator[Changes]:
    """The labels that are forgotten: ``dz[np.arange(m), y] -= 1``."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = at.scope.get(at.text(target)) if isinstance(node, ast.AugAssign) else at.seen.get(
        node.value)  # fmt: skip
    if value is None or not value.shape or not isinstance(target, (ast.Name, ast.Attribute)):
        return
    name, text = at.text(target), at.text(node)
    rows = [t for t, v in at.scope.items() if v.kind == "f" and v.shape == value.shape[:1]]
    for other, v in at.scope.items():
        if v.kind == "i" and v.shape == value.shape[:1] and len(value.shape) == 2:
            where = f"{name}[np.arange(len({other})), {other}]"
            yield from (((node, f"{text}\n{where} -= {by}"),) for by in ("1", *rows))
        if v.kind == "i" and not v.shape and ".shape" not in other and (
            "[" in other or len(value.shape) == 1
        ):  # fmt: skip
            yield ((node, f"{text}\n{name}[{other}] -= 1"),)


@of_statements("missing_factor", "missing_branch", cost=0.4)
def use_of_a_name(at: Spot) -> Iterator[Changes]:
    """What a line makes and no other reads, put to its use: ``dz *= mask``."""
    node = at.node
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return
    name, made = node.targets[0].id, at.seen.get(node.value)
    if name not in at.unused or made is None:
        return
    labels = [(t, v.shape) for t, v in at.scope.items() if v.kind == "i" and len(v.shape) == 1]
    for other, v in at.scope.items():
        if not v.shape or v.kind != "f" or not re.match(r"(self\.)?_*(d|grad|delta)", other):
            continue
        forms = (
            ["{} *= {}", "{} -= {}", "{} += {}", "{} /= {}"] if fits(v.shape, made.shape) else []
        )
        forms += [f"{{}}[np.arange(len({y})), {y}] {s}= {{}}" for y, shape in labels for s in "-+"
                  if len(v.shape) == 2 and shape == v.shape[:1] == made.shape]  # fmt: skip
        yield from (((node, f"{at.text(node)}\n{form.format(other, name)}"),) for form in forms)


@of_statements("missing_branch", "wrong_variable", "overwritten", cost=1.4, anywhere=True)
def sibling(at: Spot) -> Iterator[Changes]:
    """The line again with other names, ``q`` for ``k`` everywhere: beside it, or in its place."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    text = at.text(node)
    own = list(dict.fromkeys(at.text(n) for n in ast.walk(node) if is_read(n) and (
        at.text(n) in at.scope)))  # fmt: skip
    done = set[str]()
    for a in own:
        for b in at.scope:
            x, y = _core(a, b)
            if not x or not y or max(len(x), len(y)) > 3:
                continue
            other = text
            for name in sorted(own, key=len, reverse=True):
                for new in dict.fromkeys((name.replace(x, y), _last(name, x, y))):
                    if new != name and new in at.scope:
                        other = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", new, other)
                        break
            if other != text and other not in done:
                done.add(other)
                yield ((node, f"{text}\n{other}"),)
                yield ((node, other),)
                for plus, minus in (("+=", "-="), ("-=", "+=")):
                    if plus in other:
                        yield ((node, f"{text}\n{other.replace(plus, minus)}"),)


def _core(a: str, b: str) -> tuple[str, str]:
    """What differs between two names, a common beginning and a common end aside."""
    i, j = ends_in_common(a, b)
    return a[i : len(a) - j], b[i : len(b) - j]


def _last(name: str, x: str, y: str) -> str:
    """A name with the last ``x`` in it replaced, whatever its case."""
    k = name.lower().rfind(x.lower())
    if k < 0:
        return name
    new = y.upper() if name[k : k + len(x)].isupper() else y.lower()
    return name[:k] + new + name[k + len(x) :]


@of_statements("missing_branch", "overwritten", "updated_too_early", cost=0.2)
def carried(at: Spot) -> Iterator[Changes]:
    """What a loop carries from step to step, and this one never renews: ``dh_next = ...``."""
    block, _k = place_of(at)
    outer = at.parent(at.node)
    if block is None or not isinstance(outer, ast.For) or block[-1] is not at.node:
        return
    stored = {at.text(n) for n in ast.walk(outer) if is_read(n) and isinstance(
        getattr(n, "ctx", None), ast.Store)}  # fmt: skip
    names = [n for s in block for n in ast.walk(s) if isinstance(n, ast.Name)]
    loaded = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    read = {name for name in loaded - stored if re.match(r"d|grad|delta", name)}
    for name in sorted(read):
        value = at.scope.get(name)
        if value is None or not value.shape or value.kind != "f":
            continue
        text = at.text(at.node)
        for other, v in at.scope.items():
            if v.kind == "f" and v.shape == value.shape and other != name:
                yield ((at.node, f"{text}\n{name} = {other}"),)
        for product in _products(at, value.shape, stored):
            yield ((at.node, f"{text}\n{name} = {product}"),)


def _products(at: Spot, shape: tuple[int, ...], made: set[str]) -> Iterator[str]:
    """Matrix products of a shape, of a matrix and of something that this block makes."""
    matrices = [(t, v.shape) for t, v in at.scope.items() if len(v.shape) == 2 and v.kind == "f"]
    for g, s in ((t, v.shape) for t, v in at.scope.items() if t in made and v.kind == "f"):
        for w, (rows, columns) in matrices:
            if w == g or w.endswith(".T"):
                continue
            if len(s) == 2 and len(shape) == 2:
                for left, right, i, j, k, m in (
                    (g, w, s[0], s[1], rows, columns), (g, f"{w}.T", s[0], s[1], columns, rows),
                    (w, g, rows, columns, s[0], s[1]), (f"{w}.T", g, columns, rows, s[0], s[1]),
                ):  # fmt: skip
                    if j == k and (i, m) == shape:
                        yield f"{left} @ {right}"
            elif len(s) == 1 and len(shape) == 1:
                if s[0] == rows and columns == shape[0]:
                    yield f"{g} @ {w}"
                if s[0] == columns and rows == shape[0]:
                    yield f"{w} @ {g}"


@of_statements("missing_branch", "wrong_local_derivative", cost=1.1)
def terms_and_path(at: Spot) -> Iterator[Changes]:
    """A product added to what is there: another path of the same value."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    value = at.seen.get(node.value)
    if value is None or len(value.shape) not in (1, 2):
        return
    made = {t for t, v in at.scope.items() if re.match(r"d|grad|delta", t) and v.shape}
    for product in _products(at, value.shape, made):
        yield ((node.value, f"{at.text(node.value)} + {product}"),)
