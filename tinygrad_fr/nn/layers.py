"""Layers. Names, shapes and initialisation of parameters are PyTorch's, so that weights travel."""

import math
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from .. import settings
from ..autograd.tensor import Tensor
from ..checks import one_of, pair, whole
from ..errors import ArgumentError, ShapeError
from ..ops.convolution import border_of, conv1d, conv2d, conv_transpose2d
from ..ops.indexing import embedding
from ..ops.pooling import avg_pool2d, max_pool2d
from ..ops.products import linear
from ..ops.reductions import mean
from ..ops.resizing import adaptive_avg_pool2d, interpolate
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
        self.in_features = whole(in_features, "in_features", 1)
        self.out_features = whole(out_features, "out_features", 1)
        bound = 1 / math.sqrt(in_features)
        self.weight = Parameter(initial(out_features, in_features, bound=bound))
        self.bias = Parameter(initial(out_features, bound=bound)) if bias else None

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return linear(x, self.weight, self.bias)


class _Convolution(Module):
    """What the convolutions share: sizes, filters and a bias, uniform at start."""

    def __init__(
        self, channels: tuple[int, int], kernel_size: Any, stride: Any, padding: Any,
        dilation: Any, groups: int, bias: bool, sizes: Any = pair, transposed: bool = False,
    ) -> None:  # fmt: skip
        self.in_channels = whole(channels[0], "in_channels", 1)
        self.out_channels = whole(channels[1], "out_channels", 1)
        self.groups = whole(groups, "groups", 1)
        if channels[0] % groups or channels[1] % groups:
            raise ArgumentError(
                "groups ({groups}) must divide in_channels ({n}) and out_channels ({m})",
                groups=groups, n=channels[0], m=channels[1],
            )  # fmt: skip
        self.kernel_size = sizes(kernel_size, "kernel_size", 1)
        self.stride, self.dilation = sizes(stride, "stride", 1), sizes(dilation, "dilation", 1)
        self.padding = padding if isinstance(padding, str) else sizes(padding, "padding", 0)
        if isinstance(padding, str):  # refused now, and not at the first call
            border_of(padding, self.kernel_size, self.stride, self.dilation)
        first, second = channels if transposed else channels[::-1]
        shape = (first, second // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(initial(*shape, bound=bound))
        self.bias = Parameter(initial(channels[1], bound=bound)) if bias else None


class Conv1d(_Convolution):
    """Convolution of signals: (N, in_channels, L) to (N, out_channels, OL).

    Attributes
    ----------
    weight : Parameter (out_channels, in_channels / groups, k)
    bias : Parameter (out_channels,) or None
        Both uniform in ``[-1, 1] / sqrt(in_channels / groups k)`` at start.

    Examples
    --------
    >>> import numpy as np
    >>> Conv1d(2, 4, 3)(np.zeros((1, 2, 10))).shape
    (1, 4, 8)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
        padding: int | str = 0, dilation: int = 1, groups: int = 1, bias: bool = True,
    ) -> None:  # fmt: skip
        channels = in_channels, out_channels
        super().__init__(channels, kernel_size, stride, padding, dilation, groups, bias, single)

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        padding = self.padding if isinstance(self.padding, str) else self.padding[0]
        return conv1d(
            x, self.weight, self.bias, self.stride[0], padding, self.dilation[0], self.groups
        )


class Conv2d(_Convolution):
    """Convolution of images: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    Attributes
    ----------
    weight : Parameter (out_channels, in_channels / groups, kh, kw)
    bias : Parameter (out_channels,) or None
        Both uniform in ``[-1, 1] / sqrt(in_channels / groups kh kw)`` at start.

    Examples
    --------
    >>> import numpy as np
    >>> Conv2d(1, 8, 3)(np.zeros((2, 1, 50, 50))).shape
    (2, 8, 48, 48)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1,
        padding: Size | str = 0, dilation: Size = 1, groups: int = 1, bias: bool = True,
    ) -> None:  # fmt: skip
        channels = in_channels, out_channels
        super().__init__(channels, kernel_size, stride, padding, dilation, groups, bias)

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class ConvTranspose2d(_Convolution):
    """Transposed convolution, which enlarges images: the gradient of ``Conv2d`` for its input.

    Attributes
    ----------
    weight : Parameter (in_channels, out_channels / groups, kh, kw)
    bias : Parameter (out_channels,) or None
        Both uniform in ``[-1, 1] / sqrt(out_channels / groups kh kw)`` at start.

    Examples
    --------
    >>> import numpy as np
    >>> ConvTranspose2d(4, 2, 2, stride=2)(np.zeros((1, 4, 8, 8))).shape
    (1, 2, 16, 16)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1,
        padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True,
        dilation: Size = 1,
    ) -> None:  # fmt: skip
        channels, padding = (in_channels, out_channels), pair(padding, "padding", 0)
        super().__init__(
            channels, kernel_size, stride, padding, dilation, groups, bias, transposed=True
        )
        self.output_padding = pair(output_padding, "output_padding", 0)

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding,
            self.groups, self.dilation,
        )  # fmt: skip


class MaxPool2d(Module):
    """Maximum of each window: (N, C, H, W) to (N, C, OH, OW), or of one image (C, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.zeros((2, 8, 48, 48))).shape
    (2, 8, 24, 24)
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
        dilation: Size = 1, *, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else pair(stride, "stride", 1)
        self.padding, self.dilation = pair(padding, "padding", 0), pair(dilation, "dilation", 1)
        self.ceil_mode = bool(ceil_mode)

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return max_pool2d(
            x, self.kernel_size, self.stride, self.padding,
            dilation=self.dilation, ceil_mode=self.ceil_mode,
        )  # fmt: skip


class AvgPool2d(MaxPool2d):
    """Mean of each window: (N, C, H, W) to (N, C, OH, OW), or of one image (C, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.zeros((2, 8, 48, 48))).shape
    (2, 8, 24, 24)
    """

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
        ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad, divisor_override=self.divisor_override,
        )  # fmt: skip


class GlobalAvgPool2d(Module):
    """Mean of each channel: (N, C, H, W) to (N, C).

    Examples
    --------
    >>> import numpy as np
    >>> GlobalAvgPool2d()(np.zeros((2, 128, 4, 4))).shape
    (2, 128)
    """

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        if len(x.shape) != 4:
            raise ShapeError(
                "GlobalAvgPool2d takes images (N, C, H, W), not {shape}", shape=x.shape
            )
        return mean(x, (2, 3))


class AdaptiveAvgPool2d(Module):
    """Means of equal parts: (N, C, H, W) to (N, C, OH, OW), or of one image (C, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> AdaptiveAvgPool2d((3, None))(np.zeros((2, 8, 7, 5))).shape
    (2, 8, 3, 5)
    """

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return adaptive_avg_pool2d(x, self.output_size)


class Upsample(Module):
    """Larger images, each pixel repeated: (N, C, ...) with one axis or more to resize.

    Examples
    --------
    >>> import numpy as np
    >>> Upsample(scale_factor=2)(np.zeros((2, 8, 7, 5))).shape
    (2, 8, 14, 10)
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> None:
        self.size, self.scale_factor = size, scale_factor
        self.mode = one_of(mode, "mode", ("nearest",))

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return interpolate(x, self.size, self.scale_factor, self.mode)


class Embedding(Module):
    """A learned row for each index: (...) to (..., embedding_dim).

    Attributes
    ----------
    weight : Parameter (num_embeddings, embedding_dim)
        Normal with variance 1 at start.

    Examples
    --------
    >>> Embedding(10, 4)([[1, 2], [3, 3]]).shape
    (2, 2, 4)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        self.num_embeddings = whole(num_embeddings, "num_embeddings", 1)
        self.embedding_dim = whole(embedding_dim, "embedding_dim", 1)
        table = settings.generator().standard_normal((num_embeddings, embedding_dim))
        self.weight = Parameter(table.astype(settings.get_default_dtype()))

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        return embedding(x, self.weight)


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

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        if len(x.shape) <= self.start_dim:
            raise ShapeError(
                "Flatten keeps axis 0 for the examples; {shape} has none to merge: add x[None]",
                shape=x.shape,
            )
        return flatten(x, self.start_dim, self.end_dim)


class Unflatten(Module):
    """Split one axis into several, the inverse of :class:`Flatten`.

    Examples
    --------
    >>> import numpy as np
    >>> Unflatten(1, (8, 24, -1))(np.zeros((2, 4608))).shape
    (2, 8, 24, 24)
    """

    def __init__(self, dim: int, unflattened_size: int | tuple[int, ...]) -> None:
        sizes = unflattened_size
        self.dim, self.unflattened_size = dim, (sizes,) if isinstance(sizes, int) else tuple(sizes)

    def forward(self, x: Any) -> Tensor:
        """Apply the layer."""
        axis = normalize_axis_index(self.dim, len(x.shape))
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])


def single(value: Any, name: str, least: int) -> tuple[int]:
    """``3`` and ``(3,)`` as (3,)."""
    value = value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value
    return (whole(value, name, least),)
