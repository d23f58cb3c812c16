import torch
from torch import nn


class Linear(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-0.5, 0.5))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-0.5, 0.5))

    def forward(self, x):
        self.saved_x = x
        return x.mm(self.weight.t()) + self.bias

    def backward(self, grad_output):
        # gradients are stored like nn.Linear does
        self.weight.grad = grad_output.t().mm(self.saved_x)
        self.bias.grad = grad_output.sum(1)
        return grad_output.mm(self.weight)


def build():
    torch.manual_seed(11)
    return Linear(3, 6)


CASE = dict(
    make=build,
    inputs=lambda: (torch.randn(6, 3, generator=torch.Generator().manual_seed(2)),),
    wrong=dict(gradient="bias", kinds=["wrong_axis", "not_summed"]),
    note="the bias gradient is summed over the outputs (dim 1) instead of the batch (dim 0); the batch is as large as the layer, so shapes agree.",
)
