import torch
import torch.nn.functional as F


class MaxPool2x2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        n, c, h, w = x.shape
        ctx.shape = x.shape
        cols = F.unfold(x.reshape(n * c, 1, h, w), 2, stride=2)   # (n*c, 4, L)
        return cols.max(dim=1).values.reshape(n, c, h // 2, w // 2)

    @staticmethod
    def backward(ctx, gy):
        n, c, h, w = ctx.shape
        cols = gy.reshape(n * c, 1, -1).expand(-1, 4, -1) / 4
        return F.fold(cols, (h, w), 2, stride=2).reshape(n, c, h, w)


CASE = dict(
    make=lambda: MaxPool2x2,
    inputs=lambda: (torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(25)),),
    wrong=dict(gradient="x", kinds=["wrong_mask", "missing_mask"]),
    note="the gradient is shared among the four pixels as for average pooling, only the maximum should get it.",
)
