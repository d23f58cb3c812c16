import torch


class SinCos(torch.autograd.Function):
    """Two outputs; gradients which aren't needed arrive as None."""

    @staticmethod
    def forward(ctx, x, omega):
        ctx.set_materialize_grads(False)
        s, c = torch.sin(omega * x), torch.cos(omega * x)
        ctx.save_for_backward(s, c, x, omega)
        return s, c

    @staticmethod
    def backward(ctx, gs, gc):
        s, c, x, omega = ctx.saved_tensors
        g = torch.zeros_like(x)
        if gs is not None:
            g = g + gs * c
        if gc is not None:
            g = g - gc * s
        return g * omega, (g * x).sum()


CASE = dict(make=lambda: SinCos, inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(130)), torch.tensor(1.7)),
            wrong=None, note="Right: set_materialize_grads(False), so a gradient may be None.")
