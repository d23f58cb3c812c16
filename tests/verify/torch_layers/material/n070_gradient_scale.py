import torch


class GradScale(torch.autograd.Function):
    """Scales the gradient of the encoder without changing its output (MuZero trick)."""

    @staticmethod
    def forward(ctx, t, factor):
        ctx.factor = factor
        return t.clone()

    @staticmethod
    def backward(ctx, g):
        return ctx.factor * g, None


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(70)
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x):
        return GradScale.apply(torch.tanh(self.fc(x)), 0.5)


CASE = dict(
    make=lambda: Encoder(),
    inputs=lambda: (torch.randn(5, 4, generator=torch.Generator().manual_seed(70)),),
    wrong=dict(gradient="fc.weight", kinds=["surrogate", "scale"]),
    note="Deliberate (gradient scaling): forward is the identity, the gradient is halved on purpose; every gradient is half of the true one.",
)
