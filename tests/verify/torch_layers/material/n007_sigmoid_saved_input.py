import torch
from torch.autograd import Function


class Sigmoide(Function):
    @staticmethod
    def forward(ctx, z):
        a = 1. / (1. + torch.exp(-z))
        ctx.save_for_backward(z)
        return a

    @staticmethod
    def backward(ctx, grad_a):
        (a,) = ctx.saved_tensors
        return grad_a * a * (1 - a)


CASE = dict(
    make=lambda: Sigmoide,
    inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(8)),),
    wrong=dict(gradient="z", kinds=["wrong_variable"]),
    note="a(1-a) est calculé avec l'entrée z sauvegardée et non avec la sortie a.",
)
