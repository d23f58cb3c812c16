import math
import torch


class Attention(torch.autograd.Function):
    """Scaled dot-product attention, softmax(QK^T / sqrt(d)) V"""

    @staticmethod
    def forward(ctx, q, k, v):
        scale = 1 / math.sqrt(q.size(-1))
        attn = torch.softmax(q @ k.transpose(-2, -1) * scale, dim=-1)
        ctx.save_for_backward(q, k, v, attn)
        ctx.scale = scale
        return attn @ v

    @staticmethod
    def backward(ctx, do):
        q, k, v, p = ctx.saved_tensors
        dv = p.transpose(-2, -1) @ do
        dp = do @ v.transpose(-2, -1)
        ds = p * (dp - (dp * p).sum(-1, keepdim=True))
        dq = ds @ k
        dk = ds.transpose(-2, -1) @ q * ctx.scale
        return dq, dk, dv


def qkv():
    g = torch.Generator().manual_seed(32)
    return (torch.randn(2, 4, 5, generator=g), torch.randn(2, 3, 5, generator=g),
            torch.randn(2, 3, 6, generator=g))


CASE = dict(
    make=lambda: Attention,
    inputs=qkv,
    wrong=dict(gradient="q", kinds=["scale", "missing_factor"]),
    note="dq lacks the factor 1/sqrt(d) of the scores.",
)
