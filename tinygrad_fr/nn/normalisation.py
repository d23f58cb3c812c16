"""Normalisation of batches, layers and groups; dropout."""

from typing import Any

import numpy as np

from .. import settings
from ..autograd.tensor import Tensor
from ..checks import share, whole
from ..errors import ArgumentError, ShapeError
from ..ops.dropout import dropout
from ..ops.normalisation import batch_norm, group_norm, layer_norm
from .module import Module, Parameter


class BatchNorm1d(Module):
    """Batch normalisation of features: (N, C) or (N, C, L), of the same shape.

    Attributes
    ----------
    weight, bias : Parameter (C,) or None
        Scale and shift, 1 and 0 at start; None without ``affine``.
    running_mean, running_var : ndarray (C,) or None
        Buffers, used in evaluation; None without ``track_running_stats``.
    num_batches_tracked : ndarray ()

    Examples
    --------
    >>> y = BatchNorm1d(3)(np.arange(12.0).reshape(4, 3))
    >>> bool(np.allclose(y.data.mean(0), 0, atol=1e-6))
    True
    """

    axes: tuple[int, ...] = (2, 3)
    shapes = "(N, C), (N, C, L)"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True,
    ) -> None:  # fmt: skip
        self.num_features = whole(num_features, "num_features", 1)
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.track_running_stats = track_running_stats
        dtype = settings.get_default_dtype()
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean: Any = None
        self.running_var: Any = None
        self.num_batches_tracked: Any = None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", np.array(0))

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        if len(x.shape) not in self.axes:
            raise ShapeError(
                "{layer} takes {shapes}, not {shape}",
                layer=type(self).__name__, shapes=self.shapes, shape=x.shape,
            )  # fmt: skip
        momentum = self.momentum
        if self.training and self.running_mean is not None:
            self.num_batches_tracked += 1
            if momentum is None:  # the mean over all batches
                momentum = 1 / float(self.num_batches_tracked)
        training = self.training or self.running_mean is None
        return batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training,
            momentum if momentum is not None else 0.0, self.eps,
        )  # fmt: skip


class BatchNorm2d(BatchNorm1d):
    """Batch normalisation of images: (N, C, H, W), of the same shape.

    Parameters, attributes and buffers are those of :class:`BatchNorm1d`.

    Examples
    --------
    >>> BatchNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    axes = (4,)
    shapes = "(N, C, H, W)"


class LayerNorm(Module):
    r"""Layer normalisation over the last axes: (..., \*normalized_shape), of the same shape.

    Attributes
    ----------
    weight, bias : Parameter (\*normalized_shape) or None
        Scale and shift, 1 and 0 at start; None without ``elementwise_affine``, no bias without
        ``bias``.

    Examples
    --------
    >>> LayerNorm(4)(np.zeros((2, 3, 4))).shape
    (2, 3, 4)
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True,
    ) -> None:  # fmt: skip
        shape = tuple(np.atleast_1d(normalized_shape).tolist())
        self.normalized_shape = tuple(whole(n, "normalized_shape", 1) for n in shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        dtype = settings.get_default_dtype()
        self.weight = Parameter(np.ones(shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class GroupNorm(Module):
    """Group normalisation: (N, C, ...), of the same shape.

    Attributes
    ----------
    weight, bias : Parameter (C,) or None
        Scale and shift, 1 and 0 at start; None without ``affine``.

    Examples
    --------
    >>> GroupNorm(2, 6)(np.zeros((2, 6, 4, 4))).shape
    (2, 6, 4, 4)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        self.num_groups = whole(num_groups, "num_groups", 1)
        self.num_channels = whole(num_channels, "num_channels", 1)
        if num_channels % num_groups:
            raise ArgumentError(
                "num_groups ({groups}) must divide num_channels ({n})",
                groups=num_groups, n=num_channels,
            )  # fmt: skip
        self.eps, self.affine = eps, affine
        dtype = settings.get_default_dtype()
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        if len(x.shape) < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(
                "GroupNorm takes (N, {n}, ...), not {shape}", n=self.num_channels, shape=x.shape
            )
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Dropout(Module):
    """In training each number becomes 0 with probability ``p``; the others grow by 1 / (1 - p).

    Examples
    --------
    >>> Dropout(0.5).eval()(np.array([1.0, 2.0]))
    Tensor([1., 2.])
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = share(p, "p")

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return dropout(x, self.p, self.training)
