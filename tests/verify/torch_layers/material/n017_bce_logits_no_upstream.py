import torch


class BCEWithLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y):
        ctx.save_for_backward(z, y)
        return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        # it's the loss, so grad_output is 1 anyway
        return (torch.sigmoid(z) - y) / z.numel(), None


def donnees():
    g = torch.Generator().manual_seed(6)
    return torch.randn(8, 1, generator=g), (torch.rand(8, 1, generator=g) > .5).float()


CASE = dict(
    make=lambda: BCEWithLogits,
    inputs=donnees,
    wrong=dict(gradient="z", kinds=["missing_upstream", "missing_factor", "scale"]),
    note="grad_output is ignored: right only when this loss is the very last operation.",
)
