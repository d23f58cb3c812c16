import torch


class SpaceToDepth(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, r):
        N, C, H, W = x.shape
        ctx.r = r
        x = x.view(N, C, H // r, r, W // r, r)
        return x.permute(0, 3, 5, 1, 2, 4).contiguous().view(N, C * r * r, H // r, W // r)

    @staticmethod
    def backward(ctx, g):
        r = ctx.r
        N, D, h, w = g.shape
        g = g.contiguous().view(N, r, r, D // (r * r), h, w)
        return g.permute(0, 3, 4, 1, 5, 2).reshape(N, D // (r * r), h * r, w * r), None


CASE = dict(make=lambda: SpaceToDepth, inputs=lambda: (torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(129)).transpose(2, 3).contiguous().transpose(2, 3).contiguous(), 2),
            wrong=None, note="Right: permutations and contiguous, the inverse permutation in backward.")
