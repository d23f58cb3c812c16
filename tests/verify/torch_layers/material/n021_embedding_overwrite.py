import torch


class EmbeddingFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, indices, weight):
        ctx.save_for_backward(indices)
        ctx.shape = weight.shape
        return weight[indices]

    @staticmethod
    def backward(ctx, grad_output):
        indices, = ctx.saved_tensors
        grad_weight = grad_output.new_zeros(ctx.shape)
        grad_weight[indices] = grad_output
        return None, grad_weight


class Embedding(torch.nn.Module):
    def __init__(self, num_embeddings, embedding_dim):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(num_embeddings, embedding_dim))

    def forward(self, idx):
        return EmbeddingFunction.apply(idx, self.weight)


def make():
    torch.manual_seed(21)
    return Embedding(7, 3)


CASE = dict(
    make=make,
    inputs=lambda: (torch.tensor([[1, 4, 1], [0, 4, 6]]),),
    wrong=dict(gradient="weight", kinds=["overwritten"]),
    note="an index that occurs twice must receive the sum of its gradients; assignment keeps only the last.",
)
