"""Objects in the manner of nnfs: a list of layers, forward(X, y) is the loss, backward() leaves dweights, dbiases, dinputs in the layers."""
import numpy as np


class Layer_Dense:

    def __init__(self, rng, n_inputs, n_neurons, weight_regularizer_l2=0., bias_regularizer_l1=0.):
        self.weights = 0.6 * rng.standard_normal((n_inputs, n_neurons))
        self.biases = 0.6 * rng.standard_normal((1, n_neurons))
        self.weight_regularizer_l2 = weight_regularizer_l2
        self.bias_regularizer_l1 = bias_regularizer_l1

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        # Gradients on parameters
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)

        # Gradients on regularization
        if self.weight_regularizer_l2 > 0:
            self.dweights += 2 * self.weight_regularizer_l2 * self.weights
        if self.bias_regularizer_l1 > 0:
            dL1 = np.ones_like(self.biases)
            dL1[self.biases < 0] = -1
            self.dbiases += self.bias_regularizer_l1 * dL1

        # Gradient on values
        self.dinputs = np.dot(dvalues, self.weights.T)


class Activation_ReLU:

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.maximum(0, inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()
        self.dinputs[self.inputs <= 0] = 0


class Activation_Softmax:

    def forward(self, inputs):
        self.inputs = inputs
        exp_values = np.exp(inputs - np.max(inputs, axis=1, keepdims=True))
        self.output = exp_values / np.sum(exp_values, axis=1, keepdims=True)

    def backward(self, dvalues):
        self.dinputs = np.empty_like(dvalues)
        for index, (single_output, single_dvalues) in enumerate(zip(self.output, dvalues)):
            single_output = single_output.reshape(-1, 1)
            jacobian_matrix = np.diagflat(single_output) - np.dot(single_output, single_output.T)
            self.dinputs[index] = np.dot(jacobian_matrix, single_dvalues)


class Loss_CategoricalCrossentropy:

    def regularization_loss(self, layer):
        return (layer.weight_regularizer_l2 * np.sum(layer.weights ** 2)
                + layer.bias_regularizer_l1 * np.sum(np.abs(layer.biases)))

    def calculate(self, output, y):
        confidences = np.clip(output, 1e-7, 1 - 1e-7)[range(len(output)), y]
        return np.mean(-np.log(confidences))

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        labels = len(dvalues[0])
        y_true = np.eye(labels)[y_true]
        self.dinputs = -y_true / dvalues
        self.dinputs = self.dinputs / samples


class Model:

    def __init__(self, layers):
        self.layers = layers
        self.trainable_layers = [layer for layer in layers if hasattr(layer, 'weights')]
        self.loss = Loss_CategoricalCrossentropy()

    def forward(self, X, y):
        self.y = y
        values = X
        for layer in self.layers:
            layer.forward(values)
            values = layer.output
        data_loss = self.loss.calculate(values, y)
        return data_loss + sum(self.loss.regularization_loss(layer) for layer in self.trainable_layers)

    def backward(self):
        self.loss.backward(self.layers[-1].output, self.y)
        dvalues = self.loss.dinputs
        for layer in reversed(self.layers):
            layer.backward(dvalues)
            dvalues = layer.dinputs

    def train_step(self, X, y, learning_rate):
        loss = self.forward(X, y)
        self.backward()
        for layer in self.trainable_layers:
            layer.weights = layer.weights - learning_rate * layer.dweights
            layer.biases = layer.biases - learning_rate * layer.dbiases
        return loss


def _net(rng, hidden):
    first = Layer_Dense(rng, 4, hidden, weight_regularizer_l2=0.05, bias_regularizer_l1=0.1)
    first.biases[0, 1] = -0.45
    return Model([first,
                  Activation_ReLU(),
                  Layer_Dense(rng, hidden, 3),
                  Activation_Softmax()])


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return _net(rng, 6), (rng.standard_normal((5, 4)), np.array([0, 2, 1, 1, 0]))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return _net(rng, 5), (rng.standard_normal((7, 4)), np.array([2, 2, 1, 0, 0, 1, 2]))


MISTAKES = [
    ("self.dbiases = np.sum(dvalues, axis=0, keepdims=True)",
     "self.dbiases = np.mean(dvalues, axis=0, keepdims=True)",
     "mean for sum", "The bias gradient is averaged over the batch although the loss has divided already."),
    ("self.dweights += 2 * self.weight_regularizer_l2 * self.weights",
     "self.dweights += self.weight_regularizer_l2 * self.weights",
     "factor 2 of the L2 penalty forgotten", "The penalty is lambda*sum(w^2), so its derivative has a 2."),
    ("self.dweights += 2 * self.weight_regularizer_l2 * self.weights",
     "self.dweights = 2 * self.weight_regularizer_l2 * self.weights",
     "= for +=", "The penalty's gradient overwrites the data gradient."),
    ("            dL1[self.biases < 0] = -1\n", "",
     "sign of |b| forgotten", "The L1 gradient is +1 for negative biases, too."),
    ("self.dinputs[self.inputs <= 0] = 0", "self.dinputs[dvalues <= 0] = 0",
     "mask of the upstream", "ReLU's mask is made from the incoming gradient and not from the inputs."),
    ("self.dinputs[self.inputs <= 0] = 0", "self.dinputs[self.output <= 0] = 1",
     "wrong constant", "The gradient of dead neurons is set to 1 where it should be 0."),
    ("np.diagflat(single_output) - np.dot(single_output, single_output.T)",
     "np.diagflat(single_output) - np.dot(single_output.T, single_output)",
     "inner for outer product", "The transpose is on the wrong factor: a 1x1 matrix (sum of squares) is broadcast."),
    ("np.diagflat(single_output) - np.dot(single_output, single_output.T)",
     "np.diagflat(single_output * (1 - single_output))",
     "softmax Jacobian's diagonal only", "Softmax is treated as an elementwise activation."),
    ("self.dinputs = -y_true / dvalues", "self.dinputs = y_true / dvalues",
     "sign", "The minus of the cross-entropy is forgotten in the backward."),
    ("        self.dinputs = self.dinputs / samples\n", "        self.dinputs = self.dinputs / labels\n",
     "wrong normaliser", "Divided by the number of classes in place of the number of samples."),
    ("            layer.backward(dvalues)\n            dvalues = layer.dinputs\n",
     "            layer.backward(dvalues)\n",
     "chain not passed on: raises", "Each layer gets the loss gradient: dvalues is never replaced (shapes clash at a hidden layer)."),
    ("        self.dinputs = -y_true / dvalues\n        self.dinputs = self.dinputs / samples\n",
     "        self.dinputs = dvalues - y_true\n        self.dinputs = self.dinputs * samples\n",
     "two: fused gradient in the loss, times N", "p - y is returned although the softmax layer applies its Jacobian again, and the mean is undone the wrong way."),
]
