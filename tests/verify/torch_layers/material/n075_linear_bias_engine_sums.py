import torch


class AddBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, b):
        return x + b

    @staticmethod
    def backward(ctx, g):
        # no sum: autograd reduces an expanded gradient to the shape of b
        return g, g


def data():
    torch.manual_seed(75)
    return torch.randn(4, 3), torch.randn(3)


CASE = dict(make=lambda: AddBias, inputs=data, wrong=None,
            note="Right in PyTorch: the unsummed gradient (4, 3) is reduced by the engine to the shape (3,) of the bias.")
