import torch


class Bilinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x1, x2, W):
        ctx.save_for_backward(x1, x2, W)
        return torch.einsum('bi,kij,bj->bk', x1, W, x2)

    @staticmethod
    def backward(ctx, g):
        x1, x2, W = ctx.saved_tensors
        g1 = torch.einsum('bk,kij,bj->bi', g, W, x2)
        g2 = torch.einsum('bk,kij,bj->bi', g, W, x1)
        gW = torch.einsum('bk,bi,bj->kij', g, x1, x2)
        return g1, g2, gW


def data():
    torch.manual_seed(38)
    return torch.randn(2, 4), torch.randn(2, 4), torch.randn(3, 4, 4)


CASE = dict(
    make=lambda: Bilinear,
    inputs=data,
    wrong=dict(gradient="x2", kinds=["transpose"]),
    note="g2 contracts x1 with the second index of W; it must be 'bk,kij,bi->bj', i.e. W transposed.",
)
