import torch


class SoftmaxJacobien(torch.autograd.Function):
    """Version avec la jacobienne explicite, exemple par exemple."""

    @staticmethod
    def forward(ctx, scores):
        e = torch.exp(scores)
        probas = e / e.sum(1, keepdim=True)
        ctx.save_for_backward(probas)
        return probas

    @staticmethod
    def backward(ctx, grad_probas):
        probas, = ctx.saved_tensors
        grad_scores = torch.empty_like(probas)
        for n in range(probas.shape[0]):
            p = probas[n]
            J = torch.diag(p) - torch.outer(p, p)
            grad_scores[n] = J @ grad_probas[n]
        return grad_scores


CASE = dict(make=lambda: SoftmaxJacobien, inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(88)),),
            wrong=None, note="Juste : J est symétrique, J @ g sans transposition convient.")
