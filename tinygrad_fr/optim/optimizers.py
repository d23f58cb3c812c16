"""Optimizers: how gradients change parameters. Their steps are PyTorch's."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import Array, updates
from .base import Optimizer

Group = dict[str, Any]
State = dict[str, Array]


class SGD(Optimizer):
    """Stochastic gradient descent (course document 002, slide 38), with momentum.

    Parameters
    ----------
    parameters
        What to learn, such as ``model.parameters()``.
    lr
        Learning rate.
    momentum
        Share of the previous step that is kept.
    dampening
        Share of the gradient that does not enter the momentum.
    weight_decay
        Adds ``weight_decay * p`` to each gradient: an L2 penalty.
    nesterov
        Look ahead along the momentum (Sutskever et al., ICML 2013).

    Examples
    --------
    >>> from tinygrad_fr import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([0.8], requires_grad=True)
    """

    slots = ("momentum_buffer",)

    def __init__(
        self, parameters: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0,
        dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening):
            raise ArgumentError("Nesterov's method needs a momentum above 0 and no dampening")
        super().__init__(
            parameters, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov,
        )  # fmt: skip

    def _update(self, p: Array, g: Array, state: State, group: Group) -> None:
        momentum = group["momentum"]
        first = "momentum_buffer" not in state
        if first and momentum:
            state["momentum_buffer"] = np.zeros_like(p)
        updates.sgd(
            p, g, state["momentum_buffer"] if momentum else None, group["lr"], momentum,
            1.0 if first else 1 - group["dampening"], group["weight_decay"], group["nesterov"],
        )  # fmt: skip


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba, ICLR 2015, algorithm 1).

    Parameters
    ----------
    parameters, lr, weight_decay
        As for :class:`SGD`.
    betas
        Decay of the means of the gradients and of their squares.
    eps
        Added to the denominator.
    amsgrad
        Divide by the largest mean square so far (Reddi et al., ICLR 2018).

    Examples
    --------
    >>> from tinygrad_fr import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step")
    decoupled = False  # whether the decay acts on the parameters, apart from the gradient

    def __init__(
        self, parameters: Iterable[Any], lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:  # fmt: skip
        if not all(0 <= beta < 1 for beta in betas):
            raise ArgumentError("betas lie between 0 and 1 (excluded), not {betas}", betas=betas)
        super().__init__(
            parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def _update(self, p: Array, g: Array, state: State, group: Group) -> None:
        if not state:
            state.update(exp_avg=np.zeros_like(p), exp_avg_sq=np.zeros_like(p), step=np.zeros(()))
        most = None
        if group["amsgrad"]:
            most = state.setdefault("max_exp_avg_sq", np.zeros_like(p))
        state["step"] += 1
        decay = group["weight_decay"]
        updates.adam(
            p, g, state["exp_avg"], state["exp_avg_sq"], most,
            float(state["step"]), group["lr"], group["betas"], group["eps"],
            shrink=1 - group["lr"] * decay if self.decoupled else 1.0,
            decay=0.0 if self.decoupled else decay,
        )  # fmt: skip


class AdamW(Adam):
    """Adam with a weight decay of its own, apart from the gradient (Loshchilov, Hutter, ICLR 2019).

    Parameters
    ----------
    parameters, lr, betas, eps, amsgrad
        As for :class:`Adam`.
    weight_decay
        Each step takes the share ``lr * weight_decay`` off the parameters.

    Examples
    --------
    >>> from tinygrad_fr import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.85
    """

    decoupled = True

    def __init__(
        self, parameters: Iterable[Any], lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)


class RMSprop(Optimizer):
    """Gradients divided by the root of their mean square (Tieleman and Hinton, 2012, lecture 6.5).

    Parameters
    ----------
    parameters, lr, weight_decay, momentum
        As for :class:`SGD`.
    alpha
        Decay of the mean square.
    eps
        Added to the denominator.
    centered
        Divide by the standard deviation instead: the mean is taken off (Graves, 2013).

    Examples
    --------
    >>> from tinygrad_fr import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.0
    """

    slots = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self, parameters: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            parameters, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered,
        )  # fmt: skip

    def _update(self, p: Array, g: Array, state: State, group: Group) -> None:
        g = _decayed(p, g, group)
        alpha = group["alpha"]
        square = state.setdefault("square_avg", np.zeros_like(p))
        square *= alpha
        square += (1 - alpha) * g * g
        if group["centered"]:
            mean = state.setdefault("grad_avg", np.zeros_like(p))
            mean += (1 - alpha) * (g - mean)
            square = square - mean * mean
        step = g / (np.sqrt(square) + group["eps"])
        if group["momentum"]:
            velocity = state.setdefault("momentum_buffer", np.zeros_like(p))
            velocity *= group["momentum"]
            velocity += step
            step = velocity
        p -= group["lr"] * step


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares (Duchi et al., JMLR 12, 2011).

    Parameters
    ----------
    parameters, lr, weight_decay
        As for :class:`SGD`.
    lr_decay
        The rate is divided by ``1 + t lr_decay`` after ``t`` steps.
    initial_accumulator_value
        What the sums begin with.
    eps
        Added to the denominator.

    Examples
    --------
    >>> from tinygrad_fr import Tensor
    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    slots = ("sum", "step")

    def __init__(
        self, parameters: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0,
        weight_decay: float = 0.0, initial_accumulator_value: float = 0.0, eps: float = 1e-10,
    ) -> None:  # fmt: skip
        super().__init__(
            parameters, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def _update(self, p: Array, g: Array, state: State, group: Group) -> None:
        g = _decayed(p, g, group)
        if not state:
            state["sum"] = np.full_like(p, group["initial_accumulator_value"])
            state["step"] = np.zeros(())
        state["sum"] += g * g
        lr = group["lr"] / (1 + float(state["step"]) * group["lr_decay"])
        state["step"] += 1
        p -= lr * g / (np.sqrt(state["sum"]) + group["eps"])


def _decayed(p: Array, g: Array, group: Group) -> Array:
    """The gradient with that of the L2 penalty."""
    return g + group["weight_decay"] * p if group["weight_decay"] else g
