"""Layers. Names, shapes and initialisation of parameters are PyTorch's, so that weights travel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..messages import _
from ..ops.convolution import conv2d, pair
from ..ops.linalg import linear
from ..ops.pooling import max_pool2d
from ..ops.shape import flatten
from .module import Module, Parameter, initial

Size = int | tuple[int, int]


class Linear(Module):
    """A dense layer, ``y = x W^T + b``: (..., in_features) to (..., out_features).

    Attributes
    ----------
    weight : Parameter (out_features, in_features)
    bias : Parameter (out_features,) or None
        Both uniform in ``[-1, 1] / sqrt(in_features)`` at start.

    Examples
    --------
    >>> import numpy as np
    >>> Linear(4608, 5)(np.zeros((2, 4608))).shape
    (2, 5)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        _positive(in_features=in_features, out_features=out_features)
        bound = 1 / math.sqrt(in_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(initial(out_features, in_features, bound=bound))
        self.bias = Parameter(initial(out_features, bound=bound)) if bias else None

    def forward(self, x: Any) -> Any:
        """Apply the layer."""
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes, and whether there is a bias."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class Conv2d(Module):
    """Convolution of images: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    Attributes
    ----------
    weight : Parameter (out_channels, in_channels, kh, kw)
    bias : Parameter (out_channels,) or None
        Both uniform in ``[-1, 1] / sqrt(in_channels kh kw)`` at start.

    Examples
    --------
    >>> import numpy as np
    >>> Conv2d(1, 8, 3)(np.zeros((2, 1, 50, 50))).shape
    (2, 8, 48, 48)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1,
        padding: Size = 0, *, bias: bool = True,
    ) -> None:  # fmt: skip
        _positive(in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride, self.padding = pair(stride, "stride", 1), pair(padding, "padding", 0)
        bound = 1 / math.sqrt(in_channels * math.prod(self.kernel_size))
        self.weight = Parameter(initial(out_channels, in_channels, *self.kernel_size, bound=bound))
        self.bias = Parameter(initial(out_channels, bound=bound)) if bias else None

    def forward(self, x: Any) -> Any:
        """Apply the layer."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Channels, kernel, stride and padding."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}"
        )


class MaxPool2d(Module):
    """Maximum of each window: (N, C, H, W) to (N, C, OH, OW).

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.zeros((2, 8, 48, 48))).shape
    (2, 8, 24, 24)
    """

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else pair(stride, "stride", 1)
        self.padding = pair(padding, "padding", 0)

    def forward(self, x: Any) -> Any:
        """Apply the layer."""
        return max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Kernel, stride and padding."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class Flatten(Module):
    """Merge all axes but the first: (N, C, H, W) to (N, C H W), channels first.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 8, 24, 24))).shape
    (2, 4608)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        """Apply the layer."""
        if len(x.shape) <= self.start_dim:
            raise ShapeError(
                _("Flatten keeps axis 0 for the examples; {shape} has none to merge: add x[None]"),
                shape=x.shape,
            )
        return flatten(x, self.start_dim, self.end_dim)


def _positive(**sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise ArgumentError(
                _("{name} is a positive integer, not {value!r}"), name=name, value=size
            )
