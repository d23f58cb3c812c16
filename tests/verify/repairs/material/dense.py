"""Dense layer, nnfs style (dvalues, dweights, dbiases, dinputs)."""
import numpy as np


class Layer_Dense:

    def __init__(self, rng, n_inputs, n_neurons):
        self.weights = 0.5 * rng.standard_normal((n_inputs, n_neurons))
        self.biases = rng.standard_normal((1, n_neurons))

    # Forward pass
    def forward(self, inputs):
        # Remember input values
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases
        return self.output

    # Backward pass
    def backward(self, dvalues):
        # Gradients on parameters
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        # Gradient on values
        self.dinputs = np.dot(dvalues, self.weights.T)
        return self.dinputs


def example(rng):
    return Layer_Dense(rng, 4, 3), rng.standard_normal((5, 4))


def sized(rng):
    return Layer_Dense(rng, 2, 5), rng.standard_normal((6, 2))


MISTAKES = [
    ("self.dweights = np.dot(self.inputs.T, dvalues)",
     "self.dweights = np.dot(self.inputs.T, dvalues) / len(self.inputs)",
     "1/N too many", "The mean over the batch is taken again in the layer, for the weights only."),
    ("np.sum(dvalues, axis=0, keepdims=True)", "np.mean(dvalues, axis=0, keepdims=True)",
     "mean for sum", "The bias gradient is averaged over the batch instead of summed."),
    ("np.sum(dvalues, axis=0, keepdims=True)", "np.sum(dvalues, keepdims=True)",
     "axis forgotten", "Without axis all neurons share one number."),
    ("np.sum(dvalues, axis=0, keepdims=True)", "dvalues[-1:]",
     "last example only", "The bias takes the gradient of the last example instead of the sum."),
    ("self.dinputs = np.dot(dvalues, self.weights.T)",
     "self.dinputs = np.dot(dvalues, self.dweights.T)",
     "wrong variable of the same shape", "dweights instead of weights in the gradient on the inputs."),
    ("self.dweights = np.dot(self.inputs.T, dvalues)",
     "self.dweights = np.dot(self.inputs.T, self.output)",
     "wrong variable of the same shape", "The output stands where the upstream gradient should."),
    ("self.dinputs = np.dot(dvalues, self.weights.T)",
     "self.dinputs = np.dot(dvalues * (self.output > 0), self.weights.T)",
     "extra factor", "A ReLU mask in a layer that has no ReLU."),
    ("self.dweights = np.dot(self.inputs.T, dvalues)",
     "self.dweights = np.dot(dvalues.T, self.inputs)",
     "transposed", "The operands are swapped: the gradient of W.T."),
    ("""self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        # Gradient on values
        self.dinputs = np.dot(dvalues, self.weights.T)""",
     """self.dbiases = -np.sum(dvalues, axis=0, keepdims=True)
        # Gradient on values
        self.dinputs = -np.dot(dvalues, self.weights.T)""",
     "sign, two", "A minus in front of two of the three gradients."),
    ("self.dinputs = np.dot(dvalues, self.weights.T)",
     "self.dinputs = np.dot(dvalues + self.biases, self.weights.T)",
     "extra term", "The bias is carried into the backward."),
    ("np.sum(dvalues, axis=0, keepdims=True)",
     "np.sum(self.output, axis=0, keepdims=True)",
     "wrong variable of the same shape", "The output is summed instead of dvalues."),
]
