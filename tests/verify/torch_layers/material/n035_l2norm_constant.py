import torch


class Normaliser(torch.autograd.Function):
    """x / ||x||_2 ligne par ligne"""

    @staticmethod
    def forward(ctx, x, eps):
        norme = x.pow(2).sum(1, keepdim=True).sqrt().clamp_min(eps)
        ctx.save_for_backward(norme)
        return x / norme

    @staticmethod
    def backward(ctx, grad):
        (norme,) = ctx.saved_tensors
        return grad / norme, None


CASE = dict(
    make=lambda: Normaliser,
    inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(35)), 1e-12),
    wrong=dict(gradient="x", kinds=["treated_constant", "missing_term"]),
    note="la norme est traitée comme une constante, il manque - y (grad . y) / norme.",
)
