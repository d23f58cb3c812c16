import torch


class FormeQuadratique(torch.autograd.Function):
    """q(x) = x^T A x pour un lot de vecteurs"""

    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return torch.einsum('ni,ij,nj->n', x, A, x)

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        gx = 2 * g[:, None] * (x @ A.t())
        gA = torch.einsum('n,ni,nj->ij', g, x, x)
        return gx, gA


def donnees():
    torch.manual_seed(49)
    return torch.randn(4, 3), torch.randn(3, 3)


CASE = dict(
    make=lambda: FormeQuadratique,
    inputs=donnees,
    wrong=dict(gradient="x", kinds=["missing_term", "transpose", "wrong_variable"]),
    note="2 A x suppose A symétrique ; en général c'est (A + A^T) x.",
)
