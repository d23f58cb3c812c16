"""Dense - ReLU - inverted dropout - dense in the style of nnfs (dvalues, dinputs, dweights); mask from a seeded generator."""
import numpy as np


class Layer_Dense:
    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        # Gradients on parameters
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        # Gradient on values
        self.dinputs = np.dot(dvalues, self.weights.T)


class Activation_ReLU:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.maximum(0, inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()
        # Zero gradient where input values were negative
        self.dinputs[self.inputs <= 0] = 0


class Layer_Dropout:
    def __init__(self, rate, seed):
        self.keep = 1 - rate
        self.seed = seed

    def forward(self, inputs):
        self.inputs = inputs
        gen = np.random.default_rng(self.seed)
        self.mask = gen.random(inputs.shape) < self.keep
        self.output = inputs * self.mask / self.keep

    def backward(self, dvalues):
        self.dinputs = dvalues * self.mask / self.keep


class Model:
    def __init__(self, rng, n_in=4, n_hid=6, n_out=3, rate=0.3):
        self.dense1 = Layer_Dense(rng.standard_normal((n_in, n_hid)), rng.standard_normal((1, n_hid)))
        self.relu1 = Activation_ReLU()
        self.drop1 = Layer_Dropout(rate, seed=3)
        self.dense2 = Layer_Dense(rng.standard_normal((n_hid, n_out)), rng.standard_normal((1, n_out)))

    def forward(self, X):
        self.dense1.forward(X)
        self.relu1.forward(self.dense1.output)
        self.drop1.forward(self.relu1.output)
        self.dense2.forward(self.drop1.output)
        return self.dense2.output

    def backward(self, dvalues):
        self.dense2.backward(dvalues)
        self.drop1.backward(self.dense2.dinputs)
        self.relu1.backward(self.drop1.dinputs)
        self.dense1.backward(self.relu1.dinputs)
        return self.dense1.dinputs


def example(rng):
    return Model(rng), rng.standard_normal((5, 4))


def sized(rng):
    return Model(rng, n_hid=7), rng.standard_normal((8, 4))


MISTAKES = [
    ("self.dinputs = dvalues * self.mask / self.keep", "self.dinputs = dvalues * self.mask",
     "dropout scaling forgotten", "The inverted dropout's 1/keep is missing in the backward."),
    ("self.dinputs = dvalues * self.mask / self.keep", "self.dinputs = dvalues * self.mask * self.keep",
     "multiplied for divided", "Scales by keep instead of 1/keep."),
    ("self.dinputs = dvalues * self.mask / self.keep", "self.dinputs = dvalues / self.keep",
     "mask forgotten", "The dropped units get a gradient."),
    ("self.dinputs = dvalues * self.mask / self.keep", "self.dinputs = dvalues * ~self.mask / self.keep",
     "mask wrong way", "Keeps the gradient of the dropped units."),
    ("self.dinputs = dvalues * self.mask / self.keep", "self.dinputs = dvalues * self.mask / (1 - self.keep)",
     "rate for keep", "Divides by the drop rate."),
    ("        self.dinputs = dvalues * self.mask / self.keep",
     "        mask = np.random.default_rng(self.seed + 1).random(dvalues.shape) < self.keep\n"
     "        self.dinputs = dvalues * mask / self.keep",
     "two: new mask in the backward", "A fresh mask is drawn where the stored one should be used."),
    ("self.relu1.backward(self.drop1.dinputs)", "self.relu1.backward(self.dense2.dinputs)",
     "layer skipped", "The dropout's gradient is computed but the dense layer's is passed on."),
    ("self.dense1.backward(self.relu1.dinputs)", "self.dense1.backward(self.drop1.dinputs)",
     "relu' skipped", "The first dense layer gets the gradient before the relu's mask."),
    ("self.dinputs[self.inputs <= 0] = 0", "self.dinputs[dvalues <= 0] = 0",
     "mask from the upstream", "The sign of the gradient decides instead of the input."),
    ("self.dweights = np.dot(self.inputs.T, dvalues)\n        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)",
     "self.dweights = np.dot(self.inputs.T, dvalues) / len(dvalues)\n"
     "        self.dbiases = np.mean(dvalues, axis=0, keepdims=True)",
     "two: 1/N in weights and biases", "Both parameters are averaged once more."),
    ("self.dbiases = np.sum(dvalues, axis=0, keepdims=True)", "self.dbiases = np.sum(dvalues, keepdims=True)",
     "summed over everything", "One number for all the biases, it broadcasts in the update."),
    ("self.dinputs[self.inputs <= 0] = 0", "self.dinputs = np.maximum(0, self.inputs) * dvalues",
     "the function for its derivative", "Multiplies by relu(x) instead of its 0/1 derivative."),
]
