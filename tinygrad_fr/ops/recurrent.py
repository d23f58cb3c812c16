"""A long short-term memory over a whole sequence, as one operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..autograd.transforms import gradients
from ..errors import ShapeError
from ..kernels import Array
from ..kernels import recurrent as kernel
from ..kernels.once import Once
from ..kernels.stable import floating
from .activations import sigmoid
from .casting import copy, in_single
from .joining import concatenate, split, stack
from .trigonometry import tanh


@op(r"h_t, c_t = \operatorname{LSTM}(x_t, h_{t-1}, c_{t-1})",
    examples=lambda draw: [
        (draw(3, 2, 8), draw(2, 2), draw(2, 2), draw(8, 2)), (draw(1, 1, 4), draw(1, 1), draw(1, 1),
        draw(4, 1)),
])  # fmt: skip
@in_single
def lstm(x: Array, h: Array, c: Array, weight: Array):
    r"""All states and memories of a long short-term memory; the steps of ``nn.LSTMCell``, faster.

    Parameters
    ----------
    x
        What the inputs give to the gates, (T, N, 4 H): the blocks i, f, n (what is new) and o.
    h, c
        The first state and memory, (N, H).
    weight
        (4 H, H): what a state gives to the gates.

    Returns
    -------
    (T, N, 2 H)
        Of each step the state, then the memory.

    Notes
    -----
    At second order the steps are recorded one by one.

    References
    ----------
    F. A. Gers et al., "Learning to Forget", Neural Computation 12 (2000), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> y = lstm(np.zeros((3, 1, 4)), [[0.0]], [[8.0]], np.zeros((4, 1)))
    >>> y[:, 0, 1]  # half of the memory is kept
    array([4., 2., 1.])
    """
    n = weight.shape[-1] if weight.ndim else 0
    if x.ndim != 3 or x.shape[2] != 4 * n or weight.shape != (4 * n, n):
        raise ShapeError("{x} must be (T, N, 4 H), and {weight} (4 H, H)")
    if not h.shape == c.shape == (x.shape[1], n):
        raise ShapeError("{h} and {c} must be (N, H), for {x} of (T, N, 4 H)")
    if not len(x):
        raise ShapeError("{x} has no step to make")
    dtype = np.result_type(*map(floating, (x, h, c, weight)))
    x, h, c, weight = (a.astype(dtype, copy=False) for a in (x, h, c, weight))
    y, saved = kernel.lstm(x, h, c, weight)
    all_gradients = Once(lambda g: kernel.lstm_gradients(g, y, saved, h, c, weight))

    def back(i: int, rule: str) -> Any:
        def closure(g, y, *inputs):
            if not isinstance(g, Node):
                return all_gradients(i, g)
            inputs = tuple(map(copy, inputs))  # one may have been computed from another
            return gradients(step_by_step(*inputs), inputs[i], g, create_graph=True)

        closure.__doc__ = rule
        return closure

    return (
        y,
        back(0, r"\bar{x}_t = \bar{a}_t, \quad a_t = x_t + W h_{t-1}"),
        back(1, r"\bar{h}_0 = W^{\top} \bar{a}_1"),
        back(2, r"\bar{c}_0 = \bar{c}_1 \odot f_1"),
        back(3, r"\bar{W} = \sum_t \bar{a}_t \, h_{t-1}^{\top}"),
    )


def step_by_step(x: Any, h: Any, c: Any, weight: Any) -> Any:
    """The same, recorded as single operations."""
    steps = []
    for t in range(len(x)):
        enters, kept, new, shown = split(x[t] + h @ weight.T, 4, -1)
        c = sigmoid(kept) * c + sigmoid(enters) * tanh(new)
        h = sigmoid(shown) * tanh(c)
        steps.append(concatenate([h, c], -1))
    return stack(steps)
