import torch


class GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, G, eps):
        N, C, H, W = x.shape
        xg = x.view(N, G, -1)
        mu = xg.mean(-1, keepdim=True)
        inv = (xg.var(-1, unbiased=False, keepdim=True) + eps).rsqrt()
        xhat = (xg - mu) * inv
        ctx.save_for_backward(xhat, inv)
        ctx.G = G
        return xhat.view(N, C, H, W)

    @staticmethod
    def backward(ctx, dy):
        xhat, inv = ctx.saved_tensors
        N, C, H, W = dy.shape
        m = H * W
        dyg = dy.reshape(N, ctx.G, -1)
        s1 = dyg.sum(-1, keepdim=True)
        s2 = (dyg * xhat).sum(-1, keepdim=True)
        dx = inv * (dyg - s1 / m - xhat * s2 / m)
        return dx.view(N, C, H, W), None, None


CASE = dict(
    make=lambda: GroupNorm,
    inputs=lambda: (torch.randn(2, 6, 3, 2, generator=torch.Generator().manual_seed(57)), 2, 1e-5),
    wrong=dict(gradient="x", kinds=["scale", "wrong_count"]),
    note="a group holds (C/G)*H*W numbers; the means divide by H*W only.",
)
