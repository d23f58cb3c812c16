import torch


class GradientReversal(torch.autograd.Function):
    """Ganin & Lempitsky, domain-adversarial training"""

    @staticmethod
    def forward(ctx, x, lambda_):
        ctx.lambda_ = lambda_
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.lambda_, None


CASE = dict(
    make=lambda: GradientReversal,
    inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(69)), 0.3),
    wrong=dict(gradient="x", kinds=["surrogate", "sign", "scale"]),
    note="Deliberate (gradient reversal): identity forward, -lambda backward.",
)
