import numpy as np
import torch


class NumpyArctan(torch.autograd.Function):
    """Uses numpy inside, as in 'Creating extensions using numpy and scipy'."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        numpy_input = x.detach().numpy()
        return x.new_tensor(np.arctan(numpy_input))

    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        numpy_go = grad_output.numpy()
        xn = x.detach().numpy()
        result = numpy_go / (1 + xn)
        return grad_output.new_tensor(result)


CASE = dict(
    make=lambda: NumpyArctan,
    inputs=lambda: (torch.tensor([[0.3, -0.4, 1.2], [2.0, -0.1, 0.7]]),),
    wrong=dict(gradient="x", kinds=["wrong_derivative", "missing_factor"]),
    note="the derivative of arctan is 1/(1+x^2), the square was forgotten.",
)
