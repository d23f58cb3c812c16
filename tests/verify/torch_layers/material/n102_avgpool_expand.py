import torch


class AvgPool2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        n, c, h, w = x.shape
        ctx.k = k
        return x.reshape(n, c, h // k, k, w // k, k).mean((3, 5))

    @staticmethod
    def backward(ctx, g):
        k = ctx.k
        n, c, oh, ow = g.shape
        g = (g / (k * k))[:, :, :, None, :, None].expand(n, c, oh, k, ow, k)
        return g.reshape(n, c, oh * k, ow * k), None


CASE = dict(make=lambda: AvgPool2d,
            inputs=lambda: (torch.randn(1, 2, 4, 6, generator=torch.Generator().manual_seed(102)), 2),
            wrong=None, note="Right: division by k^2 and expansion.")
