"""Recurrent layers, and the cells that are one step of them. Names and shapes are PyTorch's."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..autograd.tensor import Tensor
from ..checks import one_of, share, whole
from ..errors import ArgumentError, ShapeError
from ..ops.activations import relu, sigmoid
from ..ops.dropout import dropout
from ..ops.joining import concatenate, split, stack
from ..ops.products import linear
from ..ops.recurrent import lstm
from ..ops.shape import expand_dims, flip, squeeze, swapaxes
from ..ops.trigonometry import tanh
from .module import Module, Parameter, initial

ACTIVATIONS = {"tanh": tanh, "relu": relu}

State = tuple[Any, ...]  # what a step hands on to the next: (h,), or (h, c)


class _Recurrent(Module):
    """What cells and layers share: weights, one step, and the state that they are given."""

    gates: ClassVar[int] = 1
    letters: ClassVar[str] = "h"  # of the arrays that a step hands on
    # The state after a step, from what the input gives to the gates, the state before, W_hh, b_hh.
    _step: Callable[..., State]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input_size = whole(input_size, "input_size", 1)
        self.hidden_size = whole(hidden_size, "hidden_size", 1)

    def _add_weights(self, suffix: str, inputs: int, bias: bool) -> None:
        """Two matrices and two biases, uniform at start."""
        rows, bound = self.gates * self.hidden_size, 1 / math.sqrt(self.hidden_size)
        for name, *shape in (
            ("weight_ih", rows, inputs), ("weight_hh", rows, self.hidden_size),
            ("bias_ih", rows), ("bias_hh", rows),
        ):  # fmt: skip
            used = bias or name.startswith("weight")
            value = Parameter(initial(*shape, bound=bound)) if used else None
            setattr(self, name + suffix, value)

    def _weights(self, suffix: str) -> tuple[Any, Any, Any, Any]:
        """For the input and for the state, a matrix and a bias (or None) each."""
        names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
        w, b, u, c = (getattr(self, name + suffix) for name in names)
        return w, b, u, c

    def _state(self, given: Any, shape: tuple[int, ...]) -> State:
        """The state that was given, or zeros."""
        n = len(self.letters)
        if given is None:
            p = next(self.parameters())
            return tuple(np.zeros_like(p, shape=shape) for _letter in self.letters)
        parts = given if n > 1 else (given,)
        if not isinstance(parts, (tuple, list)) or len(parts) != n:
            raise ArgumentError("the state of an LSTM is a pair, (h, c)")
        parts = tuple(map(self._cast, parts))
        for letter, part in zip(self.letters, parts, strict=True):
            if np.shape(part) != shape:
                raise ShapeError(
                    "{layer}: the state {name} has the shape {shape} here, not {got}",
                    layer=type(self).__name__, name=letter, shape=shape, got=np.shape(part),
                )  # fmt: skip
        return parts

    def _check(self, x: Any, axes: str) -> None:
        """Refuse an input of another shape than ``axes`` say, with N or without."""
        most = axes.count(",") + 1
        if len(x.shape) not in (most - 1, most) or x.shape[-1] != self.input_size:
            raise ShapeError(
                "{layer} takes ({axes}), N or not, with {n} features on the last axis, not {shape}",
                layer=type(self).__name__, axes=axes, n=self.input_size, shape=x.shape,
            )  # fmt: skip


class _Tanh(_Recurrent):
    """The step of a simple recurrent network."""

    nonlinearity: str

    def _step(self, x: Any, state: State, weight: Any, bias: Any) -> State:
        return (ACTIVATIONS[self.nonlinearity](x + linear(state[0], weight, bias)),)


class _LongShort(_Recurrent):
    """The step of a long short-term memory."""

    gates, letters = 4, "hc"

    def _step(self, x: Any, state: State, weight: Any, bias: Any) -> State:
        h, c = state
        i, f, g, o = split(x + linear(h, weight, bias), 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class _Gated(_Recurrent):
    """The step of a gated recurrent unit."""

    gates = 3

    def _step(self, x: Any, state: State, weight: Any, bias: Any) -> State:
        (h,) = state
        r, z, n = split(x, 3, -1)
        hr, hz, hn = split(linear(h, weight, bias), 3, -1)
        r, z = sigmoid(r + hr), sigmoid(z + hz)
        n = tanh(n + r * hn)
        return ((1 - z) * n + z * h,)


class _Cell(_Recurrent):
    """One step."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.bias = bool(bias)
        self._add_weights("", input_size, bias)

    def forward(self, x: Any, hx: Any = None) -> Any:
        """Make one step: from an input and a state to the next state."""
        self._check(x, "N, input_size")
        state = self._state(hx, (*x.shape[:-1], self.hidden_size))
        w, b, u, c = self._weights("")
        state = self._step(linear(x, w, b), state, u, c)
        return state if len(state) > 1 else state[0]


class RNNCell(_Tanh, _Cell):
    r"""One step of a simple recurrent network: (N, input_size) and (N, hidden_size) to the latter.

    .. math:: h' = \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})

    Attributes
    ----------
    weight_ih, weight_hh : Parameter (hidden_size, input_size) and (hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter (hidden_size,) or None
        All uniform in ``[-1, 1] / sqrt(hidden_size)`` at start.

    References
    ----------
    J. L. Elman, "Finding Structure in Time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> cell = RNNCell(3, 5)
    >>> h = cell(np.ones((2, 3)))  # a state that is not given is 0
    >>> cell(np.ones((2, 3)), h).shape
    (2, 5)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh"
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = one_of(nonlinearity, "nonlinearity", ACTIVATIONS)


class LSTMCell(_LongShort, _Cell):
    r"""One step of a long short-term memory; its state is a pair, (h, c), each (N, hidden_size).

    .. math::
        c' = \sigma(f) \odot c + \sigma(i) \odot \tanh(g), \quad
        h' = \sigma(o) \odot \tanh(c'), \quad
        (i, f, g, o) = W_{ih} x + b_{ih} + W_{hh} h + b_{hh}

    Attributes
    ----------
    weight_ih, weight_hh : Parameter (4 hidden_size, input_size) and (4 hidden_size, hidden_size)
        One block of rows for each of i, f, g and o.
    bias_ih, bias_hh : Parameter (4 hidden_size,) or None
        All uniform in ``[-1, 1] / sqrt(hidden_size)`` at start.

    References
    ----------
    S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997), with the
    forget gate of F. A. Gers et al., Neural Computation 12 (2000).

    Examples
    --------
    >>> cell = LSTMCell(3, 5)
    >>> h, c = cell(np.ones((2, 3)))
    >>> h, c = cell(np.ones((2, 3)), (h, c))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """


class GRUCell(_Gated, _Cell):
    r"""One step of a gated recurrent unit: (N, input_size) and (N, hidden_size) to the latter.

    .. math::
        r = \sigma(r_x + r_h), \quad z = \sigma(z_x + z_h), \quad
        n = \tanh(n_x + r \odot n_h), \quad h' = (1 - z) \odot n + z \odot h

    with :math:`(r_x, z_x, n_x) = W_{ih} x + b_{ih}` and :math:`(r_h, z_h, n_h) = W_{hh} h +
    b_{hh}`.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter (3 hidden_size, input_size) and (3 hidden_size, hidden_size)
        One block of rows for each of r, z and n.
    bias_ih, bias_hh : Parameter (3 hidden_size,) or None
        All uniform in ``[-1, 1] / sqrt(hidden_size)`` at start.

    References
    ----------
    K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014; with
    the reset gate after the product, as PyTorch has it.

    Examples
    --------
    >>> GRUCell(3, 5)(np.ones((2, 3))).shape
    (2, 5)
    """


class _Layer(_Recurrent):
    """All steps, of one layer or of several."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size)
        self.num_layers = whole(num_layers, "num_layers", 1)
        self.bias, self.batch_first = bool(bias), bool(batch_first)
        self.dropout, self.bidirectional = share(dropout, "dropout"), bool(bidirectional)
        self._directions = {"": 1, "_reverse": -1} if bidirectional else {"": 1}
        for layer in range(num_layers):
            inputs = len(self._directions) * hidden_size if layer else input_size
            for direction in self._directions:
                self._add_weights(f"_l{layer}{direction}", inputs, bias)

    def forward(self, x: Any, hx: Any = None) -> tuple[Tensor, Any]:
        """Make all steps: from inputs (and a state) to all outputs, and the state at the end."""
        if isinstance(x, list | tuple):  # of steps
            x = stack(list(x))
        self._check(x, "N, T, input_size" if self.batch_first else "T, N, input_size")
        alone = len(x.shape) == 2
        if alone:
            x = expand_dims(x, 1)
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        if not len(x):
            raise ShapeError("{layer}: there is no step to make", layer=type(self).__name__)
        rows = self.num_layers * len(self._directions)
        examples = () if alone else (x.shape[1],)
        start = self._state(hx, (rows, *examples, self.hidden_size))
        if alone:
            start = tuple(expand_dims(part, 1) for part in start)
        ends: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = dropout(x, self.dropout, self.training)
            outputs = []
            for direction, order in self._directions.items():
                first = tuple(part[len(ends)] for part in start)
                output, end = self._run(x, first, f"_l{layer}{direction}", order)
                outputs.append(output)
                ends.append(end)
            x = concatenate(outputs, -1) if len(outputs) > 1 else outputs[0]
        last = tuple(stack(list(parts)) for parts in zip(*ends, strict=True))
        if alone:
            x, last = squeeze(x, 1), tuple(squeeze(part, 1) for part in last)
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        return x, last if len(last) > 1 else last[0]

    def _run(self, x: Any, state: State, suffix: str, order: int) -> tuple[Any, State]:
        """The outputs of all steps and the state at the end; -1 goes from the last to the first.

        What the input gives to the gates is one product for all steps.
        """
        w, b, u, c = self._weights(suffix)
        gates, outputs = linear(x, w, b), []
        for t in range(len(x))[::order]:
            state = self._step(gates[t], state, u, c)
            outputs.append(state[0])
        return stack(outputs[::order]), state


class RNN(_Tanh, _Layer):
    """A simple recurrent network: (T, N, input_size) to (T, N, D hidden_size) and the last state.

    D is 2 with ``bidirectional`` (the second half reads from the end), else 1. With
    ``batch_first`` N comes before T. A sequence alone, (T, input_size), will do.

    Parameters
    ----------
    input_size, hidden_size, num_layers
        Of a step's input and state; each further layer reads the outputs of the one below.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    dropout
        Between layers, in training.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        As in :class:`RNNCell`; then those of ``_l1``, ..., each followed by ``_reverse``.

    Examples
    --------
    >>> outputs, h = RNN(3, 5, num_layers=2)(np.ones((7, 4, 3)))
    >>> outputs.shape, h.shape  # h: a state for each layer (and direction)
    ((7, 4, 5), (2, 4, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )
        self.nonlinearity = one_of(nonlinearity, "nonlinearity", ACTIVATIONS)


class LSTM(_LongShort, _Layer):
    """A long short-term memory: as :class:`RNN`, with the steps of :class:`LSTMCell`.

    Its state is a pair, (h, c), each (D num_layers, N, hidden_size).

    Parameters
    ----------
    fused
        Whether all steps are one operation, ``tg.lstm``: training takes half the time, and a
        drawing shows no steps.

    Examples
    --------
    >>> outputs, (h, c) = LSTM(3, 5, batch_first=True)(np.ones((4, 7, 3)))
    >>> outputs.shape, h.shape, c.shape
    ((4, 7, 5), (1, 4, 5), (1, 4, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *,
        fused: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )
        self.fused = bool(fused)

    def _run(self, x: Any, state: State, suffix: str, order: int) -> tuple[Any, State]:
        if not self.fused:
            return super()._run(x, state, suffix, order)
        w, b, u, c = self._weights(suffix)
        gates = linear(x, w, b if c is None else b + c)
        y = lstm(gates if order > 0 else flip(gates, 0), *state, u)
        h, c = split(y, 2, -1)
        return h if order > 0 else flip(h, 0), (h[-1], c[-1])


class GRU(_Gated, _Layer):
    """A gated recurrent network: as :class:`RNN`, with the steps of :class:`GRUCell`.

    Examples
    --------
    >>> outputs, h = GRU(3, 5, bidirectional=True)(np.ones((7, 4, 3)))
    >>> outputs.shape, h.shape
    ((7, 4, 10), (2, 4, 5))
    """
