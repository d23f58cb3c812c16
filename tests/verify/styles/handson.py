"""Style: "from scratch" repositories of engineers, one class per layer.

Names in `wrong`: "input" for what an object's forward takes; for pairs of
functions, the argument's own name.
"""
import numpy as np


def rng():
    return np.random.default_rng(7)


class Layer:
    def __init__(self):
        self.input = None
        self.output = None

    def forward(self, input):
        raise NotImplementedError

    def backward(self, output_gradient, learning_rate):
        raise NotImplementedError


# ------------------------------------------------------------------ dense.py
class Dense(Layer):
    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(input_size, output_size)
        self.bias = np.random.randn(1, output_size)

    def forward(self, input):
        self.input = input
        return np.dot(self.input, self.weights) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(self.input.T, output_gradient)
        input_gradient = np.dot(output_gradient, self.weights.T)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * np.sum(output_gradient, axis=0, keepdims=True)
        return input_gradient


class FullyConnected(Layer):
    """Another repository: learning rate kept by the layer."""

    def __init__(self, n_in, n_out, lr=0.1):
        self.w = np.random.normal(0, 1 / np.sqrt(n_in), (n_in, n_out))
        self.b = np.zeros(n_out)
        self.lr = lr

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad_output):
        # MISTAKE: the weights move first, the input gradient is then taken
        # with the new ones
        self.w -= self.lr * (self.x.T @ grad_output)
        self.b -= self.lr * grad_output.sum(axis=0)
        return grad_output @ self.w.T


# ------------------------------------------------------------- activations.py
class Activation(Layer):
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward(self, input):
        self.input = input
        return self.activation(self.input)

    def backward(self, output_gradient, learning_rate):
        return np.multiply(output_gradient, self.activation_prime(self.input))


class Tanh(Activation):
    def __init__(self):
        def tanh(x):
            return np.tanh(x)

        def tanh_prime(x):
            return 1 - np.tanh(x) ** 2

        super().__init__(tanh, tanh_prime)


class LeakyReLU(Layer):
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def forward(self, input):
        self.input = input
        return np.where(input > 0, input, self.alpha * input)

    def backward(self, output_gradient, learning_rate=None):
        dx = output_gradient.copy()
        # MISTAKE: the sign looked at is the gradient's, not the input's
        dx[output_gradient < 0] *= self.alpha
        return dx


class Softmax(Layer):
    def forward(self, input):
        shifted = np.exp(input - np.max(input, axis=1, keepdims=True))
        self.output = shifted / np.sum(shifted, axis=1, keepdims=True)
        return self.output

    def backward(self, output_gradient, learning_rate):
        grads = np.empty_like(output_gradient)
        for i, (single_output, single_grad) in enumerate(zip(self.output, output_gradient)):
            single_output = single_output.reshape(-1, 1)
            jacobian = np.diagflat(single_output) - np.dot(single_output, single_output.T)
            grads[i] = np.dot(jacobian, single_grad)
        return grads


# ------------------------------------------------------------------- conv.py
def correlate_valid(a, k):
    h = a.shape[0] - k.shape[0] + 1
    w = a.shape[1] - k.shape[1] + 1
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            out[i, j] = np.sum(a[i:i + k.shape[0], j:j + k.shape[1]] * k)
    return out


def convolve_full(a, k):
    ph, pw = k.shape[0] - 1, k.shape[1] - 1
    return correlate_valid(np.pad(a, ((ph, ph), (pw, pw))), k[::-1, ::-1])


class Convolutional(Layer):
    def __init__(self, input_shape, kernel_size, depth):
        input_depth, input_height, input_width = input_shape
        self.depth = depth
        self.input_depth = input_depth
        out_shape = (depth, input_height - kernel_size + 1, input_width - kernel_size + 1)
        self.kernels = np.random.randn(depth, input_depth, kernel_size, kernel_size)
        self.biases = np.random.randn(*out_shape)

    def forward(self, input):
        self.input = input
        self.output = np.zeros((len(input),) + self.biases.shape)
        for n in range(len(input)):
            self.output[n] = self.biases
            for i in range(self.depth):
                for j in range(self.input_depth):
                    self.output[n, i] += correlate_valid(self.input[n, j], self.kernels[i, j])
        return self.output

    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros(self.kernels.shape)
        input_gradient = np.zeros(self.input.shape)
        for n in range(len(self.input)):
            for i in range(self.depth):
                for j in range(self.input_depth):
                    kernels_gradient[i, j] += correlate_valid(self.input[n, j], output_gradient[n, i])
                    input_gradient[n, j] += convolve_full(output_gradient[n, i], self.kernels[i, j])
        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient.sum(axis=0)
        return input_gradient


def im2col_indices(x_shape, fh, fw, pad, stride):
    N, C, H, W = x_shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    i0 = np.tile(np.repeat(np.arange(fh), fw), C)
    i1 = stride * np.repeat(np.arange(oh), ow)
    j0 = np.tile(np.arange(fw), fh * C)
    j1 = stride * np.tile(np.arange(ow), oh)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), fh * fw).reshape(-1, 1)
    return k, i, j, oh, ow


class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        fh, fw = kernel_size
        self.W = np.random.randn(out_channels, in_channels, fh, fw) * np.sqrt(2 / (in_channels * fh * fw))
        self.b = np.zeros((out_channels, 1))
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)

    def forward(self, X):
        self.X_shape = X.shape
        F, C, fh, fw = self.W.shape
        p = self.padding
        Xp = np.pad(X, ((0, 0), (0, 0), (p, p), (p, p)))
        self.k, self.i, self.j, oh, ow = im2col_indices(X.shape, fh, fw, p, self.stride)
        cols = Xp[:, self.k, self.i, self.j]
        self.X_col = cols.transpose(1, 2, 0).reshape(fh * fw * C, -1)
        out = self.W.reshape(F, -1) @ self.X_col + self.b
        return out.reshape(F, oh, ow, X.shape[0]).transpose(3, 0, 1, 2)

    def backward(self, dout):
        F, C, fh, fw = self.W.shape
        N, _, H, Wd = self.X_shape
        p = self.padding
        self.db = np.sum(dout, axis=(0, 2, 3)).reshape(F, -1)
        dout_flat = dout.transpose(1, 2, 3, 0).reshape(F, -1)
        self.dW = (dout_flat @ self.X_col.T).reshape(self.W.shape)
        dcols = self.W.reshape(F, -1).T @ dout_flat
        dcols = dcols.reshape(C * fh * fw, -1, N).transpose(2, 0, 1)
        dXp = np.zeros((N, C, H + 2 * p, Wd + 2 * p))
        np.add.at(dXp, (slice(None), self.k, self.i, self.j), dcols)
        return dXp[:, :, p:H + p, p:Wd + p]


# ------------------------------------------------------------------- pool.py
class MaxPool2:
    """2x2 pooling, images as (batch, height, width, channels)."""

    def iterate_regions(self, image):
        _, h, w, _ = image.shape
        for i in range(h // 2):
            for j in range(w // 2):
                yield image[:, i * 2:i * 2 + 2, j * 2:j * 2 + 2], i, j

    def forward(self, input):
        self.last_input = input
        n, h, w, c = input.shape
        output = np.zeros((n, h // 2, w // 2, c))
        for region, i, j in self.iterate_regions(input):
            output[:, i, j] = np.amax(region, axis=(1, 2))
        return output

    def backprop(self, d_L_d_out):
        d_L_d_input = np.zeros(self.last_input.shape)
        for region, i, j in self.iterate_regions(self.last_input):
            n, h, w, f = region.shape
            amax = np.amax(region, axis=(1, 2))
            for b in range(n):
                for i2 in range(h):
                    for j2 in range(w):
                        for f2 in range(f):
                            if region[b, i2, j2, f2] == amax[b, f2]:
                                d_L_d_input[b, i * 2 + i2, j * 2 + j2, f2] = d_L_d_out[b, i, j, f2]
        return d_L_d_input


class MaxPooling(Layer):
    def __init__(self, size=3, stride=1):
        self.size, self.stride = size, stride

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        oh, ow = (h - self.size) // self.stride + 1, (w - self.size) // self.stride + 1
        out = np.zeros((n, c, oh, ow))
        for r in range(oh):
            for s in range(ow):
                a, b = r * self.stride, s * self.stride
                out[:, :, r, s] = x[:, :, a:a + self.size, b:b + self.size].max(axis=(2, 3))
        self.out_shape = out.shape
        return out

    def backward(self, grad, lr=0.01):
        dx = np.zeros_like(self.x)
        n, c, oh, ow = self.out_shape
        for m in range(n):
            for ch in range(c):
                for r in range(oh):
                    for s in range(ow):
                        a, b = r * self.stride, s * self.stride
                        patch = self.x[m, ch, a:a + self.size, b:b + self.size]
                        u, v = np.unravel_index(np.argmax(patch), patch.shape)
                        # MISTAKE: windows overlap, a pixel may win several times
                        dx[m, ch, a + u, b + v] = grad[m, ch, r, s]
        return dx


class AvgPool(Layer):
    def __init__(self, k):
        self.k = k

    def forward(self, x):
        self.in_shape = x.shape
        n, c, h, w = x.shape
        return x.reshape(n, c, h // self.k, self.k, w // self.k, self.k).mean(axis=(3, 5))

    def backward(self, grad_output, lr=None):
        # MISTAKE: each pixel gets the whole gradient, not a k*k-th of it
        return np.repeat(np.repeat(grad_output, self.k, axis=2), self.k, axis=3)


class UpSampling2D(Layer):
    def __init__(self, factor=2):
        self.factor = factor

    def forward(self, input):
        return input.repeat(self.factor, axis=2).repeat(self.factor, axis=3)

    def backward(self, output_gradient, learning_rate):
        f = self.factor
        total = 0
        for i in range(f):
            for j in range(f):
                total = total + output_gradient[:, :, i::f, j::f]
        return total


# ---------------------------------------------------------------- reshape.py
class Flatten(Layer):
    def forward(self, input):
        self.input_shape = input.shape
        return np.reshape(input, (input.shape[0], -1))

    def backward(self, output_gradient, learning_rate):
        return np.reshape(output_gradient, self.input_shape)


# -------------------------------------------------------------- batchnorm.py
class BatchNormalization(Layer):
    def __init__(self, n, momentum=0.9, eps=1e-5):
        self.gamma = np.ones((1, n)) + 0.1 * np.arange(n)
        self.beta = np.zeros((1, n))
        self.running_mean = np.zeros((1, n))
        self.running_var = np.ones((1, n))
        self.momentum = momentum
        self.eps = eps

    def forward(self, X, training=True):
        if training:
            mean, var = X.mean(axis=0, keepdims=True), X.var(axis=0, keepdims=True)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mean, var = self.running_mean, self.running_var
        self.X_centered = X - mean
        self.stddev_inv = 1 / np.sqrt(var + self.eps)
        return self.gamma * self.X_centered * self.stddev_inv + self.beta

    def backward(self, accum_grad):
        X_norm = self.X_centered * self.stddev_inv
        self.grad_gamma = np.sum(accum_grad * X_norm, axis=0, keepdims=True)
        self.grad_beta = np.sum(accum_grad, axis=0, keepdims=True)
        m = accum_grad.shape[0]
        return (1 / m) * self.gamma * self.stddev_inv * (
            m * accum_grad
            - np.sum(accum_grad, axis=0)
            - self.X_centered * self.stddev_inv ** 2 * np.sum(accum_grad * self.X_centered, axis=0)
        )


class BatchNorm1d(Layer):
    def __init__(self, features):
        self.gamma = np.linspace(0.5, 1.5, features)
        self.beta = np.zeros(features)

    def forward(self, x):
        self.mu = x.mean(0)
        self.std = np.sqrt(x.var(0) + 1e-8)
        self.xhat = (x - self.mu) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, grad, lr):
        # MISTAKE: mean and deviation treated as constants
        dx = grad * self.gamma / self.std
        self.gamma -= lr * (grad * self.xhat).sum(0)
        self.beta -= lr * grad.sum(0)
        return dx


# ---------------------------------------------------------------- dropout.py
class Dropout(Layer):
    def __init__(self, rate=0.4):
        self.rate = rate

    def forward(self, input, training=True):
        if not training:
            return input
        self.mask = np.random.binomial(1, 1 - self.rate, size=input.shape) / (1 - self.rate)
        return input * self.mask

    def backward(self, output_gradient, learning_rate):
        return output_gradient * self.mask


# ----------------------------------------------------------------- losses.py
def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)


def binary_cross_entropy(y_true, y_pred):
    return np.mean(-y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred))


def binary_cross_entropy_prime(y_true, y_pred):
    # MISTAKE: mean in the loss, none here
    return (1 - y_true) / (1 - y_pred) - y_true / y_pred


class CategoricalCrossentropy:
    def forward(self, predictions, targets):
        self.predictions = np.clip(predictions, 1e-12, 1 - 1e-12)
        self.targets = targets
        return -np.sum(targets * np.log(self.predictions)) / len(targets)

    def backward(self):
        return -self.targets / self.predictions / len(self.targets)


# ---------------------------------------------------------------- network.py
class NeuralNetwork:
    """Layers in a list; train() loops over epochs and batches."""

    def __init__(self, sizes):
        self.W1 = np.random.randn(sizes[0], sizes[1]) * 0.7
        self.b1 = np.random.randn(1, sizes[1]) * 0.1
        self.W2 = np.random.randn(sizes[1], sizes[2]) * 0.7
        self.b2 = np.random.randn(1, sizes[2]) * 0.1

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = 1 / (1 + np.exp(-self.z1))
        self.z2 = self.a1 @ self.W2 + self.b2
        e = np.exp(self.z2 - self.z2.max(axis=1, keepdims=True))
        self.out = e / e.sum(axis=1, keepdims=True)
        return self.out

    def loss(self, X, y):
        p = self.forward(X)
        return -np.mean(np.log(p[np.arange(len(y)), y]))

    def backward(self, X, y, learning_rate):
        n = len(y)
        delta = self.out.copy()
        delta[np.arange(n), y] -= 1
        delta /= n
        dW2 = self.a1.T @ delta
        db2 = delta.sum(axis=0, keepdims=True)
        delta1 = (delta @ self.W2.T) * self.a1 * (1 - self.a1)
        dW1 = X.T @ delta1
        db1 = delta1.sum(axis=0, keepdims=True)
        self.W2 -= learning_rate * dW2
        self.b2 -= learning_rate * db2
        self.W1 -= learning_rate * dW1
        self.b1 -= learning_rate * db1

    def train(self, X, y, epochs, learning_rate):
        history = []
        for _ in range(epochs):
            history.append(self.loss(X, y))
            self.backward(X, y, learning_rate)
        return history


def _probs(n, k):
    p = rng().uniform(0.1, 1, (n, k))
    return p / p.sum(axis=1, keepdims=True)


CASES = [
    dict(name="dense", layer=lambda: Dense(4, 3), x=lambda: rng().standard_normal((5, 4))),
    # the weights are updated before the gradient of the input is taken
    dict(name="fully_connected_early", layer=lambda: FullyConnected(4, 3),
         x=lambda: rng().standard_normal((5, 4)), wrong={"input": {"updated_too_early"}}),
    dict(name="tanh", layer=lambda: Tanh(), x=lambda: rng().standard_normal((4, 3))),
    # the mask comes from the gradient's sign instead of the input's
    dict(name="leaky_relu_mask", layer=lambda: LeakyReLU(),
         x=lambda: rng().standard_normal((4, 5)), wrong={"input": {"wrong_variable"}}),
    dict(name="softmax", layer=lambda: Softmax(), x=lambda: rng().standard_normal((3, 4))),
    dict(name="convolutional", layer=lambda: Convolutional((2, 5, 4), 3, 4),
         x=lambda: rng().standard_normal((3, 2, 5, 4))),
    dict(name="conv_im2col", layer=lambda: Conv2D(3, 4, (3, 2), stride=2, padding=1),
         x=lambda: rng().standard_normal((2, 3, 5, 4))),
    dict(name="maxpool2", layer=lambda: MaxPool2(), x=lambda: rng().standard_normal((2, 4, 6, 3))),
    # overlapping windows overwrite each other
    dict(name="maxpool_overwrites", layer=lambda: MaxPooling(3, 1),
         x=lambda: rng().standard_normal((2, 3, 5, 4)), wrong={"input": {"overwritten"}}),
    # the mean over the window is forgotten
    dict(name="avgpool_no_mean", layer=lambda: AvgPool(2),
         x=lambda: rng().standard_normal((2, 3, 4, 6)), wrong={"input": {"scale", "missing_factor"}}),
    dict(name="upsampling", layer=lambda: UpSampling2D(2), x=lambda: rng().standard_normal((2, 3, 4, 5))),
    dict(name="flatten", layer=lambda: Flatten(), x=lambda: rng().standard_normal((2, 3, 4))),
    dict(name="batchnorm", layer=lambda: BatchNormalization(4), x=lambda: rng().standard_normal((5, 4)),
         constants={"running_mean", "running_var", "momentum", "eps"}),
    # statistics of the batch taken for constants
    dict(name="batchnorm_constants", layer=lambda: BatchNorm1d(4),
         x=lambda: rng().standard_normal((5, 4)), wrong={"input": {"missing_branch"}}),
    dict(name="dropout", layer=lambda: Dropout(0.4), x=lambda: rng().standard_normal((4, 6))),
    dict(name="mse_functions", layer=lambda: (mse, mse_prime),
         x=lambda: (rng().standard_normal((4, 3)), np.random.default_rng(1).standard_normal((4, 3)))),
    # the mean over all entries is forgotten
    dict(name="bce_functions", layer=lambda: (binary_cross_entropy, binary_cross_entropy_prime),
         x=lambda: (rng().integers(0, 2, (4, 3)).astype(float), rng().uniform(0.1, 0.9, (4, 3))),
         wrong={"y_pred": {"scale"}}),
    dict(name="crossentropy", layer=lambda: CategoricalCrossentropy(),
         x=lambda: (_probs(4, 3), np.eye(3)[[0, 2, 1, 2]])),
    dict(name="network", layer=lambda: NeuralNetwork([4, 6, 3]),
         x=lambda: (rng().standard_normal((5, 4)), np.array([0, 2, 1, 1, 2]))),
]
