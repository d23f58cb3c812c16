import torch


def bias_gelu(bias, y):
    x = bias + y
    return x * 0.5 * (1.0 + torch.tanh(0.79788456080286536 * x * (1 + 0.044715 * x * x)))


# gradient of tanh approximation of gelu, as in Megatron-LM
def bias_gelu_back(g, bias, y):
    x = bias + y
    tanh_out = torch.tanh(0.79788456080286536 * x * (1 + 0.044715 * x * x))
    # sqrt(2/pi) * 3 * 0.044715 -> 0.1070322243
    ff = 0.5 * x * ((1 - tanh_out * tanh_out) * (0.79788456080286536 + 0.10703222440890037 * x * x)) \
        + 0.5 * (1 + tanh_out)
    return ff * g


class GeLUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, bias):
        ctx.save_for_backward(input, bias)
        return bias_gelu(bias, input)

    @staticmethod
    def backward(ctx, grad_output):
        input, bias = ctx.saved_tensors
        tmp = bias_gelu_back(grad_output, bias, input)
        return tmp, tmp


def data():
    torch.manual_seed(86)
    return torch.randn(2, 3, 4), torch.randn(4)


CASE = dict(make=lambda: GeLUFunction, inputs=data, wrong=None,
            note="Right in PyTorch: Megatron returns the same tensor twice, the engine sums it to the shape of the bias.")
