"""The error function, to the last digits of float64, without SciPy."""

import numpy as np

from . import Array, as_array

# W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
# Computation 23 (1969): numerators and denominators, highest power first, for |x| up to 0.47, for
# erfc up to 4, and beyond.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)  # fmt: skip


# erf(x) / x in powers of x^2 for single precision, fitted by least squares of the relative error to
# 4,000 points up to 4, where erf is 1: within 3e-8, and with float32's rounding 3.5e-7.
_SINGLE = (
    (1.98896279e-6, 2.84092222e-4, 3.86522331e-3, 5.30448035e-2, 1.93132193e-1, 1.12837914),
    (3.74182418e-5, 1.18107104e-3, 1.51707190e-2, 1.15177291e-1, 5.04491576e-1, 1.0),
)


def erf(x: Array) -> Array:
    r""":math:`\frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt`."""
    x = as_array(x)
    if x.dtype.char == "f":  # 25 times faster
        near = np.clip(x, -4, 4)
        return as_array(np.clip(near * _ratio(_SINGLE, near * near), -1, 1))
    a = np.abs(x.astype(np.float64, copy=False)).reshape(-1)  # so that masks have an axis
    y = np.where(np.isnan(a), a, 1.0)  # 1 from 6 on
    near, middle, far = a <= 0.46875, (a > 0.46875) & (a <= 4), (a > 4) & (a < 6)
    y[near] = a[near] * _ratio(_NEAR, a[near] ** 2)
    y[middle] = 1 - np.exp(-(a[middle] ** 2)) * _ratio(_MIDDLE, a[middle])
    s = 1 / a[far] ** 2
    y[far] = 1 - np.exp(-1 / s) * (1 / np.sqrt(np.pi) - s * _ratio(_FAR, s)) / a[far]
    y = np.copysign(y.reshape(x.shape), x)
    return as_array(y.astype(x.dtype if x.dtype.kind == "f" else np.float64))


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    return as_array(_polynomial(coefficients[0], x) / _polynomial(coefficients[1], x))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's scheme, in place."""
    y = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        y *= x
        y += coefficient
    return y
