import torch


class SurrGradSpike(torch.autograd.Function):
    """Heaviside spike with a fast-sigmoid surrogate gradient (Zenke & Ganguli, SuperSpike)."""
    scale = 10.0

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        out = torch.zeros_like(input)
        out[input > 0] = 1.0
        return out

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        return grad_input / (SurrGradSpike.scale * torch.abs(input) + 1.0) ** 2


CASE = dict(
    make=lambda: SurrGradSpike,
    inputs=lambda: (torch.randn(2, 6, generator=torch.Generator().manual_seed(68)),),
    wrong=dict(gradient="input", kinds=["surrogate"]),
    note="Deliberate (surrogate gradient): the step function has derivative 0, a smooth surrogate is used.",
)
