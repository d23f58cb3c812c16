import torch


class CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v):
        T, d = q.shape[-2:]
        s = (q @ k.transpose(-1, -2)) * d ** -0.5
        mask = torch.ones(T, T, dtype=torch.bool).triu(1)
        s = s.masked_fill(mask, float('-inf'))
        p = torch.softmax(s, -1)
        o = p @ v
        ctx.save_for_backward(q, k, v, p, o)
        return o

    @staticmethod
    def backward(ctx, do):
        q, k, v, p, o = ctx.saved_tensors
        # as in FlashAttention: delta = rowsum(dO * O)
        delta = (do * o).sum(-1, keepdim=True)
        dv = p.transpose(-1, -2) @ do
        ds = p * (do @ v.transpose(-1, -2) - delta) * q.shape[-1] ** -0.5
        return ds @ k, ds.transpose(-1, -2) @ q, dv


def data():
    torch.manual_seed(109)
    return tuple(torch.randn(2, 4, 3) for _ in range(3))


CASE = dict(make=lambda: CausalAttention, inputs=data, wrong=None,
            note="Right: rowsum(dP * P) is written rowsum(dO * O), and the masked scores need no mask in backward.")
