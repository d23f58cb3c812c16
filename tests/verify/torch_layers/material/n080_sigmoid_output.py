import torch


class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.out = 1 / (1 + (-x).exp())
        return ctx.out

    @staticmethod
    def backward(ctx, grad):
        return ctx.out * (1 - ctx.out) * grad


CASE = dict(make=lambda: Sigmoid, inputs=lambda: (torch.randn(7, generator=torch.Generator().manual_seed(80)),),
            wrong=None, note="Right, though the output is kept as an attribute of ctx.")
