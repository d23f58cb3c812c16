import torch


class LayerNorm(torch.nn.Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(dim) + 0.2 * torch.randn(dim))
        self.bias = torch.nn.Parameter(torch.zeros(dim))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        var = ((x - mean) ** 2).mean(-1, keepdim=True)
        self.rstd = (var + self.eps) ** -0.5
        self.norm = (x - mean) * self.rstd
        return self.norm * self.weight + self.bias

    def backward(self, dout):
        self.dweight = (dout * self.norm).sum(0)
        self.dbias = dout.sum(0)
        dnorm = dout * self.weight
        dx = dnorm - dnorm.mean(0, keepdim=True) - self.norm * (dnorm * self.norm).mean(0, keepdim=True)
        dx *= self.rstd
        return dx


def make():
    torch.manual_seed(29)
    return LayerNorm(5)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(4, 5, generator=torch.Generator().manual_seed(29)),),
    wrong=dict(gradient="x", kinds=["wrong_axis"]),
    note="backward copied from batch norm: the means are taken over the batch, but layer norm normalises over the features.",
)
