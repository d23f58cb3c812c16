import torch


class LinearLayer(torch.nn.Module):
    def __init__(self, n_in, n_out, reg=0.05):
        super().__init__()
        self.W = torch.nn.Parameter(torch.randn(n_in, n_out))
        self.b = torch.nn.Parameter(torch.zeros(n_out))
        self.reg = reg

    def forward(self, x):
        self.x = x
        return x.mm(self.W).add(self.b)

    def backward(self, grad):
        self.dW = self.x.t().mm(grad) + 2 * self.reg * self.W
        self.db = grad.sum(0)
        return grad.mm(self.W.t())


def make():
    torch.manual_seed(63)
    return LinearLayer(3, 4)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(5, 3, generator=torch.Generator().manual_seed(63)),),
    wrong=dict(gradient="W", kinds=["extra_term"]),
    note="the gradient of the L2 penalty is added to dW, but this layer's forward contains no penalty.",
)
