import torch
from torch.autograd import Function


class LeakyReLU(Function):
    @staticmethod
    def forward(ctx, x, pente=0.01):
        masque = x > 0
        ctx.save_for_backward(masque)
        ctx.pente = pente
        return torch.where(masque, x, pente * x)

    @staticmethod
    def backward(ctx, grad):
        masque, = ctx.saved_tensors
        d = torch.ones_like(grad)
        d[~masque] = ctx.pente
        return grad * d, None


CASE = dict(make=lambda: LeakyReLU, inputs=lambda: (torch.randn(3, 5, generator=torch.Generator().manual_seed(79)), 0.2),
            wrong=None, note="Juste : la pente est un nombre, son gradient est None.")
