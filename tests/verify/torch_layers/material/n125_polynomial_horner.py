import torch


class Polynome(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, coefs):
        """coefs[0] + coefs[1] x + ... (Horner)"""
        y = torch.zeros_like(x)
        for c in reversed(coefs):
            y = y * x + c
        ctx.save_for_backward(x, coefs)
        return y

    @staticmethod
    def backward(ctx, g):
        x, coefs = ctx.saved_tensors
        puissances = torch.stack([x ** k for k in range(len(coefs))])
        g_coefs = (puissances * g).flatten(1).sum(1)
        k = torch.arange(1, len(coefs), dtype=coefs.dtype)
        d = torch.zeros_like(x)
        for c in (coefs[1:] * k).flip(0):
            d = d * x + c
        return g * d, g_coefs


CASE = dict(make=lambda: Polynome,
            inputs=lambda: (torch.tensor([[0.5, -1.2], [0.9, 1.6]]), torch.tensor([1., -2., .5, .25])),
            wrong=None, note="Juste : gradients de x et des coefficients.")
