import torch
from torch import nn


class CelluleGRU(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        for porte in 'zrn':
            setattr(self, f'W{porte}', nn.Parameter(torch.randn(d, h) / 2))
            setattr(self, f'U{porte}', nn.Parameter(torch.randn(h, h) / 2))

    def forward(self, x, h):
        z = torch.sigmoid(x @ self.Wz + h @ self.Uz)
        r = torch.sigmoid(x @ self.Wr + h @ self.Ur)
        s = h @ self.Un
        n = torch.tanh(x @ self.Wn + r * s)
        self.cache = x, h, z, r, s, n
        return (1 - z) * n + z * h

    def backward(self, dh_suivant):
        x, h, z, r, s, n = self.cache
        dn = dh_suivant * (1 - z)
        dz = dh_suivant * (h - n)
        an = dn * (1 - n ** 2)
        ar = an * s * r * (1 - r)
        az = dz * z * (1 - z)
        ds = an * r
        self.dWn, self.dUn = x.T @ an, h.T @ ds
        self.dWr, self.dUr = x.T @ ar, h.T @ ar
        self.dWz, self.dUz = x.T @ az, h.T @ az
        dx = an @ self.Wn.T + ar @ self.Wr.T + az @ self.Wz.T
        dh = dh_suivant * z + ds @ self.Un.T + ar @ self.Ur.T + az @ self.Uz.T
        return dx, dh


def make():
    torch.manual_seed(113)
    return CelluleGRU(3, 4)


def data():
    torch.manual_seed(114)
    return torch.randn(2, 3), torch.randn(2, 4)


CASE = dict(make=make, inputs=data, wrong=None,
            note="Juste : GRU dans la variante de cuDNN, r multiplie h @ Un.")
