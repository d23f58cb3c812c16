import torch


class Pow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, base, exponent):
        out = base ** exponent
        ctx.save_for_backward(base, exponent, out)
        return out

    @staticmethod
    def backward(ctx, g):
        base, exponent, out = ctx.saved_tensors
        gb = ge = None
        if ctx.needs_input_grad[0]:
            gb = g * exponent * out / base
        if ctx.needs_input_grad[1]:
            ge = (g * out * base.log()).sum()
        return gb, ge


CASE = dict(make=lambda: Pow, inputs=lambda: (torch.rand(3, 3, generator=torch.Generator().manual_seed(127)) + 0.3, torch.tensor(2.3)),
            wrong=None, note="Right: n x^n / x, from the output, and a scalar exponent with a gradient of its own.")
