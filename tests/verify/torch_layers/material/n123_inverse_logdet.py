import torch


class InverseLogdet(torch.autograd.Function):
    """Two outputs: A^{-1} and log det A"""

    @staticmethod
    def forward(ctx, A):
        inv = torch.inverse(A)
        logdet = torch.logdet(A)
        ctx.save_for_backward(inv)
        return inv, logdet

    @staticmethod
    def backward(ctx, g_inv, g_logdet):
        inv, = ctx.saved_tensors
        invT = inv.t()
        return -invT.mm(g_inv).mm(invT) + g_logdet * invT


def spd():
    torch.manual_seed(124)
    M = torch.randn(3, 3)
    return (M @ M.t() + torch.eye(3),)


CASE = dict(make=lambda: InverseLogdet, inputs=spd, wrong=None,
            note="Right: both outputs contribute; the matrix happens to be symmetric.")
