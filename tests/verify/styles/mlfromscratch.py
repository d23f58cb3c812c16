"""Layers in the manner of the "ML-From-Scratch" repositories: a Layer base class,
forward_pass(X, training=True), backward_pass(accum_grad), which updates the weights
itself through its own optimizers, and loss / activation classes with gradient()."""
from __future__ import print_function, division
import copy
import math
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ---------------------------------------------------------------- optimizers

class StochasticGradientDescent():
    def __init__(self, learning_rate=0.01, momentum=0):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.w_updt = None

    def update(self, w, grad_wrt_w):
        # If not initialized
        if self.w_updt is None:
            self.w_updt = np.zeros(np.shape(w))
        # Use momentum if set
        self.w_updt = self.momentum * self.w_updt + (1 - self.momentum) * grad_wrt_w
        # Move against the gradient to minimize loss
        return w - self.learning_rate * self.w_updt


class InPlaceSGD():
    def __init__(self, learning_rate=0.1):
        self.learning_rate = learning_rate

    def update(self, w, grad_wrt_w):
        w -= self.learning_rate * grad_wrt_w
        return w


class GradientStep():
    def __init__(self, learning_rate=0.05):
        self.learning_rate = learning_rate

    def update(self, w, grad_wrt_w):
        return w + self.learning_rate * grad_wrt_w


class Adam():
    def __init__(self, learning_rate=0.001, b1=0.9, b2=0.999):
        self.learning_rate = learning_rate
        self.eps = 1e-8
        self.m = None
        self.v = None
        self.b1 = b1
        self.b2 = b2
        self.t = 0

    def update(self, w, grad_wrt_w):
        if self.m is None:
            self.m = np.zeros(np.shape(grad_wrt_w))
            self.v = np.zeros(np.shape(grad_wrt_w))
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * grad_wrt_w
        self.v = self.b2 * self.v + (1 - self.b2) * np.power(grad_wrt_w, 2)
        m_hat = self.m / (1 - self.b1 ** self.t)
        v_hat = self.v / (1 - self.b2 ** self.t)
        return w - self.learning_rate * m_hat / (np.sqrt(v_hat) + self.eps)


# --------------------------------------------------------------- activations

class Sigmoid():
    def __call__(self, x):
        return 1 / (1 + np.exp(-x))

    def gradient(self, x):
        return self.__call__(x) * (1 - self.__call__(x))


class TanH():
    def __call__(self, x):
        return 2 / (1 + np.exp(-2 * x)) - 1

    def gradient(self, x):
        return 1 - np.power(self.__call__(x), 2)


class ReLU():
    def __call__(self, x):
        return np.where(x >= 0, x, 0)

    def gradient(self, x):
        return np.where(x >= 0, 1, 0)


class LeakyReLU():
    def __init__(self, alpha=0.2):
        self.alpha = alpha

    def __call__(self, x):
        return np.where(x >= 0, x, self.alpha * x)

    def gradient(self, x):
        return np.where(x >= 0, self.alpha, 1)


class ELU():
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def __call__(self, x):
        return np.where(x >= 0.0, x, self.alpha * (np.exp(x) - 1))

    def gradient(self, x):
        return np.where(x >= 0.0, 1, self.__call__(x) + self.alpha)


class SELU():
    def __init__(self):
        self.alpha = 1.6732632423543772
        self.scale = 1.0507009873554805

    def __call__(self, x):
        return self.scale * np.where(x >= 0.0, x, self.alpha * (np.exp(x) - 1))

    def gradient(self, x):
        return self.scale * np.where(x >= 0.0, 1, self.alpha * np.exp(x))


class SoftPlus():
    def __call__(self, x):
        return np.log(1 + np.exp(x))

    def gradient(self, x):
        return 1 / (1 + np.exp(-x))


class Softmax():
    def __call__(self, x):
        e_x = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return e_x / np.sum(e_x, axis=-1, keepdims=True)

    def gradient(self, x):
        p = self.__call__(x)
        return p * (1 - p)


activation_functions = {
    'relu': ReLU,
    'sigmoid': Sigmoid,
    'tanh': TanH,
    'elu': ELU,
    'selu': SELU,
    'softplus': SoftPlus,
    'leaky_relu': LeakyReLU,
    'softmax': Softmax,
}


# -------------------------------------------------------------------- losses

class Loss(object):
    def loss(self, y_true, y_pred):
        return NotImplementedError()

    def gradient(self, y, y_pred):
        raise NotImplementedError()

    def acc(self, y, y_pred):
        return 0


class SquareLoss(Loss):
    def __init__(self): pass

    def loss(self, y, y_pred):
        return 0.5 * np.power((y - y_pred), 2)

    def gradient(self, y, y_pred):
        return -(y - y_pred)


class CrossEntropy(Loss):
    def __init__(self): pass

    def loss(self, y, p):
        # Avoid division by zero
        p = np.clip(p, 1e-15, 1 - 1e-15)
        return - y * np.log(p) - (1 - y) * np.log(1 - p)

    def acc(self, y, p):
        return np.mean(np.argmax(y, axis=1) == np.argmax(p, axis=1))

    def gradient(self, y, p):
        # Avoid division by zero
        p = np.clip(p, 1e-15, 1 - 1e-15)
        return - (y / p) + (1 - y) / (1 - p)


class WeightedMeanSquare(Loss):
    """Every column has its own weight."""
    def __init__(self, class_weight):
        self.class_weight = np.asarray(class_weight)

    def loss(self, y, y_pred):
        return np.mean(np.sum(self.class_weight * (y_pred - y) ** 2, axis=1))

    def gradient(self, y, y_pred):
        return 2 * self.class_weight * (y_pred - y) / np.shape(y)[0]


class PositivePartLoss(Loss):
    def loss(self, y, p):
        p = np.clip(p, 1e-12, 1 - 1e-12)
        return np.mean(- y * np.log(p) - (1 - y) * np.log(1 - p))

    def gradient(self, y, p):
        p = np.clip(p, 1e-12, 1 - 1e-12)
        return - (y / p) / y.size


# -------------------------------------------------------------------- layers

class Layer(object):

    def set_input_shape(self, shape):
        """ Sets the shape that the layer expects of the input in the forward
        pass method """
        self.input_shape = shape

    def layer_name(self):
        return self.__class__.__name__

    def parameters(self):
        return 0

    def forward_pass(self, X, training):
        raise NotImplementedError()

    def backward_pass(self, accum_grad):
        raise NotImplementedError()

    def output_shape(self):
        raise NotImplementedError()


class Dense(Layer):
    def __init__(self, n_units, input_shape=None):
        self.layer_input = None
        self.input_shape = input_shape
        self.n_units = n_units
        self.trainable = True
        self.W = None
        self.w0 = None

    def initialize(self, optimizer):
        limit = 1 / math.sqrt(self.input_shape[0])
        self.W = np.random.uniform(-limit, limit, (self.input_shape[0], self.n_units))
        self.w0 = np.zeros((1, self.n_units))
        # Weight optimizers
        self.W_opt = copy.copy(optimizer)
        self.w0_opt = copy.copy(optimizer)

    def parameters(self):
        return np.prod(self.W.shape) + np.prod(self.w0.shape)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        # Save weights used during forward pass
        W = self.W

        if self.trainable:
            grad_w = self.layer_input.T.dot(accum_grad)
            grad_w0 = np.sum(accum_grad, axis=0, keepdims=True)

            self.W = self.W_opt.update(self.W, grad_w)
            self.w0 = self.w0_opt.update(self.w0, grad_w0)

        # Calculated with the weights used during the forward pass
        return accum_grad.dot(W.T)

    def output_shape(self):
        return (self.n_units, )


class DenseMean(Dense):
    """Averages over the batch, although the loss has done so already."""

    def backward_pass(self, accum_grad):
        W = self.W
        m = self.layer_input.shape[0]
        grad_w = self.layer_input.T.dot(accum_grad) / m
        grad_w0 = np.mean(accum_grad, axis=0, keepdims=True)
        self.W = self.W_opt.update(self.W, grad_w)
        self.w0 = self.w0_opt.update(self.w0, grad_w0)
        return accum_grad.dot(W.T)


class DenseNoBias(Dense):
    """The same with the bias as a last row of W, inputs (features, examples)."""

    def initialize(self, optimizer):
        self.W = 0.4 * np.random.randn(self.n_units, self.input_shape[0] + 1)
        self.W_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.layer_input = np.vstack([X, np.ones((1, X.shape[1]))])
        return self.W.dot(self.layer_input)

    def backward_pass(self, accum_grad):
        grad_input = self.W[:, :-1].T.dot(accum_grad)
        self.W = self.W_opt.update(self.W, accum_grad.dot(self.layer_input.T))
        return grad_input


class Activation(Layer):
    def __init__(self, name):
        self.activation_name = name
        self.activation_func = activation_functions[name]()
        self.trainable = True

    def layer_name(self):
        return "Activation (%s)" % (self.activation_func.__class__.__name__)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return self.activation_func(X)

    def backward_pass(self, accum_grad):
        return accum_grad * self.activation_func.gradient(self.layer_input)

    def output_shape(self):
        return self.input_shape


class OutputActivation(Layer):
    """Keeps its output instead of its input."""
    def __init__(self, name):
        self.activation_func = activation_functions[name]()

    def forward_pass(self, X, training=True):
        self.layer_output = self.activation_func(X)
        return self.layer_output

    def backward_pass(self, accum_grad):
        return accum_grad * self.activation_func.gradient(self.layer_output)


class BatchNormalization(Layer):
    def __init__(self, momentum=0.99):
        self.momentum = momentum
        self.trainable = True
        self.eps = 0.01
        self.running_mean = None
        self.running_var = None

    def initialize(self, optimizer):
        self.gamma = np.ones(self.input_shape)
        self.beta = np.zeros(self.input_shape)
        self.gamma_opt = copy.copy(optimizer)
        self.beta_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        # Initialize running mean and variance if first run
        if self.running_mean is None:
            self.running_mean = np.mean(X, axis=0)
            self.running_var = np.var(X, axis=0)

        if training and self.trainable:
            mean = np.mean(X, axis=0)
            var = np.var(X, axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mean = self.running_mean
            var = self.running_var

        # Statistics saved for backward pass
        self.X_centered = X - mean
        self.stddev_inv = 1 / np.sqrt(var + self.eps)

        X_norm = self.X_centered * self.stddev_inv
        return self.gamma * X_norm + self.beta

    def backward_pass(self, accum_grad):
        # Save parameters used during the forward pass
        gamma = self.gamma

        if self.trainable:
            X_norm = self.X_centered * self.stddev_inv
            grad_gamma = np.sum(accum_grad * X_norm, axis=0)
            grad_beta = np.sum(accum_grad, axis=0)

            self.gamma = self.gamma_opt.update(self.gamma, grad_gamma)
            self.beta = self.beta_opt.update(self.beta, grad_beta)

        batch_size = accum_grad.shape[0]

        # The gradient of the loss with respect to the layer inputs
        return (1 / batch_size) * gamma * self.stddev_inv * (
            batch_size * accum_grad
            - np.sum(accum_grad, axis=0)
            - self.X_centered * self.stddev_inv ** 2 * np.sum(accum_grad * self.X_centered, axis=0))

    def output_shape(self):
        return self.input_shape


class Dropout(Layer):
    """Sets a fraction p of the outputs of the previous layer to zero."""
    def __init__(self, p=0.2):
        self.p = p
        self._mask = None
        self.pass_through = True
        self.trainable = True

    def forward_pass(self, X, training=True):
        c = (1 - self.p)
        if training:
            self._mask = np.random.uniform(size=X.shape) > self.p
            c = self._mask
        return X * c

    def backward_pass(self, accum_grad):
        return accum_grad * self._mask


class Flatten(Layer):
    """ Turns a multidimensional matrix into two-dimensional """
    def __init__(self, input_shape=None):
        self.prev_shape = None
        self.trainable = True
        self.input_shape = input_shape

    def forward_pass(self, X, training=True):
        self.prev_shape = X.shape
        return X.reshape((X.shape[0], -1))

    def backward_pass(self, accum_grad):
        return accum_grad.reshape(self.prev_shape)


def determine_padding(filter_shape, output_shape="same"):
    if output_shape == "valid":
        return (0, 0), (0, 0)
    filter_height, filter_width = filter_shape
    pad_h1 = int(math.floor((filter_height - 1) / 2))
    pad_h2 = int(math.ceil((filter_height - 1) / 2))
    pad_w1 = int(math.floor((filter_width - 1) / 2))
    pad_w2 = int(math.ceil((filter_width - 1) / 2))
    return (pad_h1, pad_h2), (pad_w1, pad_w2)


def get_im2col_indices(images_shape, filter_shape, padding, stride=1):
    batch_size, channels, height, width = images_shape
    filter_height, filter_width = filter_shape
    pad_h, pad_w = padding
    out_height = int((height + np.sum(pad_h) - filter_height) / stride + 1)
    out_width = int((width + np.sum(pad_w) - filter_width) / stride + 1)

    i0 = np.tile(np.repeat(np.arange(filter_height), filter_width), channels)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(filter_width), filter_height * channels)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(channels), filter_height * filter_width).reshape(-1, 1)
    return (k, i, j)


def image_to_column(images, filter_shape, stride, output_shape='same'):
    filter_height, filter_width = filter_shape
    pad_h, pad_w = determine_padding(filter_shape, output_shape)
    images_padded = np.pad(images, ((0, 0), (0, 0), pad_h, pad_w), mode='constant')
    k, i, j = get_im2col_indices(images.shape, filter_shape, (pad_h, pad_w), stride)
    cols = images_padded[:, k, i, j]
    channels = images.shape[1]
    # (the columns of one position after another, all images of one position together)
    return cols.transpose(1, 2, 0).reshape(filter_height * filter_width * channels, -1)


def column_to_image(cols, images_shape, filter_shape, stride, output_shape='same'):
    batch_size, channels, height, width = images_shape
    pad_h, pad_w = determine_padding(filter_shape, output_shape)
    images_padded = np.zeros((batch_size, channels, height + np.sum(pad_h), width + np.sum(pad_w)))
    k, i, j = get_im2col_indices(images_shape, filter_shape, (pad_h, pad_w), stride)
    cols = cols.reshape(channels * np.prod(filter_shape), -1, batch_size)
    cols = cols.transpose(2, 0, 1)
    # Add column content to the images at the indices
    np.add.at(images_padded, (slice(None), k, i, j), cols)
    return images_padded[:, :, pad_h[0]:height + pad_h[0], pad_w[0]:width + pad_w[0]]


class Conv2D(Layer):
    def __init__(self, n_filters, filter_shape, input_shape=None, padding='same', stride=1):
        self.n_filters = n_filters
        self.filter_shape = filter_shape
        self.padding = padding
        self.stride = stride
        self.input_shape = input_shape
        self.trainable = True

    def initialize(self, optimizer):
        filter_height, filter_width = self.filter_shape
        channels = self.input_shape[0]
        limit = 1 / math.sqrt(np.prod(self.filter_shape))
        self.W = np.random.uniform(-limit, limit, size=(self.n_filters, channels, filter_height, filter_width))
        self.w0 = np.zeros((self.n_filters, 1))
        self.W_opt = copy.copy(optimizer)
        self.w0_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        batch_size, channels, height, width = X.shape
        self.layer_input = X
        self.X_col = image_to_column(X, self.filter_shape, stride=self.stride, output_shape=self.padding)
        self.W_col = self.W.reshape((self.n_filters, -1))
        output = self.W_col.dot(self.X_col) + self.w0
        output = output.reshape(self.output_shape() + (batch_size, ))
        return output.transpose(3, 0, 1, 2)

    def backward_pass(self, accum_grad):
        # Reshape accumulated gradient into column shape
        accum_grad = accum_grad.transpose(1, 2, 3, 0).reshape(self.n_filters, -1)

        if self.trainable:
            grad_w = accum_grad.dot(self.X_col.T).reshape(self.W.shape)
            grad_w0 = np.sum(accum_grad, axis=1, keepdims=True)
            self.W = self.W_opt.update(self.W, grad_w)
            self.w0 = self.w0_opt.update(self.w0, grad_w0)

        accum_grad = self.W_col.T.dot(accum_grad)
        return column_to_image(accum_grad, self.layer_input.shape, self.filter_shape,
                               stride=self.stride, output_shape=self.padding)

    def output_shape(self):
        channels, height, width = self.input_shape
        pad_h, pad_w = determine_padding(self.filter_shape, output_shape=self.padding)
        output_height = (height + np.sum(pad_h) - self.filter_shape[0]) / self.stride + 1
        output_width = (width + np.sum(pad_w) - self.filter_shape[1]) / self.stride + 1
        return self.n_filters, int(output_height), int(output_width)


class PoolingLayer(Layer):
    """A parent class of MaxPooling2D and AveragePooling2D"""
    def __init__(self, pool_shape=(2, 2), stride=2, padding='valid'):
        self.pool_shape = pool_shape
        self.stride = stride
        self.padding = padding
        self.trainable = True

    def forward_pass(self, X, training=True):
        self.layer_input = X
        batch_size, channels, height, width = X.shape
        _, out_height, out_width = self.output_shape()
        X = X.reshape(batch_size * channels, 1, height, width)
        X_col = image_to_column(X, self.pool_shape, self.stride, self.padding)
        output = self._pool_forward(X_col)
        output = output.reshape(out_height, out_width, batch_size, channels)
        return output.transpose(2, 3, 0, 1)

    def backward_pass(self, accum_grad):
        batch_size, _, _, _ = accum_grad.shape
        channels, height, width = self.input_shape
        accum_grad = accum_grad.transpose(2, 3, 0, 1).ravel()
        accum_grad_col = self._pool_backward(accum_grad)
        accum_grad = column_to_image(accum_grad_col, (batch_size * channels, 1, height, width),
                                     self.pool_shape, self.stride, self.padding)
        return accum_grad.reshape((batch_size,) + self.input_shape)

    def output_shape(self):
        channels, height, width = self.input_shape
        out_height = (height - self.pool_shape[0]) / self.stride + 1
        out_width = (width - self.pool_shape[1]) / self.stride + 1
        return channels, int(out_height), int(out_width)


class MaxPooling2D(PoolingLayer):
    def _pool_forward(self, X_col):
        arg_max = np.argmax(X_col, axis=0).flatten()
        output = X_col[arg_max, range(arg_max.size)]
        self.cache = arg_max
        return output

    def _pool_backward(self, accum_grad):
        accum_grad_col = np.zeros((np.prod(self.pool_shape), accum_grad.size))
        arg_max = self.cache
        accum_grad_col[arg_max, range(accum_grad.size)] = accum_grad
        return accum_grad_col


class AveragePooling2D(PoolingLayer):
    def _pool_forward(self, X_col):
        return np.mean(X_col, axis=0)

    def _pool_backward(self, accum_grad):
        accum_grad_col = np.zeros((np.prod(self.pool_shape), accum_grad.size))
        accum_grad_col[:, range(accum_grad.size)] = 1. / accum_grad_col.shape[0] * accum_grad
        return accum_grad_col


class UpSampling2D(Layer):
    """ Nearest neighbor up sampling: repeats the rows and columns """
    def __init__(self, size=(2, 2), input_shape=None):
        self.prev_shape = None
        self.trainable = True
        self.size = size
        self.input_shape = input_shape

    def forward_pass(self, X, training=True):
        self.prev_shape = X.shape
        return X.repeat(self.size[0], axis=2).repeat(self.size[1], axis=3)

    def backward_pass(self, accum_grad):
        # Down sample input to previous shape
        return accum_grad[:, :, ::self.size[0], ::self.size[1]]


class UpSamplingSummed(UpSampling2D):
    def backward_pass(self, accum_grad):
        n, c, h, w = self.prev_shape
        return accum_grad.reshape(n, c, h, self.size[0], w, self.size[1]).sum(axis=(3, 5))


class RNN(Layer):
    """A vanilla recurrent layer: X is (batch, timesteps, input_dim)."""
    def __init__(self, n_units, activation='tanh', bptt_trunc=5, input_shape=None):
        self.input_shape = input_shape
        self.n_units = n_units
        self.activation = activation_functions[activation]()
        self.trainable = True
        self.bptt_trunc = bptt_trunc
        self.W = None       # Weight of the previous state
        self.V = None       # Weight of the output
        self.U = None       # Weight of the input

    def initialize(self, optimizer):
        timesteps, input_dim = self.input_shape
        limit = 1 / math.sqrt(input_dim)
        self.U = np.random.uniform(-limit, limit, (self.n_units, input_dim))
        limit = 1 / math.sqrt(self.n_units)
        self.V = np.random.uniform(-limit, limit, (input_dim, self.n_units))
        self.W = np.random.uniform(-limit, limit, (self.n_units, self.n_units))
        self.U_opt = copy.copy(optimizer)
        self.V_opt = copy.copy(optimizer)
        self.W_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        batch_size, timesteps, input_dim = X.shape

        # Save these values for use in backprop.
        self.state_input = np.zeros((batch_size, timesteps, self.n_units))
        self.states = np.zeros((batch_size, timesteps + 1, self.n_units))
        self.outputs = np.zeros((batch_size, timesteps, input_dim))

        # The last time step is the initial state: index -1 is zero at t=0
        self.states[:, -1] = np.zeros((batch_size, self.n_units))
        for t in range(timesteps):
            self.state_input[:, t] = X[:, t].dot(self.U.T) + self.states[:, t - 1].dot(self.W.T)
            self.states[:, t] = self.activation(self.state_input[:, t])
            self.outputs[:, t] = self.states[:, t].dot(self.V.T)
        return self.outputs

    def backward_pass(self, accum_grad):
        _, timesteps, _ = accum_grad.shape

        grad_U = np.zeros_like(self.U)
        grad_V = np.zeros_like(self.V)
        grad_W = np.zeros_like(self.W)
        accum_grad_next = np.zeros_like(accum_grad)

        # Back Propagation Through Time
        for t in reversed(range(timesteps)):
            grad_V += accum_grad[:, t].T.dot(self.states[:, t])
            # The gradient w.r.t the state input
            grad_wrt_state = accum_grad[:, t].dot(self.V) * self.activation.gradient(self.state_input[:, t])
            # Backpropagate through time for at most bptt_trunc number of time steps
            for t_ in reversed(np.arange(max(0, t - self.bptt_trunc), t + 1)):
                accum_grad_next[:, t_] += grad_wrt_state.dot(self.U)
                grad_U += grad_wrt_state.T.dot(self.layer_input[:, t_])
                grad_W += grad_wrt_state.T.dot(self.states[:, t_ - 1])
                grad_wrt_state = grad_wrt_state.dot(self.W) * self.activation.gradient(self.state_input[:, t_ - 1])

        self.U = self.U_opt.update(self.U, grad_U)
        self.V = self.V_opt.update(self.V, grad_V)
        self.W = self.W_opt.update(self.W, grad_W)
        return accum_grad_next


class RNNDirectInput(RNN):
    def backward_pass(self, accum_grad):
        _, timesteps, _ = accum_grad.shape
        grad_U, grad_V, grad_W = np.zeros_like(self.U), np.zeros_like(self.V), np.zeros_like(self.W)
        accum_grad_next = np.zeros_like(accum_grad)
        for t in reversed(range(timesteps)):
            grad_V += accum_grad[:, t].T.dot(self.states[:, t])
            grad_wrt_state = accum_grad[:, t].dot(self.V) * self.activation.gradient(self.state_input[:, t])
            # Gradient w.r.t to layer input
            accum_grad_next[:, t] = grad_wrt_state.dot(self.U)
            for t_ in reversed(np.arange(max(0, t - self.bptt_trunc), t + 1)):
                grad_U += grad_wrt_state.T.dot(self.layer_input[:, t_])
                grad_W += grad_wrt_state.T.dot(self.states[:, t_ - 1])
                grad_wrt_state = grad_wrt_state.dot(self.W) * self.activation.gradient(self.state_input[:, t_ - 1])
        self.U = self.U_opt.update(self.U, grad_U)
        self.V = self.V_opt.update(self.V, grad_V)
        self.W = self.W_opt.update(self.W, grad_W)
        return accum_grad_next


class MultilayerPerceptron():
    """A network with one hidden layer, all in one class."""
    def __init__(self, n_features, n_hidden, n_outputs, learning_rate=0.01):
        self.learning_rate = learning_rate
        self.hidden_activation = Sigmoid()
        self.output_activation = Softmax()
        limit = 1 / math.sqrt(n_features)
        self.W = np.random.uniform(-limit, limit, (n_features, n_hidden))
        self.w0 = np.zeros((1, n_hidden))
        limit = 1 / math.sqrt(n_hidden)
        self.V = np.random.uniform(-limit, limit, (n_hidden, n_outputs))
        self.v0 = np.zeros((1, n_outputs))

    def forward_pass(self, X, y):
        self.X, self.y = X, y
        self.hidden_input = X.dot(self.W) + self.w0
        self.hidden_output = self.hidden_activation(self.hidden_input)
        self.output_layer_input = self.hidden_output.dot(self.V) + self.v0
        self.y_pred = self.output_activation(self.output_layer_input)
        return -np.sum(y * np.log(self.y_pred)) / X.shape[0]

    def backward_pass(self):
        # OUTPUT LAYER
        grad_wrt_out_l_input = (self.y_pred - self.y) / self.X.shape[0]
        grad_v = self.hidden_output.T.dot(grad_wrt_out_l_input)
        grad_v0 = np.sum(grad_wrt_out_l_input, axis=0, keepdims=True)
        # HIDDEN LAYER
        grad_wrt_hidden_l_input = grad_wrt_out_l_input.dot(self.V.T) * \
            self.hidden_activation.gradient(self.hidden_input)
        grad_w = self.X.T.dot(grad_wrt_hidden_l_input)
        grad_w0 = np.sum(grad_wrt_hidden_l_input, axis=0, keepdims=True)

        self.V -= self.learning_rate * grad_v
        self.v0 -= self.learning_rate * grad_v0
        self.W -= self.learning_rate * grad_w
        self.w0 -= self.learning_rate * grad_w0
        return grad_wrt_hidden_l_input


def _ready(layer, optimizer=None, input_shape=None, seed=1):
    np.random.seed(seed)
    if input_shape is not None:
        layer.set_input_shape(input_shape)
    if hasattr(layer, 'initialize'):
        layer.initialize(optimizer or StochasticGradientDescent(learning_rate=0.01))
    return layer


def _mlp():
    np.random.seed(2)
    return MultilayerPerceptron(4, 6, 3)


def _probs(shape, seed=5):
    return rng(seed).uniform(0.1, 0.9, shape)


def _onehot(n, k, seed=6):
    return np.eye(k)[rng(seed).integers(0, k, n)]


CASES = [
    dict(name="dense", layer=lambda: _ready(Dense(3, input_shape=(4,))),
         x=lambda: rng().standard_normal((5, 4))),
    dict(name="dense_momentum",                                        # the first step has the factor 1 - momentum
         layer=lambda: _ready(Dense(3, input_shape=(4,)), StochasticGradientDescent(0.1, momentum=0.9)),
         x=lambda: rng(1).standard_normal((5, 4)),
         convention="the step of the first update is learning_rate * (1 - momentum) * gradient"),
    dict(name="dense_adam", layer=lambda: _ready(Dense(2, input_shape=(6,)), Adam()),
         x=lambda: rng(2).standard_normal((4, 6)),
         convention="the gradient is what W_opt.update(w, grad) receives; Adam's step is not the gradient"),
    dict(name="dense_in_place", layer=lambda: _ready(Dense(3, input_shape=(4,)), InPlaceSGD()),
         x=lambda: rng(3).standard_normal((5, 4)),
         wrong={"input": {"updated_too_early"}}),                      # W is only another name of the updated array
    dict(name="dense_climbs", layer=lambda: _ready(Dense(3, input_shape=(4,)), GradientStep()),
         x=lambda: rng(4).standard_normal((5, 4)),
         wrong={"W": {"ascent", "sign"}, "w0": {"ascent", "sign"}}),   # w + lr * grad
    dict(name="dense_mean", layer=lambda: _ready(DenseMean(3, input_shape=(4,))), x=lambda: rng(32).standard_normal((5, 4)),
         wrong={"W": {"extra_factor", "scale"}, "w0": {"extra_factor", "scale"}}),          # 1 / batch size too much
    dict(name="dense_columns", layer=lambda: _ready(DenseNoBias(3), input_shape=(4,)),
         x=lambda: rng(5).standard_normal((4, 5))),
    dict(name="activation_relu", layer=lambda: Activation('relu'), x=lambda: rng(6).standard_normal((4, 6))),
    dict(name="activation_elu", layer=lambda: Activation('elu'), x=lambda: rng(7).standard_normal((3, 5))),
    dict(name="activation_selu", layer=lambda: Activation('selu'), x=lambda: rng(8).standard_normal((3, 5))),
    dict(name="activation_leaky", layer=lambda: Activation('leaky_relu'), x=lambda: rng(9).standard_normal((3, 5)),
         wrong={"input": {"wrong_local_derivative"}}),                 # the two branches are swapped
    dict(name="activation_softmax", layer=lambda: Activation('softmax'), x=lambda: rng(10).standard_normal((3, 5)),
         wrong={"input": {"diagonal_only"}}),                          # no cross terms
    dict(name="activation_of_output", layer=lambda: OutputActivation('sigmoid'),
         x=lambda: rng(11).standard_normal((4, 3)),
         wrong={"input": {"double_activation", "wrong_variable"}}),    # gradient() at the output
    dict(name="sigmoid_call", layer=lambda: Sigmoid(), x=lambda: rng(12).standard_normal((4, 3)),
         convention="gradient(x) is the elementwise derivative"),
    dict(name="softplus_call", layer=lambda: SoftPlus(), x=lambda: rng(13).standard_normal((2, 5)),
         convention="gradient(x) is the elementwise derivative"),
    dict(name="tanh_call", layer=lambda: TanH(), x=lambda: rng(14).standard_normal((2, 5)),
         convention="gradient(x) is the elementwise derivative"),
    dict(name="square_loss", layer=lambda: SquareLoss(),
         x=lambda: (rng(15).standard_normal((5, 3)), rng(16).standard_normal((5, 3))),
         convention="loss() is elementwise; gradient() is the gradient of its sum"),
    dict(name="cross_entropy", layer=lambda: CrossEntropy(), x=lambda: (_onehot(5, 3), _probs((5, 3))),
         convention="loss() is elementwise; gradient() is the gradient of its sum"),
    dict(name="weighted_mean_square", layer=lambda: WeightedMeanSquare([0.5, 2.0, 1.5]),
         x=lambda: (rng(17).standard_normal((5, 3)), rng(18).standard_normal((5, 3))),
         constants={"class_weight"}),
    dict(name="cross_entropy_positive_part", layer=lambda: PositivePartLoss(), x=lambda: (_onehot(5, 3), _probs((5, 3))),
         wrong={"input": {"missing_branch"}}),                         # the derivative of (1 - y) log(1 - p) is missing
    dict(name="batch_norm", layer=lambda: _ready(BatchNormalization(), input_shape=(4,)),
         x=lambda: rng(19).standard_normal((5, 4)), constants={"eps", "momentum", "running_mean", "running_var"}),
    dict(name="dropout", layer=lambda: Dropout(0.4), x=lambda: rng(20).standard_normal((5, 6)), constants={"_mask", "p"}),
    dict(name="flatten", layer=lambda: Flatten(), x=lambda: rng(21).standard_normal((2, 3, 4, 5))),
    dict(name="conv2d_same", layer=lambda: _ready(Conv2D(4, (3, 2)), input_shape=(3, 5, 6)),
         x=lambda: rng(22).standard_normal((2, 3, 5, 6))),
    dict(name="conv2d_valid_stride", layer=lambda: _ready(Conv2D(3, (2, 2), padding='valid', stride=2), input_shape=(2, 6, 4)),
         x=lambda: rng(23).standard_normal((3, 2, 6, 4))),
    dict(name="max_pooling", layer=lambda: _ready(MaxPooling2D(), input_shape=(2, 6, 4)),
         x=lambda: rng(24).standard_normal((3, 2, 6, 4))),
    dict(name="average_pooling", layer=lambda: _ready(AveragePooling2D((3, 2), stride=1), input_shape=(2, 6, 4)),
         x=lambda: rng(25).standard_normal((3, 2, 6, 4))),
    dict(name="upsampling", layer=lambda: UpSampling2D(), x=lambda: rng(26).standard_normal((2, 3, 4, 5)),
         wrong={"input": {"not_summed", "missing_branch"}}),           # takes one of the copies' gradients, no sum
    dict(name="upsampling_summed", layer=lambda: UpSamplingSummed((3, 2)), x=lambda: rng(27).standard_normal((2, 3, 4, 5))),
    dict(name="rnn", layer=lambda: _ready(RNN(5), input_shape=(4, 3)), x=lambda: rng(28).standard_normal((2, 4, 3))),
    dict(name="rnn_truncated", layer=lambda: _ready(RNN(5, bptt_trunc=1), input_shape=(4, 3)),
         x=lambda: rng(29).standard_normal((2, 4, 3)),                 # cuts the recurrence after one step back
         wrong={"input": {"missing_branch"}, "U": {"missing_branch"}, "W": {"missing_branch"}}),
    dict(name="rnn_direct_input", layer=lambda: _ready(RNNDirectInput(5), input_shape=(4, 3)),
         x=lambda: rng(30).standard_normal((2, 4, 3)),
         wrong={"input": {"missing_branch"}}),                         # only the path of the same time step
    dict(name="multilayer_perceptron", layer=_mlp, x=lambda: (rng(31).standard_normal((5, 4)), _onehot(5, 3)),
         convention="backward_pass() takes nothing, updates the weights and returns the gradient of hidden_input"),
]
