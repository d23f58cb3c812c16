import torch


class Huber(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pred, cible, delta):
        e = pred - cible
        ctx.save_for_backward(e)
        ctx.delta = delta
        quad = 0.5 * e ** 2
        lin = delta * (e.abs() - 0.5 * delta)
        return torch.where(e.abs() <= delta, quad, lin).sum()

    @staticmethod
    def backward(ctx, g):
        e, = ctx.saved_tensors
        d = torch.where(e.abs() <= ctx.delta, e, torch.sign(e))
        return g * d, -g * d, None


def tirage():
    torch.manual_seed(20)
    return 2 * torch.randn(10), torch.randn(10), 0.7


CASE = dict(
    make=lambda: Huber,
    inputs=tirage,
    wrong=dict(gradient="pred", kinds=["missing_factor", "scale"]),
    note="dans la partie linéaire la dérivée est delta * signe(e), le facteur delta manque.",
)
