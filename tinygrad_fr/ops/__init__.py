"""The operations, one file per family; each with its gradients beside it."""

from .activations import log_softmax, relu, sigmoid, softmax
from .arithmetic import add, divide, multiply, negative, subtract
from .casting import astype
from .convolution import conv2d
from .elementwise import abs, cos, exp, log, power, sin, sqrt, square, tanh
from .indexing import getitem
from .linalg import linear, matmul
from .losses import binary_cross_entropy, cross_entropy, mse_loss
from .pooling import max_pool2d
from .reductions import logsumexp, max, mean, min, sum
from .selection import (
    clip,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    maximum,
    minimum,
    not_equal,
    where,
)
from .shape import broadcast_to, concatenate, flatten, reshape, swapaxes, transpose

__all__ = [
    "abs", "add", "astype", "binary_cross_entropy", "broadcast_to", "clip", "concatenate",
    "conv2d", "cos", "cross_entropy", "divide", "equal", "exp", "flatten", "getitem", "greater",
    "greater_equal", "less", "less_equal", "linear", "log", "log_softmax", "logsumexp", "matmul",
    "max", "max_pool2d", "maximum", "mean", "min", "minimum", "mse_loss", "multiply", "negative",
    "not_equal", "power", "relu", "reshape", "sigmoid", "sin", "softmax", "sqrt", "square",
    "subtract", "sum", "swapaxes", "tanh", "transpose", "where",
]  # fmt: skip
