"""Batch, layer and group normalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import composed, op
from ..checks import whole
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels import normalisation as kernel
from ..kernels.once import Once
from ..kernels.stable import floating
from .casting import in_single


@op(r"y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta", examples=lambda draw: [
    (draw(4, 3), None, None, draw(3), draw(3), True),
    (draw(2, 3, 2, 2), None, None, draw(3), draw(3), True),
    (draw(2, 3, 4), None, None, None, None, True),
    (draw(4, 3), np.array([0.5, -0.5, 0.1]), np.array([1.0, 2.0, 0.3]), draw(3), draw(3)),
])  # fmt: skip
@in_single
def batch_norm(
    x: Array, running_mean: Any, running_var: Any, weight: Array | None = None,
    bias: Array | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
):  # fmt: skip
    r"""Each channel brought to mean 0 and variance 1, then scaled and moved.

    Parameters
    ----------
    x
        (N, C) or (N, C, ...).
    running_mean, running_var
        (C,) arrays or None. Used in evaluation; in training moved in place towards those of the
        batch (the variance with the divisor n - 1, as in PyTorch).
    weight, bias
        (C,) or None: the scale :math:`\gamma` and the shift :math:`\beta`.
    training
        Normalise with the mean and variance of this batch.
    momentum
        The share of the batch in the running statistics.
    eps
        Added to the variance.

    Raises
    ------
    ArgumentError
        In training with one value per channel, whose variance is 0; in evaluation without
        running statistics.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    _check_channels(x, running_mean, running_var, weight, bias)
    x = floating(x)
    axes = (0, *range(2, x.ndim))
    n = x.size // x.shape[1] if x.shape[1] else 0

    def column(vector: Any) -> Any:
        """(C,) as (1, C, 1, 1), to meet the channels of (N, C, H, W)."""
        return vector.reshape(1, -1, *[1] * (x.ndim - 2))

    if training:
        if n < 2:
            raise ArgumentError(
                "training needs more than one value per channel, and {x} has {n}: "
                  "use larger batches, or .eval()", n=n,
            )  # fmt: skip
        mean, variance = kernel.moments(x)
        if running_mean is not None:
            running_mean += momentum * (mean.ravel() - running_mean)
        if running_var is not None:
            running_var += momentum * (variance.ravel() * (n / (n - 1)) - running_var)
    else:
        if running_mean is None or running_var is None:
            raise ArgumentError("running statistics are needed outside of training")
        mean = column(np.array(running_mean, x.dtype, like=x))
        variance = column(np.array(running_var, x.dtype, like=x))
    scale = 1 / np.sqrt(variance + x.dtype.type(eps))
    a = scale if weight is None else scale * column(weight)
    b = -mean * a if bias is None else column(bias) - mean * a
    y = kernel.scale_and_shift(x, a, b)
    sums = Once(_sums)

    def to_x(g, y, x, running_mean, running_var, weight, bias):
        r"""\bar{x} = \frac{\gamma}{\sigma} \left(\bar{y} - \overline{\bar{y}} -
        \hat{x} \, \overline{\bar{y} \odot \hat{x}}\right)
        """
        if not training:
            return g * (scale if weight is None else column(weight) * scale)
        if not isinstance(g, Node):
            total, moment = sums(0, g, x, mean)
            slope = a * scale * scale * (moment / n)
            return kernel.combine(g, x, a, -slope, slope * mean - a * (total / n))
        return _to_normalised(g if weight is None else g * column(weight), x, axes, eps)

    if not training:  # the statistics are given: nothing flows through them
        to_x.__doc__ = r"\bar{x} = \frac{\gamma}{\sigma} \bar{y}"

    def to_weight(g, y, x, running_mean, running_var, weight, bias):
        r"""\bar{\gamma} = \sum \bar{y} \odot \hat{x}"""
        if isinstance(g, Node):
            xhat = _normalised(x, axes, eps)[0] if training else (x - mean) * scale
            return (g * xhat).sum(axes)
        return (sums(1, g, x, mean) * scale).ravel()

    def to_bias(g, y, x, running_mean, running_var, weight, bias):
        r"""\bar{\beta} = \sum \bar{y}"""
        recorded: Any = g if isinstance(g, Node) else None
        return sums(2, g, x, mean).ravel() if recorded is None else recorded.sum(axes)

    return y, to_x, None, None, to_weight, to_bias


def _sums(g: Array, x: Array, mean: Array) -> tuple[Any, Array, Array]:
    """What the gradients for the images, for the scale and for the shift need."""
    total, moment = kernel.sums(g, x, mean)
    return (total, moment), moment, total


def _check_channels(x: Array, *vectors: Any) -> None:
    if x.ndim < 2:
        raise ShapeError("{x} must have the axes (examples, channels, ...)")
    for vector in vectors:
        if vector is not None and np.shape(vector) != x.shape[1:2]:
            raise ShapeError(
                "{x} has {n} channels (axis 1), and a vector {shape} for them: give {n} numbers",
                n=x.shape[1],
                shape=np.shape(vector),
            )


@op(r"y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta", examples=lambda draw: [
    (draw(3, 4), 4, draw(4), draw(4)), (draw(2, 3, 4), (3, 4), draw(3, 4), draw(3, 4)),
    (draw(2, 3, 4), (4,)),
])  # fmt: skip
@in_single
def layer_norm(
    x: Array, normalized_shape: int | tuple[int, ...], weight: Array | None = None,
    bias: Array | None = None, eps: float = 1e-5,
):  # fmt: skip
    r"""Each example brought to mean 0 and variance 1 over its last axes, then scaled and moved.

    Parameters
    ----------
    x
        (..., \*normalized_shape).
    normalized_shape
        The sizes of the last axes, over which to normalise.
    weight, bias
        Of ``normalized_shape``, or None: the scale :math:`\gamma` and the shift :math:`\beta`.
    eps
        Added to the variance.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", arXiv:1607.06450, equation 3.

    Examples
    --------
    >>> layer_norm([[1.0, 3.0]], 2, eps=0.0)
    array([[-1.,  1.]])
    """
    shape = normalized_shape if isinstance(normalized_shape, tuple) else None
    shape = shape or tuple(np.atleast_1d(normalized_shape).tolist())
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError("the last axes of {x} are not {shape}", shape=shape)
    for vector in (weight, bias):
        if vector is not None and vector.shape != shape:
            raise ShapeError(
                "the scale and the shift of layer_norm have the shape {shape}, not {got}",
                shape=shape,
                got=vector.shape,
            )
    x = floating(x)
    axes = tuple(range(-len(shape), 0))
    n = math.prod(shape)
    flat = None if weight is None else weight.ravel()

    shift = None if bias is None else bias.ravel()
    rows, d, scale = kernel.layer_norm(x.reshape(x.size // max(n, 1), n), flat, shift, eps)
    gradients = Once(lambda g: kernel.layer_norm_gradients(g.reshape(d.shape), d, scale, flat))

    def to_x(g, y, x, shape, weight, bias):
        r"""\bar{x} = \frac{1}{\sigma} \left(\bar{h} - \overline{\bar{h}} -
        \hat{x} \, \overline{\bar{h} \odot \hat{x}}\right), \quad \bar{h} = \gamma \bar{y}
        """
        if not isinstance(g, Node):
            return gradients(0, g).reshape(x.shape)
        return _to_normalised(g if weight is None else g * weight, x, axes, eps)

    def to_weight(g, y, x, shape, weight, bias):
        r"""\bar{\gamma} = \sum \bar{y} \odot \hat{x}"""
        if not isinstance(g, Node):
            return gradients(1, g).reshape(weight.shape)
        return g * _normalised(x, axes, eps)[0]  # the engine sums over the examples

    def to_bias(g, y, x, shape, weight, bias):
        r"""\bar{\beta} = \sum \bar{y}"""
        return g if isinstance(g, Node) else gradients(2, g).reshape(bias.shape)

    return rows.reshape(x.shape), to_x, None, to_weight, to_bias


@composed(r"y = \gamma \frac{x - \mu_g}{\sqrt{\sigma_g^2 + \varepsilon}} + \beta",
          examples=lambda draw: [
    (draw(2, 4, 3), 2, draw(4), draw(4)), (draw(2, 6, 2, 2), 3), (draw(3, 4), 1, draw(4)),
])  # fmt: skip
def group_norm(
    x: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None,
    eps: float = 1e-5,
):  # fmt: skip
    r"""Each group of channels of an example brought to mean 0 and variance 1, scaled and moved.

    Parameters
    ----------
    x
        (N, C, ...).
    num_groups
        How many groups of neighbouring channels; it divides C.
    weight, bias
        (C,), or None: the scale :math:`\gamma` and the shift :math:`\beta` of each channel.
    eps
        Added to the variance.

    References
    ----------
    Y. Wu, K. He, "Group Normalization", ECCV 2018, equation 1.

    Examples
    --------
    >>> group_norm([[1.0, 3.0, 10.0, 30.0]], 2, eps=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    _check_channels(x, weight, bias)
    if x.shape[1] % whole(num_groups, "num_groups", 1):
        raise ShapeError(
            "{x} has {n} channels (axis 1), which do not make {groups} equal groups",
            n=x.shape[1], groups=num_groups,
        )  # fmt: skip
    size = math.prod(x.shape[1:]) // num_groups
    y = layer_norm(x.reshape(len(x), num_groups, size), size, eps=eps).reshape(x.shape)
    each = (-1, *[1] * (x.ndim - 2))
    y = y if weight is None else y * weight.reshape(each)
    return y if bias is None else y + bias.reshape(each)


def _normalised(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """``x`` with mean 0 and variance 1 over axes, and its scale: of Tensors, recorded."""
    centred = x - x.mean(axes, keepdims=True)
    scale = ((centred * centred).mean(axes, keepdims=True) + eps) ** -0.5
    return centred * scale, scale


def _to_normalised(h: Any, x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """The gradient for ``x``, recorded, from the one for its normalised numbers."""
    xhat, scale = _normalised(x, axes, eps)
    centred = h - h.mean(axes, keepdims=True)
    return scale * (centred - xhat * (h * xhat).mean(axes, keepdims=True))
