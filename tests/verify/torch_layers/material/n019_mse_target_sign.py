import torch
from torch.autograd import Function


class MSELossFunction(Function):
    @staticmethod
    def forward(ctx, input, target):
        ctx.diff = input - target
        return ctx.diff.pow(2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        grad = 2 * ctx.diff / ctx.diff.numel() * grad_output
        return grad, grad


def data():
    g = torch.Generator().manual_seed(19)
    return torch.randn(3, 2, generator=g), torch.randn(3, 2, generator=g)


CASE = dict(
    make=lambda: MSELossFunction,
    inputs=data,
    wrong=dict(gradient="target", kinds=["sign"]),
    note="the gradient with respect to the target has the opposite sign of the one with respect to the input.",
)
