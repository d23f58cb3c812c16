import torch


class LegendrePolynomial3(torch.autograd.Function):
    """P3(x) = 1/2 (5 x^3 - 3 x), from the PyTorch tutorial"""

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input ** 3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        return grad_output * 0.5 * (15 * input ** 2 - 3 * input)


CASE = dict(
    make=lambda: LegendrePolynomial3,
    inputs=lambda: (torch.linspace(-1.5, 2, 9),),
    wrong=dict(gradient="input", kinds=["wrong_derivative", "extra_factor"]),
    note="the derivative of 3x is 3, it was left as 3x.",
)
