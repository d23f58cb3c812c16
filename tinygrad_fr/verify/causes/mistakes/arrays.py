"""Mistakes that can be seen on the array alone."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ....report import joined
from ...truth.comparison import close
from ..case import Case, Mistake
from ..factors import is_plain, names_of
from .table import mistake


@mistake("transpose")
def axes_swapped(case: Case) -> Iterator[Mistake]:
    text = _("your gradient is the transpose of the right one: a transposition is missing")
    for axes in _orders(case.true.ndim):
        yield Mistake(case.true.transpose(axes), text, {"axes": axes})


@mistake("not_summed")
def not_summed(case: Case) -> Iterator[Mistake]:
    for axes, total in sums(case.hand, case.true.shape):
        if case.close(total, case.true):
            yield Mistake(
                case.hand,
                _("a sum is missing: add up your gradient along {axes}", axes=word(axes)),
                {"axis": axes},
            )


@mistake("not_summed")
def not_summed_nor_reshaped(case: Case) -> Iterator[Mistake]:
    """The gradient of an input that the layer flattens: ``w * dt`` in place of ``w @ dt``."""
    hand, shape = case.hand, case.true.shape
    for axes in axes_of(min(hand.ndim, 5)):
        total = hand.sum(axes)
        flattened = total.size == case.true.size < hand.size and total.shape != shape
        if flattened and case.close(total.reshape(shape), case.true):
            words = _(
                "a sum is missing: add up your gradient along {axes}, "
                "then give it the shape {shape}",
                axes=word(axes),
                shape=shape,
            )
            yield Mistake(hand, words, {"axis": axes})


def sums(array: Array, shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Array]]:
    """The sums of an array along some of its axes that have a given shape."""
    if array.size <= math.prod(shape) or array.ndim > 5:
        return
    for axes in sorted(axes_of(array.ndim), key=lambda axes: (len(axes), axes)):
        for keep in (False, True):
            total = array.sum(axes, keepdims=keep)
            if total.shape == shape:
                yield axes, total


def word(axes: tuple[int, ...]) -> str:
    """Axes in words."""
    if len(axes) == 1:
        return _("axis {axis}", axis=axes[0])
    return _("the axes {axes}", axes=", ".join(map(str, axes)))


def axes_of(ndim: int) -> list[tuple[int, ...]]:
    """All non-empty sets of axes."""
    return [tuple(a for a in range(ndim) if bits >> a & 1) for bits in range(1, 2**ndim)]


@mistake("shifted")
def moved_by_pixels(case: Case) -> Iterator[Mistake]:
    if case.true.ndim < 2:
        return
    for plane in {(-2, -1), (0, 1), (1, 2)}:
        if len({axis % case.true.ndim for axis in plane}) < 2 or max(plane) >= case.true.ndim:
            continue
        for dy, dx in itertools.product(range(-2, 3), repeat=2):
            bands = (_entering(case.true.ndim, *by) for by in ((dy, plane[0]), (dx, plane[1])))
            if case.hand.shape == case.true.shape and any(np.any(case.hand[b]) for b in bands):
                continue  # no zeros have entered there: it was not moved
            moved = shifted(shifted(case.true, dy, plane[0]), dx, plane[1])
            if (dy or dx) and np.any(moved):
                yield Mistake(
                    moved,
                    _(
                        "your gradient is the right one, moved by {dy} rows and {dx} columns",
                        dy=dy,
                        dx=dx,
                    ),
                    {"rows": dy, "columns": dx},
                )


def shifted(array: Array, by: int, axis: int) -> Array:
    """The array moved along an axis, zeros entering."""
    moved = np.roll(array, by, axis)
    moved[_entering(array.ndim, by, axis)] = 0
    return moved


def _entering(ndim: int, by: int, axis: int) -> tuple[slice, ...]:
    """Where an array that is moved along an axis gets new entries."""
    edge = [slice(None)] * ndim
    edge[axis] = slice(0, by) if by >= 0 else slice(by, None)
    return tuple(edge)


@mistake("permuted")
def another_order(case: Case) -> Iterator[Mistake]:
    true, hand = case.true, case.hand
    if true.size != hand.size or true.size < 2:
        return
    # Sorted, the entries must be the same, up to the sign or factor of a second mistake.
    ours, theirs = (np.sort(np.abs(a), None) / np.linalg.norm(a) for a in (true, hand))
    if not close(ours, theirs, 2 * case.rtol):
        return
    if hand.shape != true.shape and case.close(hand.reshape(true.shape), true):
        return  # flattened, or axes of length 1 too many or too few: a matter of shape
    text = _("the values are the right ones in another order: {order}")
    for shape in _layouts(case):
        laid_out = true.reshape(shape)
        for axes in _orders(len(shape)):
            before, after = tuple(shape[a] for a in axes), tuple(shape)
            order = _("axes {before} in place of {after}", before=before, after=after)
            words, layout = text.format(order=order), {"shape": shape, "axes": axes}
            if shape != true.shape or before != hand.shape:  # else: the transpose
                yield Mistake(laid_out.transpose(axes).reshape(hand.shape), words, layout)
            other = laid_out.reshape(before).transpose(np.argsort(axes))
            yield Mistake(other.reshape(hand.shape), words, layout)
    if true.ndim != 2 or hand.shape != true.shape[::-1]:  # else: the transpose
        words = text.format(order=_("column by column"))
        yield Mistake(true.ravel("F").reshape(hand.shape), words, {"order": "F"})
    if hand.shape == true.shape:
        for axis in range(true.ndim):
            found = _shuffle(case, axis)
            if found:
                order = _("along axis {axis}", axis=axis)
                detail = {"axis": axis, "order": found}
                yield Mistake(hand, text.format(order=order), detail, fitted=True)
    same_values = close(np.sort(true.ravel()), np.sort(hand.ravel()), case.rtol)
    if same_values and len(np.unique(true)) > 3:
        yield Mistake(hand, text.format(order=_("unknown")), {}, fitted=True)


def _layouts(case: Case) -> list[tuple[int, ...]]:
    """Shapes in which the entries may have been laid out: the values before a reshape."""
    shapes = {case.true.shape, case.hand.shape}
    for x in case.values.values():
        for lead in (0, 1):
            inner = np.shape(x)[lead:]
            if 1 < len(inner) < 5:
                shapes.add(inner)
    if case.tape is not None:
        shapes.update(node.shape for node in case.tape.nodes[-100:] if node.ndim < 5)
    n = case.true.size
    fitting = [shape for shape in shapes if math.prod(shape) == n and len(shape) > 1]
    # A flattened batch keeps its rows, a dense layer its columns.
    for shape in shapes:
        size = math.prod(shape)
        if len(shape) > 1 and 1 < size < n and n % size == 0:
            fitting += [(n // size, *shape), (*shape, n // size)]
    return sorted(set(fitting), key=lambda shape: (len(shape), shape))


def _shuffle(case: Case, axis: int) -> list[int]:
    """The order of the slices along an axis; empty if they are not a permutation."""
    true, hand = (np.moveaxis(a, axis, 0) for a in (case.true, case.hand))
    if not 2 < len(true) <= 100 or true[0].size < 2:
        return []
    order = []
    for row in hand:
        matches = [i for i, other in enumerate(true) if case.close(row, other)]
        if len(matches) != 1:
            return []
        order.append(matches[0])
    return order if sorted(order) == list(range(len(true))) else []


def _orders(ndim: int) -> list[tuple[int, ...]]:
    """All orders of the axes but the identity, the reversed one first."""
    if not 2 <= ndim <= 4:
        return []
    orders = list(itertools.permutations(range(ndim)))[1:]
    return sorted(orders, key=lambda axes: axes != tuple(reversed(range(ndim))))


@mistake("sign", subsets=True)
def sign(case: Case) -> Iterator[Mistake]:
    yield Mistake(-case.true, _("the sign is reversed"))


@mistake("scale")
def scale(case: Case) -> Iterator[Mistake]:
    factor = ratio(case.hand, case.true)
    if factor is None or factor <= 0 or abs(factor - 1) <= case.rtol:
        return
    for name in names_of(case, factor) or [""]:
        detail = {"factor": factor, "equals": name} if name else {"factor": factor}
        # A number that nothing in the computation has comes after what needs none.
        fitted = not name or (is_plain(name) and name not in ("2", "1/2"))
        yield Mistake(factor * case.true, scale_text(factor, name), detail, fitted=fitted)


def ratio(hand: Array, true: Array) -> float | None:
    """The factor between two arrays in the least squares sense; None if there is none."""
    if hand.shape != true.shape or not np.any(true) or not np.isfinite(hand).all():
        return None
    size = float(np.abs(true).max())
    return float((hand * (true / size)).sum() / ((true / size) ** 2).sum() / size)


def scale_text(factor: float, name: str = "") -> str:
    """A factor in words."""
    known = name and not is_plain(name)
    equals = f"{name} = {factor:.6g}" if known else name or f"{factor:.6g}"
    if factor > 1:
        text = _("your gradient is {equals} times too large")
    else:
        text = _("your gradient is {equals} times the right one: too small")
    hints = {
        "N": _("the loss takes the mean over the batch and you the sum"),
        "1/N": _(
            "you divide by the number of examples once too often, or the mean belongs to the loss"
        ),
        "1/2": _("check the derivative of a square: (x^2)' = 2x"),
        # These stand for their inverses as well.
        "ln 10": _("the natural logarithm and log10 are mixed up"),
        "S": _("S, the sum of the exponentials: check its power in the derivative of softmax"),
        "ln 2": _("the natural logarithm and log2 are mixed up"),
    }
    hint = hints.get(name) or hints.get(name.removeprefix("1/"))
    return text.format(equals=equals) + (f" ({hint})" if hint else "")


@mistake("zero", subsets=True)
def zero(case: Case) -> Iterator[Mistake]:
    text = _("your gradient is zero where the right one is not")
    size = float(np.abs(case.true).max(initial=0.0))
    if size and case.hand.size and (np.abs(case.hand) <= 1e-9 * size).all():
        if case.hand.shape != case.true.shape:
            shapes = {"hand": case.hand.shape, "expected": case.true.shape}
            text = joined(text, _("the shape is {hand} instead of {expected}").format(**shapes))
        if case.true.size > 1 and abs(float(case.true.sum())) <= 1e-9 * size:
            hint = _("the entries of the right one add up to zero: did you add up all of them?")
            text = joined(text, hint)
        yield Mistake(case.hand, text)
    else:
        yield Mistake(np.zeros_like(case.true), text)


@mistake("constant_offset")
def constant_offset(case: Case) -> Iterator[Mistake]:
    if case.hand.shape == case.true.shape and case.true.size > 1:
        offset = float(np.mean(case.hand - case.true))
        if offset and np.ptp(case.true) > 0:
            text = _("your gradient is the right one plus {offset:.6g}", offset=offset)
            yield Mistake(case.true + offset, text, {"offset": offset}, fitted=True)


@mistake("truncated")
def truncated(case: Case) -> Iterator[Mistake]:
    if not np.array_equal(case.hand, np.rint(case.hand)):
        return
    text = _("the decimals are lost: the array holds integers")
    if np.any(np.trunc(case.true)) or np.any(case.hand):
        yield Mistake(np.trunc(case.true), text)
    whole = case.true.astype(np.int64)
    yield Mistake((whole % 256).astype(float), _("the values wrap around: the array is uint8"))


@mistake("non_finite")
def non_finite(case: Case) -> Iterator[Mistake]:
    if np.isfinite(case.hand).all() or not np.isfinite(case.true).all():
        return
    count = int((~np.isfinite(case.hand)).sum())
    words = _(
        "NaN or infinite values where the right ones are finite ({count}): look for exp without "
        "the maximum taken away, log(0), 0 * inf or a division by zero",
        count=count,
    )
    yield Mistake(case.hand, words, {"count": count})


def _gradients_equal_to(case: Case) -> list[str]:
    """The named values whose gradient the hand gradient is."""
    tape = case.the_tape
    return [
        tape.label(i) for i, g in case.gradients.items()
        if tape.nodes[i]._name is not None and case.close(case.hand, g)
    ]  # fmt: skip


@mistake("wrong_shape")
def wrong_shape(case: Case) -> Iterator[Mistake]:
    hand, true = case.hand, case.true
    if hand.shape == true.shape:
        return
    shapes: dict[str, Any] = {"hand": hand.shape, "expected": true.shape}
    if hand.size == true.size and case.close(hand.reshape(true.shape), true):
        text = _("the values are right, but the shape is {hand} instead of {expected}: reshape it")
        if case.close(hand.squeeze(), true.squeeze()):
            text = _(
                "the values are right, but the shape is {hand} instead of {expected} (keepdims?)"
            )
    elif true.ndim == 2 and 1 in true.shape and hand.shape == (true.size,) * 2:
        text = _(
            "the shape is {hand} instead of {expected}: an array of shape ({n},) and one of shape "
            "({n}, 1) were broadcast against each other"
        )
    else:
        text = _("the shape is {hand} instead of {expected}")
        others = [] if case.tape is None else _gradients_equal_to(case)
        if case.name == "jacobian" and case.close(hand, np.diagonal(true)):
            text = _("this is the diagonal of the Jacobian: write it as a matrix, np.diag(...)")
        elif others and case.name != "jacobian":
            text = _("the shape is {hand} instead of {expected}: this is the gradient of {other}")
            shapes["other"] = others[0]
    yield Mistake(hand, text.format(**shapes, n=true.size), shapes)
