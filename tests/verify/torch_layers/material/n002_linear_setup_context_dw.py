import torch
from torch.autograd import Function


class Dense(Function):
    @staticmethod
    def forward(x, w, b):
        return x @ w + b

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, b = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dx = dy @ w.T
        dw = dy.T @ x          # (out, in)
        db = dy.sum(0)
        return dx, dw, db


def entrees():
    torch.manual_seed(1)
    return torch.randn(6, 4), torch.randn(4, 4), torch.randn(4)


CASE = dict(
    make=lambda: Dense,
    inputs=entrees,
    wrong=dict(gradient="w", kinds=["transpose"]),
    note="dw is dy.T @ x, the transpose of x.T @ dy.",
)
