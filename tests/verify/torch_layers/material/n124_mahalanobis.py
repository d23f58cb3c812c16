import torch


class Mahalanobis(torch.autograd.Function):
    """(x - mu)^T P (x - mu) / 2"""

    @staticmethod
    def forward(ctx, x, mu, P):
        d = x - mu
        ctx.save_for_backward(d, P)
        return 0.5 * (d @ P * d).sum(-1)

    @staticmethod
    def backward(ctx, g):
        d, P = ctx.saved_tensors
        S = 0.5 * (P + P.t())
        gx = g.unsqueeze(-1) * (d @ S)
        gP = 0.5 * torch.einsum('n,ni,nj->ij', g, d, d)
        return gx, -gx.sum(0), gP


def data():
    torch.manual_seed(125)
    return torch.randn(5, 3), torch.randn(3), torch.randn(3, 3)


CASE = dict(make=lambda: Mahalanobis, inputs=data, wrong=None,
            note="Right: the matrix is symmetrised in the gradient, which covers a non-symmetric P.")
