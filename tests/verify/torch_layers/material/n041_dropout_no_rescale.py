import torch


class FixedDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mask, p):
        ctx.save_for_backward(mask)
        ctx.p = p
        return x * mask / (1 - p)

    @staticmethod
    def backward(ctx, grad_output):
        mask, = ctx.saved_tensors
        return grad_output * mask, None, None


def data():
    torch.manual_seed(41)
    return torch.randn(4, 5), torch.bernoulli(torch.full((4, 5), 0.7)), 0.3


CASE = dict(
    make=lambda: FixedDropout,
    inputs=data,
    wrong=dict(gradient="x", kinds=["scale", "missing_factor"]),
    note="inverted dropout divides by 1-p in the forward pass, the backward pass doesn't.",
)
