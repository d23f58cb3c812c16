import torch


class CosSim(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, v, dim, eps):
        nu = u.norm(2, dim, True).clamp(min=eps)
        nv = v.norm(2, dim, True).clamp(min=eps)
        uh, vh = u / nu, v / nv
        c = (uh * vh).sum(dim)
        ctx.save_for_backward(uh, vh, nu, nv, c)
        ctx.dim = dim
        return c

    @staticmethod
    def backward(ctx, g):
        uh, vh, nu, nv, c = ctx.saved_tensors
        g, c = g.unsqueeze(ctx.dim), c.unsqueeze(ctx.dim)
        du = g * (vh - c * uh) / nu
        dv = g * (uh - c * vh) / nv
        return du, dv, None, None


def data():
    torch.manual_seed(110)
    return torch.randn(3, 4, 2), torch.randn(3, 4, 2), 1, 1e-8


CASE = dict(make=lambda: CosSim, inputs=data, wrong=None, note="Right: written with normalised vectors.")
