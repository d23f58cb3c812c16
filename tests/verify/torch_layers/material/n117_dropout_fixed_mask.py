import torch


class Dropout(torch.nn.Module):
    def __init__(self, p, shape, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.masque = (torch.rand(shape, generator=g) >= p).float() / (1 - p)

    def forward(self, x):
        return x * self.masque

    def backward(self, grad):
        return grad * self.masque


CASE = dict(make=lambda: Dropout(0.4, (3, 5)), inputs=lambda: (torch.randn(3, 5, generator=torch.Generator().manual_seed(118)),),
            wrong=None, note="Juste : masque fixé, mis à l'échelle une fois.")
