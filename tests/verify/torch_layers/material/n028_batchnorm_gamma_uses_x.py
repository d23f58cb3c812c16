import torch
from torch.autograd import Function


class BatchNormFn(Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        mean = x.mean(dim=0, keepdim=True)
        xc = x - mean
        ivar = (xc.pow(2).mean(dim=0, keepdim=True) + eps).rsqrt()
        ctx.save_for_backward(x, xc, ivar, gamma)
        return gamma * (xc * ivar) + beta

    @staticmethod
    def backward(ctx, dy):
        x, xc, ivar, gamma = ctx.saved_tensors
        N = x.shape[0]
        xhat = xc * ivar
        dgamma = (dy * x).sum(0)
        dbeta = dy.sum(0)
        dxhat = dy * gamma
        dx = ivar / N * (N * dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum(0))
        return dx, dgamma, dbeta, None


def data():
    torch.manual_seed(28)
    return torch.randn(6, 4) + 0.5, torch.rand(4) + 0.5, torch.randn(4), 1e-5


CASE = dict(
    make=lambda: BatchNormFn,
    inputs=data,
    wrong=dict(gradient="gamma", kinds=["wrong_variable"]),
    note="dgamma uses the raw x instead of the normalised x_hat.",
)
