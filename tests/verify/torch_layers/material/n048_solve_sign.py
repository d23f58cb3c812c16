import torch


class Solve(torch.autograd.Function):
    """x = A^{-1} b"""

    @staticmethod
    def forward(ctx, A, b):
        x = torch.linalg.solve(A, b)
        ctx.save_for_backward(A, x)
        return x

    @staticmethod
    def backward(ctx, gx):
        A, x = ctx.saved_tensors
        gb = torch.linalg.solve(A.transpose(-1, -2), gx)
        gA = gb.outer(x)
        return gA, gb


def system():
    g = torch.Generator().manual_seed(48)
    return torch.randn(3, 3, generator=g, dtype=torch.float64) + 2 * torch.eye(3, dtype=torch.float64), \
        torch.randn(3, generator=g, dtype=torch.float64)


CASE = dict(
    make=lambda: Solve,
    inputs=system,
    wrong=dict(gradient="A", kinds=["sign"]),
    note="the derivative of an inverse has a minus: gA = -gb x^T.",
)
