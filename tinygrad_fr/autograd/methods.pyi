"""Generated from the registry of operations by tests/stubs.py. Do not edit."""

from collections.abc import Sequence
from typing import Any, TypeAlias, overload

from numpy.typing import ArrayLike

from .engine import Node
from .tensor import Tensor

Pair: TypeAlias = tuple[int, int]
Axis: TypeAlias = int | tuple[int, ...] | None
Arrays: TypeAlias = Sequence[Tensor | ArrayLike]

class Methods(Node):
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __ge__(self, other: Any) -> Tensor: ...
    def __getitem__(self, other: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def abs(self) -> Tensor:
        """Absolute value; its derivative at 0 is taken as 0."""
    def add(self, b: Tensor | ArrayLike) -> Tensor:
        """Sum."""
    def astype(self, dtype: Any) -> Tensor:
        """The same numbers in another dtype; the gradient comes back in the dtype of ``x``."""
    def binary_cross_entropy(self, target: Tensor | ArrayLike, reduction: str = 'mean') -> Tensor:
        """Cross entropy of probabilities ``p`` of the class 1 (course document 002, slide 22)."""
    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor:
        """Repeat along new axes and along axes of size 1, without a copy."""
    def clip(self, low: float | None = None, high: float | None = None) -> Tensor:
        """Limit to ``[low, high]``; the gradient passes inside and at the bounds."""
    def conv2d(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None, stride: int | Pair = 1, padding: int | Pair = 0) -> Tensor:
        """Convolution of images (a cross-correlation, as everywhere in deep learning)."""
    def cos(self) -> Tensor:
        """Cosine."""
    def cross_entropy(self, target: Tensor | ArrayLike, reduction: str = 'mean', label_smoothing: float = 0.0) -> Tensor:
        """Softmax and cross entropy in one, without overflow."""
    def divide(self, b: Tensor | ArrayLike) -> Tensor:
        """Quotient, element by element."""
    def equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a == b``, element by element: an untracked boolean Tensor."""
    def exp(self) -> Tensor:
        """Exponential."""
    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Merge neighbouring axes, in row-major order: (N, C, H, W) to (N, C H W) with ``start_dim=1``."""
    def greater(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a > b``, element by element: an untracked boolean Tensor."""
    def greater_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a >= b``, element by element: an untracked boolean Tensor."""
    def less(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a < b``, element by element: an untracked boolean Tensor."""
    def less_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a <= b``, element by element: an untracked boolean Tensor."""
    def linear(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None) -> Tensor:
        """A dense layer: (..., in), (out, in) and (out,) to (..., out)."""
    def log(self) -> Tensor:
        """Natural logarithm. A zero upstream gradient stays zero, even at ``x = 0``."""
    def log_softmax(self, axis: int = -1) -> Tensor:
        """Logarithm of the softmax, exact even where the softmax is 0 to rounding."""
    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Logarithm of a sum of exponentials, without overflow."""
    def matmul(self, b: Tensor | ArrayLike) -> Tensor:
        """Matrix product, with NumPy's rules for vectors and for stacks of matrices."""
    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Maximum over all axes, or over those given; ties share the gradient equally."""
    def max_pool2d(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Tensor:
        """Maximum of each window; ties give the gradient to the first, in row-major order."""
    def maximum(self, b: Tensor | ArrayLike) -> Tensor:
        """The larger of two numbers; where they are equal, each gets half of the gradient."""
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Mean over all axes, or over those given."""
    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Minimum over all axes, or over those given; ties share the gradient equally."""
    def minimum(self, b: Tensor | ArrayLike) -> Tensor:
        """The smaller of two numbers; where they are equal, each gets half of the gradient."""
    def mse_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean') -> Tensor:
        """Mean of the squared differences, over all entries."""
    def multiply(self, b: Tensor | ArrayLike) -> Tensor:
        """Product, element by element."""
    def negative(self) -> Tensor:
        """The opposite."""
    def not_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a != b``, element by element: an untracked boolean Tensor."""
    def power(self, b: Tensor | ArrayLike) -> Tensor:
        """Power, element by element."""
    def relu(self) -> Tensor:
        """Rectified linear unit; its derivative at 0 is taken as 0."""
    def reshape(self, *shape: int | Sequence[int] | None) -> Tensor:
        """The same numbers, in the same (row-major) order, in another shape."""
    def sigmoid(self) -> Tensor:
        """Logistic function; it never overflows."""
    def sin(self) -> Tensor:
        """Sine."""
    def softmax(self, axis: int = -1) -> Tensor:
        """Exponentials divided by their sum, without overflow (document 002, slides 41 to 44)."""
    def sqrt(self) -> Tensor:
        """Square root. A zero upstream gradient stays zero, even at ``x = 0``."""
    def square(self) -> Tensor:
        """Square."""
    def subtract(self, b: Tensor | ArrayLike) -> Tensor:
        """Difference."""
    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Sum over all axes, or over those given."""
    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
    def tanh(self) -> Tensor:
        """Hyperbolic tangent (course document 002, slide 12)."""
    def transpose(self, *axes: int | Sequence[int] | None) -> Tensor:
        """Reverse the axes, or put them in the given order."""
