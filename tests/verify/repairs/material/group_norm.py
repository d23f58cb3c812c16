"""Spatial group normalisation, pair of functions with a cache (CS231n), long form through dvar and dmean."""
import numpy as np


def spatial_groupnorm_forward(x, gamma, beta, G=2, eps=1e-2):
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    mean = xg.mean(axis=(2, 3, 4), keepdims=True)
    var = xg.var(axis=(2, 3, 4), keepdims=True)
    x_hat = ((xg - mean) / np.sqrt(var + eps)).reshape(N, C, H, W)
    out = gamma[None, :, None, None] * x_hat + beta[None, :, None, None]
    cache = (xg, mean, var, x_hat, gamma, G, eps)
    return out, cache


def spatial_groupnorm_backward(dout, cache):
    xg, mean, var, x_hat, gamma, G, eps = cache
    N, C, H, W = dout.shape
    axes = (2, 3, 4)
    m = C // G * H * W

    dbeta = np.sum(dout, axis=(0, 2, 3))
    dgamma = np.sum(dout * x_hat, axis=(0, 2, 3))

    dx_hat = dout * gamma[None, :, None, None]
    dxg = dx_hat.reshape(xg.shape)
    xmu = xg - mean
    ivar = 1.0 / np.sqrt(var + eps)

    dvar = np.sum(dxg * xmu, axis=axes, keepdims=True) * -0.5 * ivar ** 3
    dmean = -np.sum(dxg * ivar, axis=axes, keepdims=True)
    dx = dxg * ivar + dvar * 2 * xmu / m + dmean / m
    dx = dx.reshape(N, C, H, W)
    return dx, dgamma, dbeta


def example(rng):
    x = 1.3 * rng.standard_normal((3, 4, 2, 5)) + 0.5
    return (spatial_groupnorm_forward, spatial_groupnorm_backward), \
        (x, rng.standard_normal(4), rng.standard_normal(4))


def sized(rng):
    x = 1.3 * rng.standard_normal((2, 6, 3, 4)) + 0.5
    return (spatial_groupnorm_forward, spatial_groupnorm_backward), \
        (x, rng.standard_normal(6), rng.standard_normal(6))


MISTAKES = [
    ("m = C // G * H * W", "m = N * H * W",
     "wrong constant (batch norm's count)", "The number of elements of a batch-norm channel, not of a group."),
    ("axes = (2, 3, 4)", "axes = (3, 4)",
     "wrong axis (instance norm's)", "Sums per channel where the statistics are per group."),
    ("axes = (2, 3, 4)", "axes = (0, 2, 3, 4)",
     "wrong axis (batch included)", "The batch is summed away as in batch norm."),
    ("dx_hat = dout * gamma[None, :, None, None]", "dx_hat = dout",
     "factor forgotten (gamma)", "The scale is not in the path to x."),
    ("-0.5 * ivar ** 3", "-0.5 * ivar ** 2",
     "power", "(var + eps)^(-3/2) is ivar cubed."),
    ("-0.5 * ivar ** 3", "0.5 * ivar ** 3",
     "sign", "The minus of the power -1/2 is lost."),
    ("dx = dxg * ivar + dvar * 2 * xmu / m + dmean / m", "dx = dxg * ivar + dmean / m",
     "path forgotten (variance)", "The variance is treated as a constant."),
    ("dx = dxg * ivar + dvar * 2 * xmu / m + dmean / m", "dx = dxg * ivar + dvar * 2 * xmu / m",
     "path forgotten (mean)", "The mean is treated as a constant."),
    ("dvar * 2 * xmu / m", "dvar * xmu / m",
     "factor forgotten (2)", "The square in the variance gives a 2."),
    ("dgamma = np.sum(dout * x_hat, axis=(0, 2, 3))", "dgamma = np.sum(dout * x_hat, axis=(2, 3))",
     "axis forgotten", "The batch is not summed; (N, C) for (C,)."),
    ("ivar = 1.0 / np.sqrt(var + eps)", "ivar = 1.0 / np.sqrt(var)",
     "eps forgotten", "The forward's eps is not in the backward's standard deviation."),
    ("dbeta = np.sum(dout, axis=(0, 2, 3))\n    dgamma = np.sum(dout * x_hat, axis=(0, 2, 3))",
     "dgamma = np.sum(dout, axis=(0, 2, 3))\n    dbeta = np.sum(dout * x_hat, axis=(0, 2, 3))",
     "two: gamma and beta exchanged", "The two formulas are exchanged."),
]
