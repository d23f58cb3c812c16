import torch


class AttentionFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, Q, K, V):
        d = Q.shape[1]
        S = Q.mm(K.t()) / d ** 0.5
        A = S.softmax(dim=1)
        ctx.save_for_backward(Q, K, V, A)
        return A.mm(V)

    @staticmethod
    def backward(ctx, dO):
        Q, K, V, A = ctx.saved_tensors
        d = Q.shape[1]
        dV = A.t().mm(dO)
        dA = dO.mm(V.t())
        dS = A * (dA - (dA * A).sum(1, keepdim=True)) / d ** 0.5
        dQ = dS.mm(K)
        dK = dS.mm(Q)
        return dQ, dK, dV


def data():
    torch.manual_seed(33)
    return torch.randn(4, 3), torch.randn(4, 3), torch.randn(4, 2)


CASE = dict(
    make=lambda: AttentionFn,
    inputs=data,
    wrong=dict(gradient="K", kinds=["transpose"]),
    note="dK needs dS transposed; in self-attention dS is square, so nothing complains.",
)
