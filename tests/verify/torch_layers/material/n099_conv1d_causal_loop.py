import torch


class CausalConv(torch.autograd.Function):
    """y[t] = sum_k w[k] x[t - k], depthwise"""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        y = torch.zeros_like(x)
        T = x.shape[-1]
        for k in range(w.shape[1]):
            y[..., k:] += w[:, k, None] * x[..., :T - k]
        return y

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        gx, gw = torch.zeros_like(x), torch.zeros_like(w)
        T = x.shape[-1]
        for k in range(w.shape[1]):
            gx[..., :T - k] += w[:, k, None] * gy[..., k:]
            gw[:, k] = (gy[..., k:] * x[..., :T - k]).sum(dim=(0, 2))
        return gx, gw


def data():
    torch.manual_seed(99)
    return torch.randn(2, 3, 6), torch.randn(3, 3)


CASE = dict(make=lambda: CausalConv, inputs=data, wrong=None,
            note="Right: '=' for gw[:, k] is fine, since each k is visited once.")
