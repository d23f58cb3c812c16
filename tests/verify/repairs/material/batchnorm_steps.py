"""Batch norm, step by step as in the CS231n / Kratzert blog (out, cache)."""
import numpy as np


def batchnorm_forward(x, gamma, beta):
    eps = 1e-5
    N, D = x.shape
    # step 1: mean
    mu = 1. / N * np.sum(x, axis=0)
    # step 2: subtract the mean
    xmu = x - mu
    # step 3 and 4: variance
    sq = xmu ** 2
    var = 1. / N * np.sum(sq, axis=0)
    # step 5 and 6: inverse of the standard deviation
    sqrtvar = np.sqrt(var + eps)
    ivar = 1. / sqrtvar
    # step 7: normalize
    xhat = xmu * ivar
    # step 8 and 9: scale and shift
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    # step 9
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    # step 8
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    # step 7
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    # step 6
    dsqrtvar = -1. / (sqrtvar ** 2) * divar
    # step 5
    dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
    # step 4
    dsq = 1. / N * np.ones((N, D)) * dvar
    # step 3
    dxmu2 = 2 * xmu * dsq
    # step 2
    dx1 = (dxmu1 + dxmu2)
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    # step 1
    dx2 = 1. / N * np.ones((N, D)) * dmu
    # step 0
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def example(rng):
    x = 1.5 * rng.standard_normal((5, 3)) + 0.5
    return (batchnorm_forward, batchnorm_backward), (x, rng.uniform(0.5, 2, 3), rng.standard_normal(3))


def sized(rng):
    x = 1.5 * rng.standard_normal((8, 2)) - 1.0
    return (batchnorm_forward, batchnorm_backward), (x, rng.uniform(0.5, 2, 2), rng.standard_normal(2))


MISTAKES = [
    ("dxhat = dgammax * gamma", "dxhat = dgammax", "gamma forgotten",
     "The scale is missing on the way to xhat."),
    ("dgamma = np.sum(dgammax * xhat, axis=0)", "dgamma = np.sum(dgammax * xmu, axis=0)",
     "wrong variable of the same shape", "xmu for xhat."),
    ("divar = np.sum(dxhat * xmu, axis=0)", "divar = np.sum(dxhat * xhat, axis=0)",
     "wrong variable of the same shape", "xhat for xmu."),
    ("dsqrtvar = -1. / (sqrtvar ** 2) * divar", "dsqrtvar = 1. / (sqrtvar ** 2) * divar",
     "sign", "The minus of the derivative of 1/x is lost."),
    ("dsqrtvar = -1. / (sqrtvar ** 2) * divar", "dsqrtvar = -1. / sqrtvar * divar", "power",
     "1/x for 1/x^2."),
    ("dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar", "dvar = 0.5 * np.sqrt(var + eps) * dsqrtvar",
     "inverse forgotten", "Times the root instead of divided by it."),
    ("dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar", "dvar = 1. / np.sqrt(var + eps) * dsqrtvar",
     "factor 1/2", "The 1/2 of the square root's derivative is forgotten."),
    ("dxmu2 = 2 * xmu * dsq", "dxmu2 = xmu * dsq", "factor 2", "d(x^2) = x."),
    ("""    dx1 = (dxmu1 + dxmu2)
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
""", """    dx1 = dxmu1
    dmu = -1 * np.sum(dxmu1, axis=0)
""", "forgotten path, two", "The path through the variance is missing."),
    ("dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)", "dmu = np.sum(dxmu1 + dxmu2, axis=0)", "sign",
     "The minus of x - mu is lost."),
    ("dx2 = 1. / N * np.ones((N, D)) * dmu", "dx2 = np.ones((N, D)) * dmu", "1/N forgotten",
     "The mean's 1/N is missing."),
    ("dx = dx1 + dx2", "dx = dx1", "forgotten path", "The path through the mean is missing."),
]
