import torch
from torch.autograd import Function


class CoucheTanh(Function):
    """a = tanh(x W + b)"""

    @staticmethod
    def forward(ctx, x, W, b):
        z = x.mm(W).add_(b)
        ctx.x, ctx.W, ctx.z = x, W, z
        return z.tanh_().clone()

    @staticmethod
    def backward(ctx, da):
        dz = da * (1 - torch.tanh(ctx.z) ** 2)
        return dz.mm(ctx.W.t()), ctx.x.t().mm(dz), dz.sum(0)


def donnees():
    torch.manual_seed(51)
    return torch.randn(4, 3), torch.randn(3, 5), torch.randn(5)


CASE = dict(
    make=lambda: CoucheTanh,
    inputs=donnees,
    wrong=dict(gradient="b", kinds=["modified_in_place", "wrong_variable"]),
    note="tanh_ écrase z après qu'il a été gardé : la phase arrière calcule tanh(tanh(z)) (tous les gradients sont faux).",
)
