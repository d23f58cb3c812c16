import torch


class CrossEntropyLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target):
        shifted = logits - logits.max(dim=1, keepdim=True)[0]
        logp = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        ctx.save_for_backward(logp.exp(), target)
        return -logp[torch.arange(len(target)), target].mean()

    @staticmethod
    def backward(ctx, grad_output):
        p, target = ctx.saved_tensors
        grad = p.clone()
        grad[torch.arange(len(target)), target] -= 1
        return grad_output * grad, None


def batch():
    torch.manual_seed(42)
    return torch.randn(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])


CASE = dict(
    make=lambda: CrossEntropyLoss,
    inputs=batch,
    wrong=dict(gradient="logits", kinds=["scale"]),
    note="the loss is a mean over the batch but the gradient is not divided by N.",
)
