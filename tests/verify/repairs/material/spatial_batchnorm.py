"""Pair of functions with running statistics: batch norm for feature maps; batchnorm_forward(x, gamma, beta, bn_param) -> out, cache; batchnorm_backward(dout, cache) -> dx, dgamma, dbeta."""
import numpy as np

AXES = (0, 2, 3)


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param.get("mode", "train")
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, C, H, W = x.shape
    running_mean = bn_param.get("running_mean", np.zeros((1, C, 1, 1)))
    running_var = bn_param.get("running_var", np.ones((1, C, 1, 1)))

    if mode == "train":
        m = N * H * W
        mu = x.mean(axis=AXES, keepdims=True)
        xc = x - mu
        var = np.mean(xc ** 2, axis=AXES, keepdims=True)
        std = np.sqrt(var + eps)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mu
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var * m / (m - 1)
    else:
        xc = x - running_mean
        std = np.sqrt(running_var + eps)

    xn = xc / std
    out = gamma.reshape(1, C, 1, 1) * xn + beta.reshape(1, C, 1, 1)
    cache = (xc, xn, std, gamma, bn_param, eps)
    return out, cache


def batchnorm_backward(dout, cache):
    xc, xn, std, gamma, bn_param, eps = cache
    N, C, H, W = dout.shape
    m = N * H * W

    dbeta = dout.sum(axis=AXES)
    dgamma = np.sum(dout * xn, axis=AXES)
    dxn = dout * gamma.reshape(1, C, 1, 1)

    dxc = dxn / std
    dstd = -np.sum(dxn * xc / std ** 2, axis=AXES, keepdims=True)
    dvar = 0.5 * dstd / std
    dxc += 2.0 / m * xc * dvar
    dmu = np.sum(dxc, axis=AXES, keepdims=True)
    dx = dxc - dmu / m
    return dx, dgamma, dbeta


def _inputs(rng, N, C, H, W):
    # 3 * x: a variance far from 1
    return (3 * rng.standard_normal((N, C, H, W)) + 1, rng.uniform(0.5, 2, C), rng.standard_normal(C), {"mode": "train"})


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return (batchnorm_forward, batchnorm_backward), _inputs(rng, 3, 2, 4, 5)


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return (batchnorm_forward, batchnorm_backward), _inputs(rng, 2, 4, 3, 2)


MISTAKES = [
    ("    N, C, H, W = dout.shape\n    m = N * H * W\n", "    N, C, H, W = dout.shape\n    m = N\n",
     "wrong normaliser", "The batch size for the number of averaged pixels."),
    ("dgamma = np.sum(dout * xn, axis=AXES)", "dgamma = np.sum(dout * xc, axis=AXES)",
     "wrong variable of the same shape", "The centred but not normalised input."),
    ("dxn = dout * gamma.reshape(1, C, 1, 1)", "dxn = dout / gamma.reshape(1, C, 1, 1)",
     "divided for multiplied", "The scale is undone and not applied."),
    ("dstd = -np.sum(dxn * xc / std ** 2, axis=AXES, keepdims=True)", "dstd = np.sum(dxn * xc / std ** 2, axis=AXES, keepdims=True)",
     "sign", "The minus of d(1/s) is lost."),
    ("dstd = -np.sum(dxn * xc / std ** 2, axis=AXES, keepdims=True)", "dstd = -np.sum(dxn * xc / std, axis=AXES, keepdims=True)",
     "power", "1/s in place of 1/s^2."),
    ("dvar = 0.5 * dstd / std", "dvar = dstd / std",
     "factor of the square root forgotten", "0.5 is left out."),
    ("dxc += 2.0 / m * xc * dvar", "dxc = 2.0 / m * xc * dvar",
     "= for +=", "The direct path is overwritten by the path through the variance."),
    ("    dxc += 2.0 / m * xc * dvar\n    dmu = np.sum(dxc, axis=AXES, keepdims=True)\n    dx = dxc - dmu / m\n",
     "    dxc += 2.0 / m * xc * dvar\n    dx = dxc\n",
     "path through the mean forgotten", "The mean is treated as a constant."),
    ("dx = dxc - dmu / m", "dx = dxc - dmu",
     "1/m forgotten", "The gradient of the mean is not divided."),
    ("dmu = np.sum(dxc, axis=AXES, keepdims=True)", "dmu = np.sum(dxc, axis=(0, 2), keepdims=True)",
     "axis forgotten", "The width is left out of the sum."),
    ("dxc = dxn / std\n", "dxc = dxn / np.sqrt(bn_param[\"running_var\"] + eps)\n",
     "running statistics in the training backward", "The running variance replaces the batch variance."),
    ("    dvar = 0.5 * dstd / std\n    dxc += 2.0 / m * xc * dvar\n",
     "    dvar = 0.5 * dstd * std\n    dxc += 1.0 / m * xc * dvar\n",
     "two: times for divided, and the 2 of the square", "sqrt' inverted and the square's 2 forgotten."),
]
