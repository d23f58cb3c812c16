import torch


class RoundSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, bits):
        n = 2 ** bits - 1
        return torch.round(x * n) / n

    @staticmethod
    def backward(ctx, grad_output):
        # straight through
        return grad_output, None


CASE = dict(
    make=lambda: RoundSTE,
    inputs=lambda: (torch.rand(4, 5, generator=torch.Generator().manual_seed(67)), 3),
    wrong=dict(gradient="x", kinds=["surrogate"]),
    note="Deliberate (straight-through estimator): rounding has derivative 0, the gradient is passed on as if it were the identity.",
)
