import torch


class CosineSimilarity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        na = a.norm(dim=1, keepdim=True)
        nb = b.norm(dim=1, keepdim=True)
        cos = (a * b).sum(1, keepdim=True) / (na * nb)
        ctx.save_for_backward(a, b, na, nb, cos)
        return cos.squeeze(1)

    @staticmethod
    def backward(ctx, g):
        a, b, na, nb, cos = ctx.saved_tensors
        g = g.unsqueeze(1)
        ga = g * (b / (na * nb) - cos * a / na ** 2)
        gb = g * (a / (na * nb) - cos * b / na ** 2)
        return ga, gb


def data():
    torch.manual_seed(34)
    return torch.randn(4, 5), 2 * torch.randn(4, 5)


CASE = dict(
    make=lambda: CosineSimilarity,
    inputs=data,
    wrong=dict(gradient="b", kinds=["wrong_variable"]),
    note="copy and paste: gb still divides by the squared norm of a instead of b.",
)
