import torch


class RBF(torch.autograd.Function):
    """phi_k(x) = exp(-beta_k ||x - c_k||^2)"""

    @staticmethod
    def forward(ctx, x, centers, beta):
        diff = x.unsqueeze(1) - centers.unsqueeze(0)       # N, K, D
        d2 = diff.pow(2).sum(-1)
        phi = torch.exp(-beta * d2)
        ctx.save_for_backward(diff, d2, phi, beta)
        return phi

    @staticmethod
    def backward(ctx, g):
        diff, d2, phi, beta = ctx.saved_tensors
        t = g * phi
        gd = -2 * (t * beta).unsqueeze(-1) * diff
        return gd.sum(1), gd.sum(0), (-t * d2).sum(0)


def data():
    torch.manual_seed(65)
    return torch.randn(4, 2), torch.randn(3, 2), torch.rand(3) + 0.2


CASE = dict(
    make=lambda: RBF,
    inputs=data,
    wrong=dict(gradient="centers", kinds=["sign"]),
    note="the derivative with respect to the centre has the opposite sign of the one with respect to x.",
)
