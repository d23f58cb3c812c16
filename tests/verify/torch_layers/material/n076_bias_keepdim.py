import torch


class ScaleShift(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta):
        ctx.save_for_backward(x, gamma)
        return x * gamma + beta

    @staticmethod
    def backward(ctx, dy):
        x, gamma = ctx.saved_tensors
        dgamma = torch.sum(dy * x, dim=(0, 2, 3), keepdim=True)
        dbeta = torch.sum(dy, dim=(0, 2, 3), keepdim=True)
        return dy * gamma, dgamma, dbeta


def data():
    torch.manual_seed(76)
    return torch.randn(2, 3, 4, 4), torch.rand(1, 3, 1, 1), torch.randn(1, 3, 1, 1)


CASE = dict(make=lambda: ScaleShift, inputs=data, wrong=None,
            note="Right: broadcast over batch and space, with keepdim.")
