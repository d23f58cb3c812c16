import torch


class Conv1d(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b):
        N, C, L = x.shape
        O, _, K = w.shape
        ctx.save_for_backward(x, w)
        y = x.new_zeros(N, O, L - K + 1)
        for t in range(L - K + 1):
            y[:, :, t] = torch.einsum('nck,ock->no', x[:, :, t:t + K], w) + b
        return y

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        K = w.size(2)
        gx, gw = torch.zeros_like(x), torch.zeros_like(w)
        for t in range(gy.size(2)):
            gx[:, :, t:t + K] = torch.einsum('no,ock->nck', gy[:, :, t], w)
            gw += torch.einsum('no,nck->ock', gy[:, :, t], x[:, :, t:t + K])
        gb = gy.sum((0, 2))
        return gx, gw, gb


def data():
    g = torch.Generator().manual_seed(23)
    return (torch.randn(2, 3, 8, generator=g), torch.randn(4, 3, 3, generator=g),
            torch.randn(4, generator=g))


CASE = dict(
    make=lambda: Conv1d,
    inputs=data,
    wrong=dict(gradient="x", kinds=["overwritten"]),
    note="windows overlap, so gx must be accumulated with +=, here each window overwrites the previous one.",
)
