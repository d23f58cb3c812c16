"""Attention: a mean of values, weighted by how well their keys answer a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import composed
from ..autograd.tensor import Tensor
from ..errors import DTypeError, ShapeError
from ..kernels import Array
from .activations import softmax
from .dropout import dropout
from .selection import where


@composed(
    r"Y = \operatorname{softmax}\left(\frac{Q K^{\top}}{\sqrt d}\right) V",
    examples=lambda draw: [
        (draw(3, 4), draw(5, 4), draw(5, 2)), (draw(2, 3, 4), draw(2, 3, 4), draw(2, 3, 4)),
        (draw(2, 2, 3, 4), draw(2, 2, 3, 4), draw(2, 2, 3, 4), {"is_causal": True}),
        (draw(3, 4), draw(3, 4), draw(3, 2), np.eye(3) + np.eye(3)[::-1] > 0, {"scale": 1.0}),
    ],
)  # fmt: skip
def scaled_dot_product_attention(
    query: Array, key: Array, value: Array, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None,
):  # fmt: skip
    r"""For each query, the mean of the values, weighted by a softmax over the keys.

    Parameters
    ----------
    query, key, value
        (..., L, d), (..., S, d) and (..., S, D).
    attn_mask
        (..., L, S), broadcast: booleans, True where a query may look at a key; or numbers that are
        added to the products, :math:`-\infty` where it may not.
    dropout_p
        The probability with which a weight becomes 0.
    is_causal
        Whether a query looks only at keys that do not come after it.
    scale
        The factor of the products, :math:`1 / \sqrt d` if None.

    Returns
    -------
    (..., L, D)

    Raises
    ------
    ShapeError
        If the axes do not align, or a mask does not fit.

    Notes
    -----
    A query that may look at no key gets zeros, as in PyTorch.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, equation 1.

    Examples
    --------
    >>> scaled_dot_product_attention([[0.0]], [[1.0], [2.0]], [[3.0], [5.0]])
    array([[4.]])
    """
    causal = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if is_causal else None
    masks = [attn_mask, causal]
    weights = attention_weights(query, key, masks, scale)
    if value.ndim < 2 or value.shape[-2] != key.shape[-2]:
        raise ShapeError(
            "there is a value for each key: {k} and {v} differ on the last axis but one",
            k=key.shape, v=value.shape,
        )  # fmt: skip
    return (dropout(weights, dropout_p) if dropout_p else weights) @ value


def attention_weights(query: Any, key: Any, masks: list[Any], scale: float | None = None) -> Any:
    """The weights (..., L, S) of attention: each row a softmax, or 0 where all is hidden."""
    if query.ndim < 2 or key.ndim < 2 or query.shape[-1] != key.shape[-1]:
        raise ShapeError(
            "the queries {q} and the keys {k} have the axes (..., places, d), with the same d",
            q=query.shape, k=key.shape,
        )  # fmt: skip
    # The queries are fewer numbers than the products.
    factor = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    scores = (query * factor) @ key.swapaxes(-1, -2)
    hidden: Any = None
    for mask in masks:
        if mask is not None:
            out_of_sight, added = _parts(mask, scores)
            hidden = out_of_sight if hidden is None else hidden | out_of_sight
            scores = scores if added is None else scores + added
    given = isinstance(hidden, Tensor)  # an input, which may hide others the next time
    if hidden is None or (not given and not hidden.any()):
        return softmax(scores)
    # No infinity, which would stop tg.debug; a softmax of the least number is exactly 0, too.
    weights = softmax(where(hidden, np.finfo(scores.dtype).min, scores))
    seen = ~hidden.all(-1, keepdims=True)
    return weights if not given and seen.all() else weights * seen.astype(weights.dtype)


def _parts(mask: Any, scores: Any) -> tuple[Any, Any]:
    """What a mask hides, and what it adds to the products; a Tensor's numbers may be learned."""
    numbers = np.asarray(getattr(mask, "_array", mask), like=getattr(scores, "_array", scores))
    if numbers.dtype.kind not in "fb":
        raise DTypeError(
            "a mask is of booleans or of floating numbers, not {dtype}", dtype=numbers.dtype
        )
    try:
        np.broadcast_to(numbers, scores.shape)
    except ValueError:
        raise ShapeError(
            "a mask {mask} does not fit the axes (..., queries, keys) of the products, {shape}",
            mask=numbers.shape, shape=scores.shape,
        ) from None  # fmt: skip
    learned = isinstance(mask, Tensor) and mask.requires_grad
    given = isinstance(mask, Tensor) and not learned  # stays a Tensor, as an input of a graph
    x = mask if given else numbers
    if numbers.dtype.kind == "b":
        return ~x, None
    endless, mask = x == -np.inf, mask if learned else x.astype(scores.dtype)
    if not given and endless.all():
        return endless, None
    return endless, where(endless, 0.0, mask) if given or endless.any() else mask
