"""Networks as Medium and towardsdatascience posts write them: FCLayer with
forward_propagation / backward_propagation(output_error, learning_rate), mse and mse_prime,
whole NeuralNetwork classes, column vectors one example at a time."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------ part 1: layers

class Layer:
    def __init__(self):
        self.input = None
        self.output = None

    # computes the output Y of a layer for a given input X
    def forward_propagation(self, input):
        raise NotImplementedError

    # computes dE/dX for a given dE/dY (and update parameters if any)
    def backward_propagation(self, output_error, learning_rate):
        raise NotImplementedError


class FCLayer(Layer):
    # input_size = number of input neurons
    # output_size = number of output neurons
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    # returns output for a given input
    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    # computes dE/dW, dE/dB for a given output_error=dE/dY. Returns input_error=dE/dX.
    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)

        # update parameters
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class FCLayerOneRow(FCLayer):
    """as in the post: meant for one example, shape (1, n)"""

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        self.weights = self.weights - learning_rate * weights_error
        self.bias = self.bias - learning_rate * output_error
        return input_error


class FCLayerLate(FCLayer):
    def backward_propagation(self, output_error, learning_rate):
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * np.sum(output_error, axis=0)
        # error for the layer before
        input_error = np.dot(output_error, self.weights.T)
        return input_error


class FCLayerForgetful(FCLayer):
    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        # update parameters
        self.weights -= learning_rate * weights_error
        return input_error


class ActivationLayer(Layer):
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = self.activation(self.input)
        return self.output

    # learning_rate is not used because there is no "learnable" parameters.
    def backward_propagation(self, output_error, learning_rate):
        return self.activation_prime(self.input) * output_error


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x)**2


def sigmoid(x):
    return 1.0/(1.0 + np.exp(-x))


def sigmoid_prime(x):
    return sigmoid(x)*(1 - sigmoid(x))


def sigmoid_derivative(x):
    # x is already the output of a sigmoid
    return x * (1.0 - x)


def relu(x):
    return np.maximum(0, x)


def relu_prime(x):
    return (x > 0) * 1


def leaky_relu(x, alpha=0.05):
    return np.where(x > 0, x, alpha * x)


def leaky_relu_prime(x, alpha=0.05):
    dx = np.ones_like(x)
    dx[x < 0] = alpha
    return dx


def swish(x, beta=1.5):
    return x / (1 + np.exp(-beta * x))


def swish_prime(x, beta=1.5):
    s = 1 / (1 + np.exp(-beta * x))
    return s + x * s * (1 - s)


# nonlin of the "neural network in 11 lines" posts
def nonlin(x, deriv=False):
    if deriv:
        return x*(1-x)
    return 1/(1+np.exp(-x))


# loss function and its derivative
def mse(y_true, y_pred):
    return np.mean(np.power(y_true-y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2*(y_pred-y_true)/y_true.size


def mse_prime_2(y_true, y_pred):
    return 2*(y_pred-y_true)


def mae(y_true, y_pred):
    return np.mean(np.abs(y_true - y_pred))


def mae_prime(y_true, y_pred):
    return np.sign(y_true - y_pred) / np.size(y_true)


def binary_cross_entropy(y_true, y_pred):
    return np.mean(-y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred))


def binary_cross_entropy_prime(y_true, y_pred):
    return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / np.size(y_true)


def hinge(y_true, y_pred):
    return np.sum(np.maximum(0, 1 - y_true * y_pred)) / len(y_true)


def hinge_prime(y_true, y_pred):
    grad = np.zeros_like(y_pred)
    idx = y_true * y_pred < 1
    grad[idx] = -y_true[idx] / len(y_true)
    return grad


class Network:
    def __init__(self):
        self.layers = []
        self.loss = None
        self.loss_prime = None

    def add(self, layer):
        self.layers.append(layer)

    def use(self, loss, loss_prime):
        self.loss = loss
        self.loss_prime = loss_prime

    def forward(self, x):
        output = x
        for layer in self.layers:
            output = layer.forward_propagation(output)
        return output

    def train_step(self, x, y, learning_rate):
        output = self.forward(x)
        err = self.loss(y, output)
        error = self.loss_prime(y, output)
        for layer in reversed(self.layers):
            error = layer.backward_propagation(error, learning_rate)
        return err


class SoftmaxLayer(Layer):
    """column vector in, column vector out"""

    def forward_propagation(self, input_data):
        tmp = np.exp(input_data)
        self.output = tmp / np.sum(tmp)
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        n = np.size(self.output)
        tmp = np.tile(self.output, n)
        return np.dot(tmp * (np.identity(n) - np.transpose(tmp)), output_error)


class DenseColumns(Layer):
    """column vector one example at a time"""

    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, self.input) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient
        return input_gradient


def correlate2d_valid(a, k):
    h, w = a.shape[0] - k.shape[0] + 1, a.shape[1] - k.shape[1] + 1
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            out[i, j] = np.sum(a[i:i+k.shape[0], j:j+k.shape[1]] * k)
    return out


def convolve2d_full(a, k):
    padded = np.pad(a, ((k.shape[0]-1,)*2, (k.shape[1]-1,)*2))
    return correlate2d_valid(padded, k[::-1, ::-1])


class Convolutional(Layer):
    def __init__(self, input_shape, kernel_shape, depth):
        input_depth, input_height, input_width = input_shape
        self.depth = depth
        self.input_shape = input_shape
        self.input_depth = input_depth
        self.output_shape = (depth, input_height - kernel_shape[0] + 1, input_width - kernel_shape[1] + 1)
        self.kernels_shape = (depth, input_depth) + tuple(kernel_shape)
        self.kernels = np.random.randn(*self.kernels_shape)
        self.biases = np.random.randn(*self.output_shape)

    def forward(self, input):
        self.input = input
        self.output = np.copy(self.biases)
        for i in range(self.depth):
            for j in range(self.input_depth):
                self.output[i] += correlate2d_valid(self.input[j], self.kernels[i, j])
        return self.output

    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros(self.kernels_shape)
        input_gradient = np.zeros(self.input_shape)

        for i in range(self.depth):
            for j in range(self.input_depth):
                kernels_gradient[i, j] = correlate2d_valid(self.input[j], output_gradient[i])
                input_gradient[j] += convolve2d_full(output_gradient[i], self.kernels[i, j])

        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient
        return input_gradient


class ConvolutionalB(Convolutional):
    def backward(self, output_gradient, learning_rate):
        kernels_gradient = np.zeros(self.kernels_shape)
        input_gradient = np.zeros(self.input_shape)
        for i in range(self.depth):
            for j in range(self.input_depth):
                kernels_gradient[i, j] = correlate2d_valid(self.input[j], output_gradient[i])
                input_gradient[j] = convolve2d_full(output_gradient[i], self.kernels[i, j])
        self.kernels -= learning_rate * kernels_gradient
        self.biases -= learning_rate * output_gradient
        return input_gradient


# ------------------------------------------- part 2: a CNN from scratch for small grey images

class Conv3x3:
    def __init__(self, num_filters):
        self.num_filters = num_filters
        self.filters = np.random.randn(num_filters, 3, 3) / 9

    def iterate_regions(self, image):
        h, w = image.shape
        for i in range(h - 2):
            for j in range(w - 2):
                yield image[i:(i + 3), j:(j + 3)], i, j

    def forward(self, input):
        self.last_input = input
        h, w = input.shape
        output = np.zeros((h - 2, w - 2, self.num_filters))
        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.sum(im_region * self.filters, axis=(1, 2))
        return output

    def backprop(self, d_L_d_out, learn_rate):
        d_L_d_filters = np.zeros(self.filters.shape)
        for im_region, i, j in self.iterate_regions(self.last_input):
            for f in range(self.num_filters):
                d_L_d_filters[f] += d_L_d_out[i, j, f] * im_region
        self.filters -= learn_rate * d_L_d_filters
        # this is the first layer of our CNN, nothing to return
        return None


class MaxPool2:
    def iterate_regions(self, image):
        h, w, _ = image.shape
        for i in range(h // 2):
            for j in range(w // 2):
                yield image[(i * 2):(i * 2 + 2), (j * 2):(j * 2 + 2)], i, j

    def forward(self, input):
        self.last_input = input
        h, w, num_filters = input.shape
        output = np.zeros((h // 2, w // 2, num_filters))
        for im_region, i, j in self.iterate_regions(input):
            output[i, j] = np.amax(im_region, axis=(0, 1))
        return output

    def backprop(self, d_L_d_out):
        d_L_d_input = np.zeros(self.last_input.shape)
        for im_region, i, j in self.iterate_regions(self.last_input):
            h, w, f = im_region.shape
            amax = np.amax(im_region, axis=(0, 1))
            for i2 in range(h):
                for j2 in range(w):
                    for f2 in range(f):
                        # If this pixel was the max value, copy the gradient to it.
                        if im_region[i2, j2, f2] == amax[f2]:
                            d_L_d_input[i * 2 + i2, j * 2 + j2, f2] = d_L_d_out[i, j, f2]
        return d_L_d_input


class SoftmaxDense:
    """fully connected layer with softmax, flattens its input"""

    def __init__(self, input_len, nodes):
        self.weights = np.random.randn(input_len, nodes) / input_len
        self.biases = np.zeros(nodes)

    def forward(self, input):
        self.last_input_shape = input.shape
        input = input.flatten()
        self.last_input = input
        totals = np.dot(input, self.weights) + self.biases
        self.last_totals = totals
        exp = np.exp(totals)
        return exp / np.sum(exp, axis=0)

    def backprop(self, d_L_d_out, learn_rate):
        # d_L_d_out has one entry that is not zero
        for i, gradient in enumerate(d_L_d_out):
            if gradient == 0:
                continue
            t_exp = np.exp(self.last_totals)
            S = np.sum(t_exp)
            # Gradients of out[i] against totals
            d_out_d_t = -t_exp[i] * t_exp / (S ** 2)
            d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S ** 2)
            # Gradients of loss against totals
            d_L_d_t = gradient * d_out_d_t
            d_L_d_w = self.last_input[np.newaxis].T @ d_L_d_t[np.newaxis]
            d_L_d_inputs = self.weights @ d_L_d_t
            self.weights -= learn_rate * d_L_d_w
            self.biases -= learn_rate * d_L_d_t
            return d_L_d_inputs.reshape(self.last_input_shape)


# ------------------------------------------------ part 3: a whole network in one class

class NeuralNetwork:
    """loss: sum of squares, learning rate 1; the data are kept in the object"""

    def __init__(self, x, y):
        self.input = x
        self.weights1 = np.random.rand(self.input.shape[1], 4)
        self.weights2 = np.random.rand(4, 1)
        self.y = y
        self.output = np.zeros(self.y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))
        return self.output

    def backprop(self):
        # application of the chain rule to find derivative of the loss function with respect to weights2 and weights1
        d_weights2 = np.dot(self.layer1.T, (2*(self.y - self.output) * sigmoid_derivative(self.output)))
        d_weights1 = np.dot(self.input.T, (np.dot(2*(self.y - self.output) * sigmoid_derivative(self.output),
                                                  self.weights2.T) * sigmoid_derivative(self.layer1)))
        # update the weights with the derivative (slope) of the loss function
        self.weights1 += d_weights1
        self.weights2 += d_weights2


class Neural_Network(object):
    """feed forward, backward(X, y, o); updates W1 and W2 upward with the error y - o"""

    def __init__(self, inputSize=2, hiddenSize=3, outputSize=1):
        self.W1 = np.random.randn(inputSize, hiddenSize)
        self.W2 = np.random.randn(hiddenSize, outputSize)

    def forward(self, X):
        self.z = np.dot(X, self.W1)
        self.z2 = self.sigmoid(self.z)
        self.z3 = np.dot(self.z2, self.W2)
        o = self.sigmoid(self.z3)
        return o

    def sigmoid(self, s):
        return 1/(1+np.exp(-s))

    def sigmoidPrime(self, s):
        return s * (1 - s)

    def backward(self, X, y, o):
        self.o_error = y - o
        self.o_delta = self.o_error*self.sigmoidPrime(o)
        self.z2_error = self.o_delta.dot(self.W2.T)
        self.z2_delta = self.z2_error*self.sigmoidPrime(self.z2)
        self.W1 += X.T.dot(self.z2_delta)
        self.W2 += self.z2.T.dot(self.o_delta)


class Neural_Network_Z(Neural_Network):
    def backward(self, X, y, o):
        self.o_error = y - o
        self.o_delta = self.o_error*self.sigmoidPrime(o)
        self.z2_error = self.o_delta.dot(self.W2.T)
        self.z2_delta = self.z2_error*self.sigmoidPrime(self.z)
        self.W1 += X.T.dot(self.z2_delta)
        self.W2 += self.z2.T.dot(self.o_delta)


class Neural_Network_Order(Neural_Network):
    def backward(self, X, y, o):
        o_delta = (y - o)*self.sigmoidPrime(o)
        self.W2 += self.z2.T.dot(o_delta)
        z2_delta = o_delta.dot(self.W2.T)*self.sigmoidPrime(self.z2)
        self.W1 += X.T.dot(z2_delta)


class MLP:
    """predict / fit-style network, biases in lists, mean of the cross entropy"""

    def __init__(self, layer_sizes=(4, 5, 3), lr=0.05):
        self.lr = lr
        self.params = {}
        for i in range(1, len(layer_sizes)):
            self.params['W' + str(i)] = np.random.randn(layer_sizes[i], layer_sizes[i-1]) * np.sqrt(1/layer_sizes[i])
            self.params['b' + str(i)] = np.zeros((layer_sizes[i], 1))

    def forward_pass(self, x_train):
        params = self.params
        params_a = self.cache = {}
        params_a['A0'] = x_train
        params_a['Z1'] = np.dot(params["W1"], params_a['A0']) + params["b1"]
        params_a['A1'] = sigmoid(params_a['Z1'])
        params_a['Z2'] = np.dot(params["W2"], params_a['A1']) + params["b2"]
        exps = np.exp(params_a['Z2'] - params_a['Z2'].max(axis=0))
        params_a['A2'] = exps / np.sum(exps, axis=0)
        return params_a['A2']

    def compute_loss(self, x_train, y_train):
        return -np.sum(y_train * np.log(self.forward_pass(x_train))) / y_train.shape[1]

    def backward_pass(self, y_train, output):
        m = y_train.shape[1]
        cache, change_w = self.cache, {}
        error = (output - y_train) / m
        change_w['W2'] = np.dot(error, cache['A1'].T)
        change_w['b2'] = np.sum(error, axis=1, keepdims=True)
        error = np.dot(self.params['W2'].T, error) * sigmoid_prime(cache['Z1'])
        change_w['W1'] = np.dot(error, cache['A0'].T)
        change_w['b1'] = np.sum(error, axis=1, keepdims=True)
        return change_w


class NielsenNetwork(object):
    """biases and weights in lists, quadratic cost, one column vector at a time"""

    def __init__(self, sizes):
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a)+b)
        return a

    def cost_derivative(self, output_activations, y):
        return (output_activations-y)

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        # feedforward
        activation = x
        activations = [x]
        zs = []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation)+b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        # backward pass
        delta = self.cost_derivative(activations[-1], y) * sigmoid_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            z = zs[-l]
            sp = sigmoid_prime(z)
            delta = np.dot(self.weights[-l+1].transpose(), delta) * sp
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l-1].transpose())
        return (nabla_b, nabla_w)


class NielsenNetworkB(NielsenNetwork):
    def backprop(self, x, y):
        activation = x
        activations = [x]
        zs = []
        nabla_b = [None] * len(self.biases)
        nabla_w = [None] * len(self.weights)
        for b, w in zip(self.biases, self.weights):
            zs.append(w @ activation + b)
            activation = sigmoid(zs[-1])
            activations.append(activation)
        delta = self.cost_derivative(activations[-1], y) * sigmoid_prime(zs[-1])
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[-l+1].T, delta) * sigmoid_prime(activations[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l-1].T)
        return (nabla_b, nabla_w)


# ------------------------------------------------------------- part 4: other posts

class CharRNN:
    """lossFun(inputs, targets, hprev) of the minimal character models"""

    def __init__(self, vocab_size, hidden_size):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.Wxh = np.random.randn(hidden_size, vocab_size)*0.3   # input to hidden
        self.Whh = np.random.randn(hidden_size, hidden_size)*0.3  # hidden to hidden
        self.Why = np.random.randn(vocab_size, hidden_size)*0.3   # hidden to output
        self.bh = np.zeros((hidden_size, 1))
        self.by = np.zeros((vocab_size, 1))

    def _carry(self, dhraw):
        return np.dot(self.Whh.T, dhraw)

    def lossFun(self, inputs, targets, hprev):
        xs, hs, ys, ps = {}, {}, {}, {}
        hs[-1] = np.copy(hprev)
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.vocab_size, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t-1]) + self.bh)
            ys[t] = np.dot(self.Why, hs[t]) + self.by
            ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
            loss += -np.log(ps[t][targets[t], 0])
        dWxh, dWhh, dWhy = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.Why)
        dbh, dby = np.zeros_like(self.bh), np.zeros_like(self.by)
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dWhy += np.dot(dy, hs[t].T)
            dby += dy
            dh = np.dot(self.Why.T, dy) + dhnext
            dhraw = (1 - hs[t] * hs[t]) * dh
            dbh += dhraw
            dWxh += np.dot(dhraw, xs[t].T)
            dWhh += np.dot(dhraw, hs[t-1].T)
            dhnext = self._carry(dhraw)
        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
            np.clip(dparam, -5, 5, out=dparam)  # clip to mitigate exploding gradients
        return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs)-1]


class CharRNNB(CharRNN):
    def _carry(self, dhraw):
        return np.dot(self.Whh, dhraw)


class Word2Vec:
    """skip-gram; W1: vocabulary x n, W2: n x vocabulary; one centre word, several context words"""

    def __init__(self, v_count, n, eta=0.01):
        self.v_count, self.n, self.lr = v_count, n, eta
        self.w1 = np.random.uniform(-0.8, 0.8, (v_count, n))
        self.w2 = np.random.uniform(-0.8, 0.8, (n, v_count))

    def forward_pass(self, x):
        h = np.dot(self.w1.T, x)
        u = np.dot(self.w2.T, h)
        e_x = np.exp(u - np.max(u))
        return e_x / e_x.sum(axis=0), h, u

    def loss(self, x, contexts):
        y_c, h, u = self.forward_pass(x)
        return -np.sum([u[np.argmax(w)] for w in contexts]) + len(contexts) * np.log(np.sum(np.exp(u)))

    def backprop(self, e, h, x):
        # e: prediction errors, summed over the context words
        dl_dw2 = np.outer(h, e)
        dl_dw1 = np.outer(x, np.dot(self.w2, e))
        self.w1 = self.w1 - (self.lr * dl_dw1)
        self.w2 = self.w2 - (self.lr * dl_dw2)


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    N, D = x.shape
    # step1: mean
    mu = 1./N * np.sum(x, axis=0)
    # step2: subtract mean vector of every training example
    xmu = x - mu
    # step3 - step5: variance, square root
    sq = xmu ** 2
    var = 1./N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    # step6: invert
    ivar = 1./sqrtvar
    # step7 - step9: normalise, scale, shift
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    # step9
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    # step8
    dgamma = np.sum(dgammax*xhat, axis=0)
    dxhat = dgammax * gamma
    # step7
    divar = np.sum(dxhat*xmu, axis=0)
    dxmu1 = dxhat * ivar
    # step6
    dsqrtvar = -1. / (sqrtvar**2) * divar
    # step5
    dvar = 0.5 * 1. / np.sqrt(var+eps) * dsqrtvar
    # step4
    dsq = 1. / N * np.ones((N, D)) * dvar
    # step3
    dxmu2 = 2 * xmu * dsq
    # step2
    dx1 = (dxmu1 + dxmu2)
    dmu = -1 * np.sum(dxmu1+dxmu2, axis=0)
    # step1
    dx2 = 1. / N * np.ones((N, D)) * dmu
    # step0
    dx = dx1 + dx2
    return dx, dgamma, dbeta


class DropoutLayer(Layer):
    def __init__(self, keep_prob):
        self.keep_prob = keep_prob

    def forward_propagation(self, input_data):
        self.mask = np.random.rand(*input_data.shape) < self.keep_prob
        self.output = input_data * self.mask / self.keep_prob
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        return output_error * self.mask


class FlattenLayer(Layer):
    def forward_propagation(self, input_data):
        self.input = input_data
        return input_data.reshape((input_data.shape[0], -1))

    def backward_propagation(self, output_error, learning_rate):
        return output_error.reshape(self.input.shape)


class OrNeuron:
    """perceptron with one sigmoid output; everything in loops, like the first posts of a series"""

    def __init__(self, n_inputs, l_rate=0.5):
        self.weights = np.random.randn(n_inputs)
        self.bias = np.random.randn(1)
        self.l_rate = l_rate

    def forward(self, inputs):
        self.inputs = inputs
        self.outputs = []
        for row in inputs:
            total = self.bias[0]
            for w, v in zip(self.weights, row):
                total += w * v
            self.outputs.append(1 / (1 + np.exp(-total)))
        return np.array(self.outputs)

    def backward(self, errors):
        """errors[i]: derivative of the loss by output i"""
        grad_w, grad_b = [0.0] * len(self.weights), 0.0
        grad_inputs = []
        for row, out, err in zip(self.inputs, self.outputs, errors):
            delta = err * out * (1 - out)
            grad_b += delta
            for k in range(len(self.weights)):
                grad_w[k] += delta * row[k]
            grad_inputs.append([delta * w for w in self.weights])
        for k in range(len(self.weights)):
            self.weights[k] -= self.l_rate * grad_w[k]
        self.bias[0] -= self.l_rate * grad_b
        return grad_inputs


def _network():
    net = Network()
    net.add(FCLayer(4, 5))
    net.add(ActivationLayer(tanh, tanh_prime))
    net.add(FCLayer(5, 2))
    net.use(mse, mse_prime)
    return net


def _seeded(make, seed=1):
    np.random.seed(seed)
    return make()


def _targets(n, k, seed=9):
    return (rng(seed).random((n, k)) > 0.5) * 1.0


def _onehot(n, k, seed=6):
    return np.eye(k)[rng(seed).integers(0, k, n)]


_UPDATES = "the weights are updated in the backward, gradient = (before - after) / learning_rate"


CASES = [
    dict(name="fc_layer", layer=lambda: _seeded(lambda: FCLayer(4, 3)), x=lambda: rng().standard_normal((5, 4)), convention=_UPDATES),
    dict(name="fc_layer_one_row_with_batch", layer=lambda: _seeded(lambda: FCLayerOneRow(4, 3)), x=lambda: rng(1).standard_normal((5, 4)),
         wrong={"bias": {"not_summed", "wrong_shape"}}),               # written for one row, the bias becomes a matrix
    dict(name="fc_layer_updates_first", layer=lambda: _seeded(lambda: FCLayerLate(4, 3)), x=lambda: rng(2).standard_normal((5, 4)),
         wrong={"input": {"updated_too_early"}}),
    dict(name="fc_layer_bias_stays", layer=lambda: _seeded(lambda: FCLayerForgetful(4, 3)), x=lambda: rng(42).standard_normal((5, 4)),
         wrong={"bias": {"zero"}}),                                    # the bias is never updated
    dict(name="activation_layer_tanh", layer=lambda: ActivationLayer(tanh, tanh_prime), x=lambda: rng(3).standard_normal((5, 4))),
    dict(name="activation_layer_relu", layer=lambda: ActivationLayer(relu, relu_prime), x=lambda: rng(4).standard_normal((5, 4))),
    dict(name="activation_layer_derivative_of_output", layer=lambda: ActivationLayer(sigmoid, sigmoid_derivative), x=lambda: rng(5).standard_normal((5, 4)),
         wrong={"input": {"wrong_variable", "wrong_local_derivative"}}),                    # x(1-x) at the input
    dict(name="sigmoid_pair", layer=lambda: (sigmoid, sigmoid_prime), x=lambda: rng(6).standard_normal((4, 3)),
         convention="f_prime(x) is the elementwise derivative"),
    dict(name="leaky_relu_pair", layer=lambda: (leaky_relu, leaky_relu_prime), x=lambda: rng(7).standard_normal((4, 3)),
         convention="f_prime(x) is the elementwise derivative"),
    dict(name="swish_pair_forgets_beta", layer=lambda: (swish, swish_prime), x=lambda: rng(8).standard_normal((4, 3)),
         wrong={"input": {"missing_factor", "wrong_local_derivative"}}),                    # beta of the inner derivative
    dict(name="nonlin", layer=lambda: nonlin, x=lambda: rng(9).standard_normal((4, 3)),
         convention="nonlin(output, deriv=True) takes the output and gives the elementwise derivative"),
    dict(name="mse", layer=lambda: (mse, mse_prime), x=lambda: (rng(10).standard_normal((5, 3)), rng(11).standard_normal((5, 3)))),
    dict(name="mse_forgets_mean", layer=lambda: (mse, mse_prime_2), x=lambda: (rng(12).standard_normal((5, 3)), rng(13).standard_normal((5, 3))),
         wrong={"input": {"scale", "missing_factor"}}),
    dict(name="mae_sign", layer=lambda: (mae, mae_prime), x=lambda: (rng(14).standard_normal((5, 3)), rng(15).standard_normal((5, 3))),
         wrong={"input": {"sign"}}),                                   # y_true - y_pred
    dict(name="binary_cross_entropy", layer=lambda: (binary_cross_entropy, binary_cross_entropy_prime),
         x=lambda: (_targets(5, 3), rng(16).uniform(0.1, 0.9, (5, 3)))),
    dict(name="hinge", layer=lambda: (hinge, hinge_prime), x=lambda: (2 * _targets(6, 1)[:, 0] - 1, 1.3 * rng(17).standard_normal(6))),
    dict(name="network_train_step", layer=lambda: _seeded(_network), x=lambda: (rng(18).standard_normal((6, 4)), rng(19).standard_normal((6, 2))),
         convention="train_step(x, y, learning_rate) returns the loss and updates the layers"),
    dict(name="softmax_column", layer=lambda: SoftmaxLayer(), x=lambda: rng(20).standard_normal((4, 1))),
    dict(name="dense_columns", layer=lambda: _seeded(lambda: DenseColumns(4, 3)), x=lambda: rng(21).standard_normal((4, 1)), convention=_UPDATES),
    dict(name="convolutional", layer=lambda: _seeded(lambda: Convolutional((2, 4, 5), (3, 2), 3)), x=lambda: rng(22).standard_normal((2, 4, 5)), convention=_UPDATES),
    dict(name="convolutional_last_filter", layer=lambda: _seeded(lambda: ConvolutionalB((2, 4, 5), (3, 2), 3)), x=lambda: rng(23).standard_normal((2, 4, 5)),
         wrong={"input": {"overwritten", "not_summed"}}),              # = : only the last filter's part stays
    dict(name="conv3x3_image", layer=lambda: _seeded(lambda: Conv3x3(4)), x=lambda: rng(24).standard_normal((5, 6)),
         convention="no gradient for the input (first layer): backprop returns None"),
    dict(name="max_pool2_image", layer=lambda: MaxPool2(), x=lambda: rng(25).standard_normal((4, 6, 3))),
    dict(name="softmax_dense_image", layer=lambda: _seeded(lambda: SoftmaxDense(24, 5)), x=lambda: rng(26).standard_normal((2, 3, 4)),
         convention="right for an upstream gradient with one entry that is not zero (cross entropy of one label)"),
    dict(name="network_with_its_data", layer=lambda: _seeded(lambda: NeuralNetwork(rng(27).standard_normal((5, 3)), _targets(5, 1))), x=lambda: (),
         convention="data given to the constructor; feedforward() and backprop() take nothing; loss = sum of (y - output)^2, learning rate 1; "
                    "weights += minus the gradient", constants={"y"}),
    dict(name="network_o_delta", layer=lambda: _seeded(lambda: Neural_Network(2, 3, 1)), x=lambda: rng(28).standard_normal((5, 2)),
         convention="backward(X, y, o); loss = half the sum of (y - o)^2, learning rate 1; += minus the gradient"),
    dict(name="network_o_delta_at_z", layer=lambda: _seeded(lambda: Neural_Network_Z(2, 3, 1)), x=lambda: rng(29).standard_normal((5, 2)),
         convention="backward(X, y, o); loss = half the sum of (y - o)^2, learning rate 1; += minus the gradient",
         wrong={"W1": {"wrong_variable", "wrong_local_derivative"}}),  # s(1-s) at z instead of at sigmoid(z)
    dict(name="network_o_delta_order", layer=lambda: _seeded(lambda: Neural_Network_Order(2, 3, 1)), x=lambda: rng(30).standard_normal((5, 2)),
         convention="backward(X, y, o); loss = half the sum of (y - o)^2, learning rate 1; += minus the gradient",
         wrong={"W1": {"updated_too_early"}}),                         # W2 is already the new one
    dict(name="mlp_dict_columns", layer=lambda: _seeded(MLP), x=lambda: (rng(31).standard_normal((4, 6)), _onehot(6, 3).T),
         convention="compute_loss(x, y); backward_pass(y_train, output) returns a dict; columns are examples"),
    dict(name="nielsen", layer=lambda: _seeded(lambda: NielsenNetwork([4, 3, 2])), x=lambda: (rng(32).standard_normal((4, 1)), _targets(2, 1)),
         convention="backprop(x, y) -> (nabla_b, nabla_w); cost = half the squared distance of one example"),
    dict(name="nielsen_prime_of_activation", layer=lambda: _seeded(lambda: NielsenNetworkB([4, 3, 2])), x=lambda: (rng(33).standard_normal((4, 1)), _targets(2, 1)),
         convention="backprop(x, y) -> (nabla_b, nabla_w); cost = half the squared distance of one example",
         wrong={"weights": {"double_activation", "wrong_variable"}, "biases": {"double_activation", "wrong_variable"}}),  # only the first layer's entries
    dict(name="char_rnn", layer=lambda: _seeded(lambda: CharRNN(5, 4)), x=lambda: ([0, 3, 1], [3, 1, 4], rng(34).standard_normal((4, 1))),
         convention="lossFun(inputs, targets, hprev); gradients are clipped at 5 (not reached here)"),
    dict(name="char_rnn_untransposed", layer=lambda: _seeded(lambda: CharRNNB(5, 4)), x=lambda: ([0, 3, 1], [3, 1, 4], rng(35).standard_normal((4, 1))),
         wrong={"Wxh": {"transpose"}, "Whh": {"transpose"}, "bh": {"transpose"}}),          # Whh instead of Whh^T into the step before
    dict(name="word2vec", layer=lambda: _seeded(lambda: Word2Vec(6, 4)),
         x=lambda: (np.eye(6)[2], np.eye(6)[[1, 3, 5]]),
         convention="loss(x, contexts); backprop(e, h, x) with e = sum of (y_pred - context), lr 0.01"),
    dict(name="batchnorm_steps", layer=lambda: (batchnorm_forward, batchnorm_backward),
         x=lambda: (rng(36).standard_normal((5, 4)), rng(37).uniform(0.5, 1.5, 4), rng(38).standard_normal(4)), constants={"eps"}),
    dict(name="dropout_layer_forgets_scale", layer=lambda: DropoutLayer(0.6), x=lambda: rng(39).standard_normal((5, 4)), constants={"mask", "keep_prob"},
         wrong={"input": {"scale", "missing_factor"}}),                # / keep_prob forgotten
    dict(name="flatten_layer", layer=lambda: FlattenLayer(), x=lambda: rng(40).standard_normal((2, 3, 4))),
    dict(name="neuron_loops", layer=lambda: _seeded(lambda: OrNeuron(3)), x=lambda: rng(41).standard_normal((5, 3)),
         convention=_UPDATES + " (0.5)"),
]
