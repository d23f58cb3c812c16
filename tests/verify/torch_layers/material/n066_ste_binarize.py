import torch
from torch import nn


class Binarize(torch.autograd.Function):
    """Straight-through estimator of BinaryConnect: sign forward, identity (clipped) backward."""

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.sign()

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input.abs() > 1] = 0
        return grad_input


CASE = dict(
    make=lambda: Binarize,
    inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(66)),),
    wrong=dict(gradient="input", kinds=["surrogate"]),
    note="Deliberate (straight-through estimator): the true derivative of sign is 0 almost everywhere, the clipped identity is used instead.",
)
