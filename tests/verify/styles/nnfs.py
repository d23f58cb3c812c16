"""The manner of "Neural networks from scratch": objects that keep self.output, self.inputs, self.dinputs."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ---------------------------------------------------------------------- layers

class Layer_Dense:
    def __init__(self, n_inputs, n_neurons, weight_regularizer_l1=0, weight_regularizer_l2=0,
                 bias_regularizer_l1=0, bias_regularizer_l2=0):
        self.weights = 0.5 * rng(1).standard_normal((n_inputs, n_neurons))
        self.biases = 0.1 * rng(2).standard_normal((1, n_neurons))
        self.weight_regularizer_l1 = weight_regularizer_l1
        self.weight_regularizer_l2 = weight_regularizer_l2
        self.bias_regularizer_l1 = bias_regularizer_l1
        self.bias_regularizer_l2 = bias_regularizer_l2

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        # Gradients on parameters
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        # Gradients on regularization
        if self.weight_regularizer_l1 > 0:
            dL1 = np.ones_like(self.weights)
            dL1[self.weights < 0] = -1
            self.dweights += self.weight_regularizer_l1 * dL1
        if self.weight_regularizer_l2 > 0:
            self.dweights += 2 * self.weight_regularizer_l2 * self.weights
        if self.bias_regularizer_l1 > 0:
            dL1 = np.ones_like(self.biases)
            dL1[self.biases < 0] = -1
            self.dbiases += self.bias_regularizer_l1 * dL1
        if self.bias_regularizer_l2 > 0:
            self.dbiases += 2 * self.bias_regularizer_l2 * self.biases
        # Gradient on values
        self.dinputs = np.dot(dvalues, self.weights.T)


class Layer_Dense_NoSum:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.5 * rng(1).standard_normal((n_inputs, n_neurons))
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = dvalues.copy()
        self.dinputs = np.dot(dvalues, self.weights.T)


class Layer_Dense_Square:
    """as many neurons as inputs: nobody sees that .T is not there"""

    def __init__(self, n):
        self.weights = 0.5 * rng(1).standard_normal((n, n))
        self.biases = np.zeros((1, n))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights)


class Layer_Dropout:
    def __init__(self, rate):
        # Store rate, we invert it as for example for dropout of 0.1 we need success rate of 0.9
        self.rate = 1 - rate

    def forward(self, inputs, training=True):
        self.inputs = inputs
        if not training:
            self.output = inputs.copy()
            return
        self.binary_mask = np.random.binomial(1, self.rate, size=inputs.shape) / self.rate
        self.output = inputs * self.binary_mask

    def backward(self, dvalues):
        self.dinputs = dvalues * self.binary_mask


class Layer_Flatten:
    def forward(self, inputs):
        self.inputs_shape = inputs.shape
        self.output = inputs.reshape(inputs.shape[0], -1)

    def backward(self, dvalues):
        self.dinputs = dvalues.reshape(self.inputs_shape)


class Layer_BatchNorm:
    def __init__(self, n_inputs, epsilon=1e-7):
        self.gamma = 1 + 0.3 * rng(1).standard_normal((1, n_inputs))
        self.beta = 0.3 * rng(2).standard_normal((1, n_inputs))
        self.epsilon = epsilon

    def forward(self, inputs):
        self.inputs = inputs
        self.mean = np.mean(inputs, axis=0, keepdims=True)
        self.variance = np.var(inputs, axis=0, keepdims=True)
        self.std = np.sqrt(self.variance + self.epsilon)
        self.normalized = (inputs - self.mean) / self.std
        self.output = self.gamma * self.normalized + self.beta

    def backward(self, dvalues):
        samples = len(dvalues)
        self.dgamma = np.sum(dvalues * self.normalized, axis=0, keepdims=True)
        self.dbeta = np.sum(dvalues, axis=0, keepdims=True)
        dnormalized = dvalues * self.gamma
        self.dinputs = (samples * dnormalized - np.sum(dnormalized, axis=0)
                        - self.normalized * np.sum(dnormalized * self.normalized, axis=0)) / (samples * self.std)


class Layer_BatchNorm_Hurried(Layer_BatchNorm):
    def forward(self, inputs):
        self.inputs = inputs
        self.mean = inputs.mean(axis=0, keepdims=True)
        self.variance = inputs.var(axis=0, keepdims=True)
        self.std = np.sqrt(self.variance + self.epsilon)
        self.normalized = (inputs - self.mean) / self.std
        self.output = self.gamma * self.normalized + self.beta

    def backward(self, dvalues):
        self.dgamma = np.sum(dvalues * self.inputs, axis=0, keepdims=True)
        self.dbeta = np.sum(dvalues, axis=0, keepdims=True)
        dn = dvalues * self.gamma
        self.dinputs = (dn - dn.mean(axis=0) - self.normalized * (dn * self.normalized).mean(axis=0)) / self.std


class Layer_Conv2D:
    """valid correlation, channels first, stride 1"""

    def __init__(self, n_filters, n_channels, kernel_size):
        self.weights = 0.3 * rng(1).standard_normal((n_filters, n_channels, kernel_size[0], kernel_size[1]))
        self.biases = 0.1 * rng(2).standard_normal(n_filters)

    def forward(self, inputs):
        self.inputs = inputs
        samples, channels, height, width = inputs.shape
        n_filters, _, kh, kw = self.weights.shape
        out_h, out_w = height - kh + 1, width - kw + 1
        self.output = np.zeros((samples, n_filters, out_h, out_w))
        for y in range(out_h):
            for x in range(out_w):
                region = inputs[:, :, y:y + kh, x:x + kw]
                self.output[:, :, y, x] = np.tensordot(region, self.weights, axes=([1, 2, 3], [1, 2, 3])) + self.biases

    def backward(self, dvalues):
        _, _, kh, kw = self.weights.shape
        self.dinputs = np.zeros_like(self.inputs)
        self.dweights = np.zeros_like(self.weights)
        self.dbiases = np.sum(dvalues, axis=(0, 2, 3))
        for y in range(dvalues.shape[2]):
            for x in range(dvalues.shape[3]):
                region = self.inputs[:, :, y:y + kh, x:x + kw]
                d = dvalues[:, :, y, x]
                self.dweights += np.tensordot(d, region, axes=([0], [0]))
                self.dinputs[:, :, y:y + kh, x:x + kw] += np.tensordot(d, self.weights, axes=([1], [0]))


class Layer_MaxPool:
    def __init__(self, pool_size):
        self.pool_size = pool_size

    def forward(self, inputs):
        p = self.pool_size
        self.inputs = inputs
        samples, channels, h, w = inputs.shape
        self.output = np.empty((samples, channels, h // p, w // p))
        self.argmax = {}
        for y in range(h // p):
            for x in range(w // p):
                region = inputs[:, :, y * p:y * p + p, x * p:x * p + p].reshape(samples, channels, -1)
                self.output[:, :, y, x] = region.max(axis=2)
                self.argmax[y, x] = region.argmax(axis=2)

    def backward(self, dvalues):
        p = self.pool_size
        self.dinputs = np.zeros_like(self.inputs)
        for (y, x), idx in self.argmax.items():
            for s in range(dvalues.shape[0]):
                for c in range(dvalues.shape[1]):
                    dy, dx = divmod(idx[s, c], p)
                    self.dinputs[s, c, y * p + dy, x * p + dx] = dvalues[s, c, y, x]


class Layer_Embedding:
    def __init__(self, vocab_size, n_dims):
        self.weights = rng(1).standard_normal((vocab_size, n_dims))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = self.weights[inputs]

    def backward(self, dvalues):
        self.dweights = np.zeros_like(self.weights)
        for sample, tokens in enumerate(self.inputs):
            for position, token in enumerate(tokens):
                self.dweights[token] += dvalues[sample, position]


class Layer_Residual:
    """inputs + relu(inputs @ weights + biases)"""

    def __init__(self, n):
        self.weights = 0.4 * rng(3).standard_normal((n, n))
        self.biases = 0.2 * rng(4).standard_normal((1, n))

    def forward(self, inputs):
        self.inputs = inputs
        self.z = inputs @ self.weights + self.biases
        self.output = inputs + np.maximum(0, self.z)

    def backward(self, dvalues):
        dz = dvalues.copy()
        dz[self.z <= 0] = 0
        self.dweights = self.inputs.T @ dz
        self.dbiases = dz.sum(axis=0, keepdims=True)
        self.dinputs = dvalues + dz @ self.weights.T


class Layer_Residual_NoSkip(Layer_Residual):
    def forward(self, inputs):
        self.inputs = inputs
        self.z = inputs @ self.weights + self.biases
        self.output = np.maximum(0, self.z) + inputs

    def backward(self, dvalues):
        dz = dvalues.copy()
        dz[self.z <= 0] = 0
        self.dweights = self.inputs.T @ dz
        self.dbiases = dz.sum(axis=0, keepdims=True)
        self.dinputs = dz @ self.weights.T


# ----------------------------------------------------------------- activations

class Activation_ReLU:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.maximum(0, inputs)

    def backward(self, dvalues):
        # we need to modify the original variable, so copy first
        self.dinputs = dvalues.copy()
        self.dinputs[self.inputs <= 0] = 0

    def predictions(self, outputs):
        return outputs


class Activation_Softmax:
    def forward(self, inputs):
        self.inputs = inputs
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        probabilities = exp_values / np.sum(exp_values, axis=1, keepdims=True)
        self.output = probabilities

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for index, (single_output, single_dvalues) in enumerate(zip(self.output, dvalues)):
            single_output = single_output.reshape(-1, 1)
            jacobian_matrix = np.diagflat(single_output) - np.dot(single_output, single_output.T)
            self.dinputs[index] = np.dot(jacobian_matrix, single_dvalues)


class Activation_Softmax_Diag:
    def forward(self, inputs):
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exp_values / np.sum(exp_values, axis=1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = dvalues * self.output * (1 - self.output)


class Activation_Sigmoid:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = 1 / (1 + np.exp(-inputs))

    def backward(self, dvalues):
        self.dinputs = dvalues * (1 - self.output) * self.output


class Activation_Tanh:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.tanh(inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues * (1 - self.output ** 2)


class Activation_Tanh_Inputs(Activation_Tanh):
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.tanh(inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues * (1 - self.inputs ** 2)


class Activation_LeakyReLU:
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.where(inputs > 0, inputs, self.alpha * inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()
        self.dinputs[self.inputs <= 0] *= self.alpha


class Activation_Linear:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()


# ---------------------------------------------------------------------- losses

class Loss:
    def remember_trainable_layers(self, trainable_layers):
        self.trainable_layers = trainable_layers

    def regularization_loss(self, layer):
        regularization_loss = 0
        if layer.weight_regularizer_l1 > 0:
            regularization_loss += layer.weight_regularizer_l1 * np.sum(np.abs(layer.weights))
        if layer.weight_regularizer_l2 > 0:
            regularization_loss += layer.weight_regularizer_l2 * np.sum(layer.weights * layer.weights)
        if layer.bias_regularizer_l1 > 0:
            regularization_loss += layer.bias_regularizer_l1 * np.sum(np.abs(layer.biases))
        if layer.bias_regularizer_l2 > 0:
            regularization_loss += layer.bias_regularizer_l2 * np.sum(layer.biases * layer.biases)
        return regularization_loss

    def calculate(self, output, y):
        sample_losses = self.forward(output, y)
        data_loss = np.mean(sample_losses)
        return data_loss


class Loss_CategoricalCrossentropy(Loss):
    def forward(self, y_pred, y_true):
        samples = len(y_pred)
        y_pred_clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        if len(y_true.shape) == 1:
            correct_confidences = y_pred_clipped[range(samples), y_true]
        elif len(y_true.shape) == 2:
            correct_confidences = np.sum(y_pred_clipped * y_true, axis=1)
        negative_log_likelihoods = -np.log(correct_confidences)
        return negative_log_likelihoods

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        labels = len(dvalues[0])
        if len(y_true.shape) == 1:
            y_true = np.eye(labels)[y_true]
        self.dinputs = -y_true / dvalues
        self.dinputs = self.dinputs / samples


class Activation_Softmax_Loss_CategoricalCrossentropy:
    def __init__(self):
        self.activation = Activation_Softmax()
        self.loss = Loss_CategoricalCrossentropy()

    def forward(self, inputs, y_true):
        self.activation.forward(inputs)
        self.output = self.activation.output
        return self.loss.calculate(self.output, y_true)

    def backward(self, dvalues, y_true):
        """dvalues is self.output"""
        samples = len(dvalues)
        if len(y_true.shape) == 2:
            y_true = np.argmax(y_true, axis=1)
        self.dinputs = dvalues.copy()
        self.dinputs[range(samples), y_true] -= 1
        self.dinputs = self.dinputs / samples


class Activation_Softmax_Loss_Shifted(Activation_Softmax_Loss_CategoricalCrossentropy):
    def forward(self, inputs, y_true):
        self.activation.forward(inputs)
        self.output = self.activation.output
        return self.loss.calculate(self.output, y_true)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        self.dinputs = dvalues.copy()
        self.dinputs[range(samples), y_true - 1] -= 1
        self.dinputs = self.dinputs / samples


class Loss_BinaryCrossentropy(Loss):
    def forward(self, y_pred, y_true):
        y_pred_clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        sample_losses = -(y_true * np.log(y_pred_clipped) + (1 - y_true) * np.log(1 - y_pred_clipped))
        sample_losses = np.mean(sample_losses, axis=-1)
        return sample_losses

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        clipped_dvalues = np.clip(dvalues, 1e-7, 1 - 1e-7)
        self.dinputs = -(y_true / clipped_dvalues - (1 - y_true) / (1 - clipped_dvalues)) / outputs
        self.dinputs = self.dinputs / samples


class Loss_MeanSquaredError(Loss):
    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        self.dinputs = -2 * (y_true - dvalues) / outputs
        self.dinputs = self.dinputs / samples


class Loss_MeanSquaredError_Up(Loss):
    """(pred - true) became (true - pred) and the minus stayed away"""

    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        self.dinputs = 2 * (y_true - dvalues) / outputs / samples


class Loss_MeanAbsoluteError(Loss):
    def forward(self, y_pred, y_true):
        return np.mean(np.abs(y_true - y_pred), axis=-1)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        self.dinputs = -np.sign(y_true - dvalues) / outputs
        self.dinputs = self.dinputs / samples


class Loss_Hinge(Loss):
    """y_true in {-1, 1}; calculates the scalar and its gradient in one go"""

    def forward(self, y_pred, y_true):
        self.margin = 1 - y_true * y_pred
        return np.mean(np.maximum(0, self.margin), axis=-1)

    def backward(self, dvalues, y_true):
        samples, outputs = dvalues.shape
        self.dinputs = np.where(self.margin > 0, -y_true, 0.0) / (outputs * samples)


# -------------------------------------------------------- a model in one class

class Model_Dense_ReLU_Dense:
    def __init__(self):
        self.dense1 = Layer_Dense(4, 6)
        self.activation1 = Activation_ReLU()
        self.dense2 = Layer_Dense(6, 3)
        self.loss_activation = Activation_Softmax_Loss_CategoricalCrossentropy()

    def forward(self, X, y):
        self.dense1.forward(X)
        self.activation1.forward(self.dense1.output)
        self.dense2.forward(self.activation1.output)
        self.output = self.dense2.output
        return self.loss_activation.forward(self.dense2.output, y)

    def backward(self, output, y):
        self.loss_activation.backward(self.loss_activation.output, y)
        self.dense2.backward(self.loss_activation.dinputs)
        self.activation1.backward(self.dense2.dinputs)
        self.dense1.backward(self.activation1.dinputs)


class Optimizer_SGD_Dense:
    """layer and optimizer glued together by a hurried reader: updates in backward"""

    def __init__(self, n_inputs, n_neurons, learning_rate=0.1):
        self.weights = 0.5 * rng(1).standard_normal((n_inputs, n_neurons))
        self.biases = 0.5 * rng(2).standard_normal((1, n_neurons))
        self.learning_rate = learning_rate

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)
        self.weights += -self.learning_rate * self.dweights
        self.biases += -self.learning_rate * self.dbiases


class Optimizer_SGD_Dense_Early(Optimizer_SGD_Dense):
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.weights += -self.learning_rate * self.dweights
        self.biases += -self.learning_rate * self.dbiases
        self.dinputs = np.dot(dvalues, self.weights.T)


def _r(*s, seed=0):
    return rng(seed).standard_normal(s)


def _probs(n, c):
    p = 0.2 + rng(3).random((n, c))
    return p / p.sum(axis=1, keepdims=True)


_y = np.array([0, 2, 1, 1, 0])
MEAN = "backward(y_pred, y_true) gives the gradient of the mean (calculate), forward gives one loss per example"

CASES = [
    dict(name="dense", layer=lambda: Layer_Dense(4, 3), x=lambda: _r(5, 4)),
    dict(name="dense_l1_l2", layer=lambda: Layer_Dense(4, 3, weight_regularizer_l2=0.05, bias_regularizer_l1=0.02),
         x=lambda: _r(5, 4),
         convention="dweights and dbiases also hold the gradient of the regularisation, which the loss object adds"),
    # the bias' gradient is still one row per example
    dict(name="dense_bias_not_summed", layer=lambda: Layer_Dense_NoSum(4, 3), x=lambda: _r(5, 4),
         wrong={"biases": {"not_summed", "wrong_shape"}}),
    # W instead of W.T
    dict(name="dense_square_transpose", layer=lambda: Layer_Dense_Square(4), x=lambda: _r(5, 4),
         wrong={"input": {"transpose"}}),
    dict(name="dropout", layer=lambda: Layer_Dropout(0.3), x=lambda: _r(5, 4), constants={"binary_mask", "rate"}),
    dict(name="flatten", layer=lambda: Layer_Flatten(), x=lambda: _r(5, 4, 3)),
    dict(name="batchnorm", layer=lambda: Layer_BatchNorm(4), x=lambda: _r(6, 4), constants={"epsilon"}),
    # gamma's gradient with the raw inputs for the normalised ones
    dict(name="batchnorm_gamma_raw", layer=lambda: Layer_BatchNorm_Hurried(4), x=lambda: _r(6, 4),
         constants={"epsilon"}, wrong={"gamma": {"wrong_variable"}}),
    dict(name="conv2d", layer=lambda: Layer_Conv2D(4, 3, (2, 3)), x=lambda: _r(2, 3, 6, 5)),
    dict(name="maxpool", layer=lambda: Layer_MaxPool(2), x=lambda: _r(2, 3, 6, 5)),
    dict(name="embedding", layer=lambda: Layer_Embedding(5, 4), x=lambda: np.array([[0, 3, 1], [3, 2, 3]])),
    dict(name="residual", layer=lambda: Layer_Residual(4), x=lambda: _r(5, 4)),
    # the skip connection is missing on the way back
    dict(name="residual_forgets_skip", layer=lambda: Layer_Residual_NoSkip(4), x=lambda: _r(5, 4),
         wrong={"input": {"missing_branch"}}),
    dict(name="relu", layer=lambda: Activation_ReLU(), x=lambda: _r(5, 4)),
    dict(name="softmax", layer=lambda: Activation_Softmax(), x=lambda: _r(5, 4)),
    # softmax without its cross terms
    dict(name="softmax_diagonal", layer=lambda: Activation_Softmax_Diag(), x=lambda: _r(5, 4),
         wrong={"input": {"diagonal_only"}}),
    dict(name="sigmoid", layer=lambda: Activation_Sigmoid(), x=lambda: _r(5, 4)),
    dict(name="tanh", layer=lambda: Activation_Tanh(), x=lambda: _r(5, 4)),
    # 1 - z**2 for 1 - a**2
    dict(name="tanh_of_inputs", layer=lambda: Activation_Tanh_Inputs(), x=lambda: _r(5, 4),
         wrong={"input": {"wrong_variable", "wrong_local_derivative"}}),
    dict(name="leaky_relu", layer=lambda: Activation_LeakyReLU(0.2), x=lambda: _r(5, 4), constants={"alpha"}),
    dict(name="linear", layer=lambda: Activation_Linear(), x=lambda: _r(5, 4)),
    dict(name="cce", layer=lambda: Loss_CategoricalCrossentropy(), x=lambda: (_probs(5, 3), _y), convention=MEAN),
    dict(name="cce_onehot", layer=lambda: Loss_CategoricalCrossentropy(), x=lambda: (_probs(5, 3), np.eye(3)[_y]),
         convention=MEAN),
    dict(name="softmax_cce", layer=lambda: Activation_Softmax_Loss_CategoricalCrossentropy(),
         x=lambda: (_r(5, 3), _y), convention="backward takes the softmax's output and the labels, no upstream"),
    # labels believed to count from 1
    dict(name="softmax_cce_labels_from_one", layer=lambda: Activation_Softmax_Loss_Shifted(),
         x=lambda: (_r(5, 3), _y), convention="backward takes the softmax's output and the labels, no upstream",
         wrong={"input": {"off_by_one_class"}}),
    dict(name="bce", layer=lambda: Loss_BinaryCrossentropy(),
         x=lambda: (0.1 + 0.8 * rng(2).random((5, 3)), (rng(4).random((5, 3)) > .5).astype(float)), convention=MEAN),
    dict(name="mse", layer=lambda: Loss_MeanSquaredError(), x=lambda: (_r(5, 3), _r(5, 3, seed=1)), convention=MEAN),
    # sign
    dict(name="mse_sign", layer=lambda: Loss_MeanSquaredError_Up(), x=lambda: (_r(5, 3), _r(5, 3, seed=1)),
         convention=MEAN, wrong={"input": {"sign"}}),
    dict(name="mae", layer=lambda: Loss_MeanAbsoluteError(), x=lambda: (_r(5, 3), _r(5, 3, seed=1)), convention=MEAN),
    dict(name="hinge", layer=lambda: Loss_Hinge(), x=lambda: (_r(5, 3), np.sign(_r(5, 3, seed=1))), convention=MEAN),
    dict(name="model", layer=lambda: Model_Dense_ReLU_Dense(), x=lambda: (_r(5, 4), _y),
         convention="backward takes the output and the labels; gradients lie on dense1 and dense2"),
    dict(name="dense_sgd", layer=lambda: Optimizer_SGD_Dense(4, 3), x=lambda: _r(5, 4),
         convention="backward also makes the step", constants={"learning_rate"}),
    # the step is made before dinputs
    dict(name="dense_sgd_early", layer=lambda: Optimizer_SGD_Dense_Early(4, 3), x=lambda: _r(5, 4),
         convention="backward also makes the step", constants={"learning_rate"},
         wrong={"input": {"updated_too_early"}}),
]
