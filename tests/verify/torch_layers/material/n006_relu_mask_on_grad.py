import torch


class MyReLU(torch.autograd.Function):
    """
    We can implement our own custom autograd Functions by subclassing
    torch.autograd.Function.
    """

    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[grad_output < 0] = 0
        return grad_input


CASE = dict(
    make=lambda: MyReLU,
    inputs=lambda: (torch.randn(4, 6, generator=torch.Generator().manual_seed(5)),),
    wrong=dict(gradient="input", kinds=["wrong_variable", "wrong_mask"]),
    note="the mask is taken on grad_output instead of on the saved input.",
)
