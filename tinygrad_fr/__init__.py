"""tinygrad_fr: an autograd framework on NumPy for courses on neural networks."""

from .autograd.engine import debug, no_grad
from .autograd.op import op
from .autograd.tensor import Tensor
from .autograd.transforms import (
    grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp,
)
from .ops import *  # noqa: F403
from .settings import manual_seed, set_default_dtype, set_language
