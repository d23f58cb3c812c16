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
    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __getitem__(self, other: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __lshift__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __rlshift__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __round__(self, decimals: int = 0) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rrshift__(self, other: Any) -> Tensor: ...
    def __rshift__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def abs(self) -> Tensor:
        """Absolute value; its derivative at 0 is taken as 0."""
    def adaptive_avg_pool2d(self, output_size: Any) -> Tensor:
        """The means of parts of an image, equal or nearly so: (N, C, H, W) to (N, C, OH, OW)."""
    def add(self, b: Tensor | ArrayLike) -> Tensor:
        """Sum."""
    def all(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Whether all entries are true, or not zero."""
    def any(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Whether any entry is true, or not zero."""
    def arccos(self) -> Tensor:
        """Inverse of the cosine, in [0, pi]."""
    def arccosh(self) -> Tensor:
        """Inverse of the hyperbolic cosine, from 0 on."""
    def arcsin(self) -> Tensor:
        """Inverse of the sine, in [-pi/2, pi/2]."""
    def arcsinh(self) -> Tensor:
        """Inverse of the hyperbolic sine."""
    def arctan(self) -> Tensor:
        """Inverse of the tangent, in [-pi/2, pi/2]."""
    def arctan2(self, b: Tensor | ArrayLike) -> Tensor:
        """The angle of the point ``(b, a)``, in [-pi, pi]; its derivative at (0, 0) is taken as 0."""
    def arctanh(self) -> Tensor:
        """Inverse of the hyperbolic tangent."""
    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """The index of the maximum, the first of them if there are several."""
    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """The index of the minimum, the first of them if there are several."""
    def array_split(self, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
        """Cut as ``split`` does, into parts that need not be equal: the first ones are longer by 1."""
    def astype(self, dtype: Any) -> Tensor:
        """The same numbers in another dtype; the gradient comes back in the dtype of ``x``."""
    def atleast_1d(self) -> Tensor:
        """With axes of size 1 up to 1, as in NumPy; a tuple for several arrays."""
    def atleast_2d(self) -> Tensor:
        """With axes of size 1 up to 2, as in NumPy; a tuple for several arrays."""
    def atleast_3d(self) -> Tensor:
        """With axes of size 1 up to 3, as in NumPy; a tuple for several arrays."""
    def avg_pool2d(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, *, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
        """Mean of each window."""
    def batch_norm(self, running_mean: Any, running_var: Any, weight: Tensor | ArrayLike | None = None, bias: Tensor | ArrayLike | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
        """Each channel brought to mean 0 and variance 1, then scaled and moved."""
    def binary_cross_entropy(self, target: Tensor | ArrayLike, reduction: str = 'mean', weight: Any = None) -> Tensor:
        """Cross entropy of probabilities ``p`` of the class 1 (course document 002, slide 22)."""
    def binary_cross_entropy_with_logits(self, target: Tensor | ArrayLike, reduction: str = 'mean', weight: Any = None, pos_weight: Any = None) -> Tensor:
        """Sigmoid and binary cross entropy in one, without overflow."""
    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor:
        """Repeat along new axes and along axes of size 1, without a copy."""
    def ceil(self) -> Tensor:
        """The next integer above: constant between jumps, so an untracked result."""
    def cholesky(self) -> Tensor:
        """The lower triangular L with :math:`L L^{\top} = X`, for a positive definite matrix."""
    def clip(self, min: Tensor | ArrayLike | None = None, max: Tensor | ArrayLike | None = None) -> Tensor:
        """Limit to ``[min, max]``; the gradient passes inside and at the bounds."""
    def conv1d(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None, stride: int = 1, padding: int | str = 0, dilation: int = 1, groups: int = 1) -> Tensor:
        """Convolution of signals: ``conv2d`` of images one pixel high."""
    def conv2d(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None, stride: int | Pair = 1, padding: int | Pair | str = 0, dilation: int | Pair = 1, groups: int = 1) -> Tensor:
        """Convolution of images (a cross-correlation, as everywhere in deep learning)."""
    def conv_transpose2d(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None, stride: int | Pair = 1, padding: int | Pair = 0, output_padding: int | Pair = 0, groups: int = 1, dilation: int | Pair = 1) -> Tensor:
        """Transposed convolution: the gradient of ``conv2d`` for its images, used to enlarge them."""
    def copy(self) -> Tensor:
        """The same numbers on memory of their own; ``+x`` does the same."""
    def cos(self) -> Tensor:
        """Cosine."""
    def cosh(self) -> Tensor:
        """Hyperbolic cosine."""
    def cross_entropy(self, target: Tensor | ArrayLike, reduction: str = 'mean', label_smoothing: float = 0.0, weight: Any = None, ignore_index: int | None = -100) -> Tensor:
        """Softmax and cross entropy in one, without overflow."""
    def cumprod(self, axis: int | None = None) -> Tensor:
        """Products of each entry and all before it, along an axis (all flattened if it is None)."""
    def cumsum(self, axis: int | None = None) -> Tensor:
        """Sums of each entry and all before it, along an axis (all flattened first if it is None)."""
    def det(self) -> Tensor:
        """Determinant; of large matrices take ``slogdet``, which does not overflow."""
    def diag(self, k: int = 0) -> Tensor:
        """The matrix with a given diagonal (``k`` above the main one), or the diagonal of a matrix."""
    def diff(self, n: int = 1, axis: int = -1, prepend: Tensor | ArrayLike | None = None, append: Tensor | ArrayLike | None = None) -> Tensor:
        """Differences of neighbours along an axis, taken ``n`` times."""
    def divide(self, b: Tensor | ArrayLike) -> Tensor:
        """Quotient, element by element."""
    def divmod(self, b: Tensor | ArrayLike) -> tuple[Tensor, Tensor]:
        """Quotient rounded down (an untracked result) and remainder."""
    def dot(self, b: Tensor | ArrayLike) -> Tensor:
        """NumPy's dot: the matrix product for vectors and matrices, a product for numbers."""
    def dropout(self, p: float = 0.5, training: bool = True) -> Tensor:
        """In training each number becomes 0 with probability ``p``; the others grow by 1 / (1 - p)."""
    def elu(self, alpha: float = 1.0) -> Tensor:
        """Exponential linear unit; its derivative at 0 is taken as ``alpha``."""
    def embedding(self, weight: Tensor | ArrayLike) -> Tensor:
        """The row of a table for each index."""
    def equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a == b``, element by element: an untracked boolean Tensor."""
    def erf(self) -> Tensor:
        """Error function, to the last digits in float64 and within 4e-7 in float32."""
    def exp(self) -> Tensor:
        """Exponential."""
    def exp2(self) -> Tensor:
        """Power of two."""
    def expand_dims(self, axis: int | tuple[int, ...]) -> Tensor:
        """Insert axes of size 1; ``x[:, None]`` does the same."""
    def expm1(self) -> Tensor:
        """Exponential minus 1, exact for small ``x``."""
    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Merge neighbouring axes, in row-major order: (N, C, H, W) to (N, C H W) with ``start_dim=1``."""
    def flip(self, axis: int | tuple[int, ...] | None = None) -> Tensor:
        """Reverse the order along all axes, or along those given."""
    def floor(self) -> Tensor:
        """The next integer below: constant between jumps, so an untracked result."""
    def floor_divide(self, b: Tensor | ArrayLike) -> Tensor:
        """Quotient rounded down: constant between jumps, so an untracked result."""
    def gelu(self, approximate: str = 'none') -> Tensor:
        """Gaussian error linear unit: x times the normal distribution function."""
    def greater(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a > b``, element by element: an untracked boolean Tensor."""
    def greater_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a >= b``, element by element: an untracked boolean Tensor."""
    def group_norm(self, num_groups: int, weight: Tensor | ArrayLike | None = None, bias: Tensor | ArrayLike | None = None, eps: float = 1e-05) -> Tensor:
        """Each group of channels of an example brought to mean 0 and variance 1, scaled and moved."""
    def hinge_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean') -> Tensor:
        """The loss of support vector machines for two classes, -1 and 1."""
    def huber_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean', delta: float = 1.0) -> Tensor:
        """Squares of small differences, absolute values of large ones: outliers pull less."""
    def hypot(self, b: Tensor | ArrayLike) -> Tensor:
        """The distance from the origin, without overflow; its derivative at (0, 0) is taken as 0."""
    def identity(self) -> Tensor:
        """The same numbers."""
    def interpolate(self, size: Any = None, scale_factor: Any = None, mode: str = 'nearest') -> Tensor:
        """The nearest number, or pixel, for each place of an image of another size."""
    def inv(self) -> Tensor:
        """Inverse of a matrix. To solve equations, ``solve`` is quicker and more exact."""
    def isnan(self) -> Tensor:
        """Whether each entry is NaN: constant between jumps, so an untracked result."""
    def kl_div(self, target: Tensor | ArrayLike, reduction: str = 'mean', log_target: bool = False) -> Tensor:
        """Kullback-Leibler divergence with PyTorch's arguments; ``kl_divergence`` is the documents'."""
    def kl_divergence(self, q: Tensor | ArrayLike, reduction: str = 'mean', axis: int = -1) -> Tensor:
        """Kullback-Leibler divergence of distributions (course document 001), with 0 ln 0 = 0."""
    def l1_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean') -> Tensor:
        """Mean of the absolute differences, over all entries; where they are 0, so is the gradient."""
    def layer_norm(self, normalized_shape: int | tuple[int, ...], weight: Tensor | ArrayLike | None = None, bias: Tensor | ArrayLike | None = None, eps: float = 1e-05) -> Tensor:
        """Each example brought to mean 0 and variance 1 over its last axes, then scaled and moved."""
    def leaky_relu(self, negative_slope: float = 0.01) -> Tensor:
        """ReLU with a small slope on the negative side, which its derivative also has at 0."""
    def less(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a < b``, element by element: an untracked boolean Tensor."""
    def less_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a <= b``, element by element: an untracked boolean Tensor."""
    def linear(self, weight: Tensor | ArrayLike, bias: Tensor | ArrayLike | None = None) -> Tensor:
        """A dense layer: (..., in), (out, in) and (out,) to (..., out)."""
    def log(self) -> Tensor:
        """Natural logarithm. A zero upstream gradient stays zero, even at ``x = 0``."""
    def log10(self) -> Tensor:
        """Logarithm to the base 10."""
    def log1p(self) -> Tensor:
        """Logarithm of ``1 + x``, exact for small ``x``."""
    def log2(self) -> Tensor:
        """Logarithm to the base 2."""
    def log_softmax(self, axis: int = -1) -> Tensor:
        """Logarithm of the softmax, exact even where the softmax is 0 to rounding."""
    def logaddexp(self, b: Tensor | ArrayLike) -> Tensor:
        """Logarithm of the sum of two exponentials, without overflow; equal infinities share equally."""
    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Logarithm of a sum of exponentials, without overflow."""
    def lstm(self, h: Tensor | ArrayLike, c: Tensor | ArrayLike, weight: Tensor | ArrayLike) -> Tensor:
        """All states and memories of a long short-term memory; the steps of ``nn.LSTMCell``, faster."""
    def matmul(self, b: Tensor | ArrayLike) -> Tensor:
        """Matrix product, with NumPy's rules for vectors and for stacks of matrices."""
    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Maximum over all axes, or over those given; ties share the gradient equally."""
    def max_pool2d(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, *, dilation: int | Pair = 1, ceil_mode: bool = False) -> Tensor:
        """Maximum of each window; ties give the gradient to the first, in row-major order."""
    def maximum(self, b: Tensor | ArrayLike) -> Tensor:
        """The larger of two numbers; where they are equal, each gets half of the gradient."""
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Mean over all axes, or over those given."""
    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Minimum over all axes, or over those given; ties share the gradient equally."""
    def minimum(self, b: Tensor | ArrayLike) -> Tensor:
        """The smaller of two numbers; where they are equal, each gets half of the gradient."""
    def mod(self, b: Tensor | ArrayLike) -> Tensor:
        """Remainder of the division, of the sign of ``b``; its slopes are those between the jumps."""
    def moveaxis(self, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor:
        """Put axes at other positions; the others keep their order."""
    def mse_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean') -> Tensor:
        """Mean of the squared differences, over all entries."""
    def multi_margin_loss(self, target: Tensor | ArrayLike, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = 'mean') -> Tensor:
        """The loss of support vector machines for several classes."""
    def multiply(self, b: Tensor | ArrayLike) -> Tensor:
        """Product, element by element."""
    def negative(self) -> Tensor:
        """The opposite."""
    def nll_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean', weight: Any = None, ignore_index: int | None = -100) -> Tensor:
        """Negative logarithm of the probability of the right class, such as after ``log_softmax``."""
    def norm(self, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Norm of vectors, :math:`(\sum |x|^p)^{1/p}`, or of matrices; its derivative at 0 is 0."""
    def not_equal(self, b: Tensor | ArrayLike) -> Tensor:
        """Whether ``a != b``, element by element: an untracked boolean Tensor."""
    def one_hot(self, num_classes: int = -1) -> Tensor:
        """A row with a 1 at the label and 0 elsewhere, for each label; of the default dtype."""
    def outer(self, b: Tensor | ArrayLike) -> Tensor:
        """All products of an entry of ``a`` and one of ``b``, both flattened."""
    def pad(self, pad_width: Any, mode: str = 'constant', constant_values: float = 0.0) -> Tensor:
        """A border around the array."""
    def power(self, b: Tensor | ArrayLike) -> Tensor:
        """Power, element by element."""
    def prelu(self, weight: Tensor | ArrayLike) -> Tensor:
        """Leaky ReLU whose negative slope is learned; at 0 the derivative is that slope."""
    def prod(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Product over all axes, or over those given."""
    def ravel(self) -> Tensor:
        """All numbers on one axis, in row-major order."""
    def reciprocal(self) -> Tensor:
        """1 over x. A zero upstream gradient stays zero, even at ``x = 0``."""
    def relu(self) -> Tensor:
        """Rectified linear unit; its derivative at 0 is taken as 0."""
    def repeat(self, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
        """Each entry several times in a row, along an axis (all flattened first if it is None)."""
    def reshape(self, *shape: int | Sequence[int] | None) -> Tensor:
        """The same numbers, in the same (row-major) order, in another shape."""
    def roll(self, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Tensor:
        """Move along axes; what leaves at one end comes back at the other."""
    def round(self, decimals: int = 0) -> Tensor:
        """The nearest number with so many decimals: constant between jumps, so an untracked result."""
    def scaled_dot_product_attention(self, key: Tensor | ArrayLike, value: Tensor | ArrayLike, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None) -> Tensor:
        """For each query, the mean of the values, weighted by a softmax over the keys."""
    def sigmoid(self) -> Tensor:
        """Logistic function; it never overflows."""
    def sign(self) -> Tensor:
        """-1, 0 or 1: constant between jumps, so an untracked result."""
    def silu(self) -> Tensor:
        """Sigmoid linear unit, also called swish."""
    def sin(self) -> Tensor:
        """Sine."""
    def sinh(self) -> Tensor:
        """Hyperbolic sine."""
    def slogdet(self) -> tuple[Tensor, Tensor]:
        """Sign (an untracked result) and logarithm of the absolute value of the determinant."""
    def smooth_l1_loss(self, target: Tensor | ArrayLike, reduction: str = 'mean', beta: float = 1.0) -> Tensor:
        """The Huber loss over ``beta``: it tends to ``l1_loss``, which it is below a ``beta`` of 1e-20."""
    def softmax(self, axis: int = -1) -> Tensor:
        """Exponentials divided by their sum, without overflow (document 002, slides 41 to 44)."""
    def softplus(self, beta: float = 1.0) -> Tensor:
        """Smooth ReLU; it never overflows."""
    def solve(self, b: Tensor | ArrayLike) -> Tensor:
        """The solution of ``a @ x = b``, for one right side (M,) or for columns (..., M, K)."""
    def sort(self, axis: int | None = -1) -> Tensor:
        """In ascending order along an axis (of all, flattened, if it is None)."""
    def split(self, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
        """Cut into parts along an axis: the inverse of ``concatenate``."""
    def sqrt(self) -> Tensor:
        """Square root. A zero upstream gradient stays zero, even at ``x = 0``."""
    def square(self) -> Tensor:
        """Square."""
    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Tensor:
        """Remove axes of size 1: all of them, or those given."""
    def std(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0, *, correction: int | None = None) -> Tensor:
        """Standard deviation; its derivative at 0 is taken as 0. For ``ddof`` see ``var``."""
    def step(self) -> Tensor:
        """Heaviside's step, 1 at 0; its derivative is taken as 0 everywhere."""
    def subtract(self, b: Tensor | ArrayLike) -> Tensor:
        """Difference."""
    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Sum over all axes, or over those given."""
    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
    def take(self, indices: Any, axis: int | None = None) -> Tensor:
        """The entries at some positions along an axis (of all, flattened, if it is None)."""
    def tan(self) -> Tensor:
        """Tangent."""
    def tanh(self) -> Tensor:
        """Hyperbolic tangent (course document 002, slide 12)."""
    def tensordot(self, b: Tensor | ArrayLike, axes: Any = 2) -> Tensor:
        """Products summed over axes of both."""
    def tile(self, reps: int | Sequence[int]) -> Tensor:
        """The whole array several times, along each axis."""
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Sum along the diagonal."""
    def transpose(self, *axes: int | Sequence[int] | None) -> Tensor:
        """Reverse the axes, or put them in the given order."""
    def tril(self, k: int = 0) -> Tensor:
        """The entries on the diagonal ``k`` and below it; 0 elsewhere."""
    def triplet_margin_loss(self, positive: Tensor | ArrayLike, negative: Tensor | ArrayLike, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, reduction: str = 'mean') -> Tensor:
        """Ask that an anchor be nearer to its like than to another, by a margin."""
    def triu(self, k: int = 0) -> Tensor:
        """The entries on the diagonal ``k`` and above it; 0 elsewhere."""
    def var(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0, *, correction: int | None = None) -> Tensor:
        """Variance; the divisor is ``n - ddof`` (NumPy's default is 0, PyTorch's 1)."""
