"""Ready-made models. Each knows the shape of one example, for ``summary``."""

import itertools
from collections.abc import Callable, Sequence

from ..checks import whole
from ..errors import ArgumentError
from .activations import ReLU
from .containers import Sequential
from .layers import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d
from .module import Module
from .normalisation import BatchNorm2d, Dropout

__all__ = ["MODELS", "course_cnn", "lenet", "mlp", "small_vgg"]


def course_cnn(classes: int = 5, size: int = 50, channels: int = 1) -> Sequential:
    """The course's network: eight 3x3 filters, 2x2 max-pooling, one dense layer (000, 003).

    With 50x50 grey images: 48x48x8, then 24x24x8 = 4608 values, then ``classes`` logits. The
    softmax belongs to the loss (``tg.cross_entropy``).

    Parameters
    ----------
    classes
        Number of logits.
    size
        Height and width of the images, at least 4.
    channels
        1 for grey images, 3 for colour.

    Examples
    --------
    >>> import numpy as np
    >>> course_cnn()(np.zeros((2, 1, 50, 50))).shape
    (2, 5)
    """
    side = (whole(size, "size", 4) - 2) // 2
    model = Sequential(
        Conv2d(channels, 8, 3), MaxPool2d(2), Flatten(), Linear(8 * side * side, classes)
    )
    return _shaped(model, channels, size, size)


def lenet(classes: int = 10, size: int = 28, channels: int = 1) -> Sequential:
    """Two convolutions of 16 and 32 3x3 filters, each with ReLU and pooling, and two dense layers.

    Examples
    --------
    >>> import numpy as np
    >>> lenet()(np.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """
    side = whole(size, "size", 4) // 2 // 2
    model = Sequential(
        Conv2d(channels, 16, 3, padding=1), ReLU(), MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1), ReLU(), MaxPool2d(2),
        Flatten(), Linear(32 * side * side, 128), ReLU(), Linear(128, classes),
    )  # fmt: skip
    return _shaped(model, channels, size, size)


def mlp(sizes: Sequence[int], activation: Callable[[], Module] = ReLU) -> Sequential:
    """Dense layers with an activation between them.

    Parameters
    ----------
    sizes
        The number of features at each level, from input to output.
    activation
        Makes the Module between two layers.

    Examples
    --------
    >>> import numpy as np
    >>> mlp((784, 256, 10))(np.zeros((2, 784))).shape
    (2, 10)
    """
    if len(sizes) < 2:
        raise ArgumentError(
            "an mlp needs at least two sizes, input and output: {sizes}", sizes=sizes
        )
    layers: list[Module] = []
    for n, m in itertools.pairwise(sizes):
        layers += [Linear(n, m), activation()]
    return _shaped(Sequential(*layers[:-1]), sizes[0])


def small_vgg(
    classes: int = 5, size: int = 64, channels: int = 3, dropout: float = 0.3
) -> Sequential:
    """Four blocks of 24, 48, 96 and 128 3x3 filters, then the mean of each channel.

    Each block is a convolution, batch normalisation, ReLU and 2x2 max-pooling. The convolutions
    have no bias: batch normalisation would remove it.

    Parameters
    ----------
    classes
        Number of logits.
    size
        Height and width of the images, at least 16.
    channels
        1 for grey images, 3 for colour.
    dropout
        The probability with which each of the 128 means is left out in training.

    Examples
    --------
    >>> import numpy as np
    >>> small_vgg()(np.zeros((2, 3, 64, 64))).shape
    (2, 5)
    """
    whole(size, "size", 16)
    layers: list[Module] = []
    for n, m in itertools.pairwise((channels, 24, 48, 96, 128)):
        layers += [Conv2d(n, m, 3, padding=1, bias=False), BatchNorm2d(m), ReLU(), MaxPool2d(2)]
    layers += [GlobalAvgPool2d(), Dropout(dropout), Linear(128, classes)]
    return _shaped(Sequential(*layers), channels, size, size)


def _shaped(model: Sequential, *shape: int) -> Sequential:
    model.input_shape = shape  # type: ignore[attr-defined]
    return model


MODELS = {"course_cnn": course_cnn, "lenet": lenet, "small_vgg": small_vgg}

# Their first dense weights, (out, in), by the number of classes and the size of the images.
DENSE: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "course_cnn": lambda classes, size: (classes, 8 * ((size - 2) // 2) ** 2),
    "lenet": lambda classes, size: (128, 32 * (size // 4) ** 2),
    "small_vgg": lambda classes, size: (classes, 128),
}
