import torch


class StridedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, signal, noyau, pas):
        ctx.save_for_backward(signal, noyau)
        ctx.pas = pas
        k = noyau.numel()
        fenetres = signal.unfold(0, k, pas)     # (T, k)
        return fenetres @ noyau

    @staticmethod
    def backward(ctx, g):
        signal, noyau = ctx.saved_tensors
        k = noyau.numel()
        d_signal = torch.zeros_like(signal)
        for t in range(len(g)):
            d_signal[t:t + k] += g[t] * noyau
        d_noyau = signal.unfold(0, k, ctx.pas).t() @ g
        return d_signal, d_noyau, None


def entrees():
    torch.manual_seed(24)
    return torch.randn(11), torch.randn(3), 2


CASE = dict(
    make=lambda: StridedConv,
    inputs=entrees,
    wrong=dict(gradient="signal", kinds=["wrong_index", "stride"]),
    note="le pas est oublié dans le gradient du signal : il faut t*pas, pas t.",
)
