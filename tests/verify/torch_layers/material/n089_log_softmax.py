import torch
from torch.autograd import Function


class LogSoftmax(Function):
    @staticmethod
    def forward(ctx, logits, axis=-1):
        m, _ = logits.max(axis, keepdim=True)
        lse = m + (logits - m).exp().sum(axis, keepdim=True).log()
        out = logits - lse
        ctx.axis = axis
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        out, = ctx.saved_tensors
        return grad - out.exp() * grad.sum(ctx.axis, keepdim=True), None


CASE = dict(make=lambda: LogSoftmax, inputs=lambda: (torch.randn(5, 3, generator=torch.Generator().manual_seed(89)), -1),
            wrong=None, note="Right: grad - softmax * sum(grad).")
