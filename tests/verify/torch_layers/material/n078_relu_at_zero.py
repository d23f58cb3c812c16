import torch


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = torch.maximum(x, torch.zeros_like(x))
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, dout):
        out, = ctx.saved_tensors
        return dout * (out > 0)


def plain(x):
    return torch.relu(x)


CASE = dict(make=lambda: Relu, inputs=lambda: (torch.tensor([[0., 1.5, -2.], [0., -0.5, 3.]]),),
            wrong=None, note="Right: some inputs are exactly 0, where 0 is one of the subgradients.")
