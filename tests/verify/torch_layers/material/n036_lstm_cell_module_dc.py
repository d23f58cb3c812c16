import torch
from torch import nn


class LSTMCell(nn.Module):
    """One step of an LSTM with a backward by hand. Gates: i, f, o, g."""

    def __init__(self, D, H):
        super().__init__()
        self.Wx = nn.Parameter(torch.randn(D, 4 * H) / D ** .5)
        self.Wh = nn.Parameter(torch.randn(H, 4 * H) / H ** .5)
        self.b = nn.Parameter(torch.zeros(4 * H))

    def forward(self, x, h_prev, c_prev):
        a = x @ self.Wx + h_prev @ self.Wh + self.b
        ai, af, ao, ag = a.chunk(4, dim=1)
        i, f, o, g = ai.sigmoid(), af.sigmoid(), ao.sigmoid(), ag.tanh()
        c = f * c_prev + i * g
        h = o * torch.tanh(c)
        self.cache = x, h_prev, c_prev, i, f, o, g, c
        return h, c

    def backward(self, dh, dc):
        x, h_prev, c_prev, i, f, o, g, c = self.cache
        dc = dc + dh * o
        do = dh * torch.tanh(c)
        di, df, dg = dc * g, dc * c_prev, dc * i
        da = torch.cat([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)], dim=1)
        self.dWx = x.t() @ da
        self.dWh = h_prev.t() @ da
        self.db = da.sum(0)
        return da @ self.Wx.t(), da @ self.Wh.t(), dc * f


def make():
    torch.manual_seed(36)
    return LSTMCell(3, 4)


def inputs():
    g = torch.Generator().manual_seed(36)
    return torch.randn(2, 3, generator=g), torch.randn(2, 4, generator=g), torch.randn(2, 4, generator=g)


CASE = dict(
    make=make,
    inputs=inputs,
    wrong=dict(gradient="c_prev", kinds=["missing_factor"]),
    note="dc += dh * o forgets the derivative 1 - tanh(c)^2; everything before c is wrong.",
)
