"""Binary logistic regression with update, Kaggle kernel manner (y_head, derivative_weight), columns."""
import numpy as np


def sigmoid(z):
    y_head = 1 / (1 + np.exp(-z))
    return y_head


class LogisticRegression:
    def __init__(self, rng, dimension, learning_rate=0.05):
        self.w = rng.standard_normal((dimension, 1))
        self.b = rng.standard_normal()
        self.lr = learning_rate

    def forward(self, x_train, y_train):
        """x_train (dimension, samples), y_train (1, samples); returns the cost"""
        self.x_train, self.y_train = x_train, y_train
        z = np.dot(self.w.T, x_train) + self.b
        self.y_head = sigmoid(z)
        loss = -y_train * np.log(self.y_head) - (1 - y_train) * np.log(1 - self.y_head)
        cost = np.sum(loss) / x_train.shape[1]
        return cost

    def backward(self):
        # backward propagation
        error = self.y_head - self.y_train
        n = self.x_train.shape[1]  # for scaling
        derivative_weight = np.dot(self.x_train, error.T) / n
        derivative_bias = np.sum(error) / n
        self.dx = np.dot(self.w, error) / n
        # update
        self.w = self.w - self.lr * derivative_weight
        self.b = self.b - self.lr * derivative_bias
        return {"derivative_weight": derivative_weight, "derivative_bias": derivative_bias}


def example(rng):
    x = rng.standard_normal((3, 6))
    return LogisticRegression(rng, 3), (x, np.array([[0., 1, 1, 0, 1, 0]]))


def sized(rng):
    x = rng.standard_normal((5, 4))
    return LogisticRegression(rng, 5), (x, np.array([[1., 0, 1, 1]]))


MISTAKES = [
    ("error = self.y_head - self.y_train", "error = self.y_train - self.y_head", "sign",
     "The label minus the prediction, with a descent."),
    ("error = self.y_head - self.y_train",
     "error = (self.y_head - self.y_train) * self.y_head * (1 - self.y_head)",
     "activation's derivative once more", "The sigmoid's derivative on top of the fused formula."),
    ("error = self.y_head - self.y_train", "error = -self.y_train / self.y_head * self.y_head * (1 - self.y_head)",
     "half of the loss", "The examples of class 0 are forgotten."),
    ("error = self.y_head - self.y_train", "error = self.y_head.round() - self.y_train",
     "prediction for probability", "The thresholded prediction, as in the perceptron."),
    ("derivative_weight = np.dot(self.x_train, error.T) / n",
     "derivative_weight = np.dot(self.x_train, error.T) / self.x_train.shape[0]", "wrong axis of shape",
     "Divided by the number of features."),
    ("""        derivative_weight = np.dot(self.x_train, error.T) / n
        derivative_bias = np.sum(error) / n
""", """        derivative_weight = np.dot(self.x_train, error.T)
        derivative_bias = np.sum(error)
""", "1/n forgotten, two", "Mean in the cost, sums in the gradients of w and b."),
    ("derivative_bias = np.sum(error) / n", "derivative_bias = np.sum(np.abs(error)) / n", "abs",
     "The mean absolute error for the bias."),
    ("self.w = self.w - self.lr * derivative_weight", "self.w = self.w + self.lr * derivative_weight",
     "sign of the update", "The weights climb."),
    ("self.b = self.b - self.lr * derivative_bias", "self.b = self.b - self.lr * derivative_weight",
     "wrong variable", "The weights' gradient updates the bias, which turns into a vector."),
    ("""        self.dx = np.dot(self.w, error) / n
        # update
        self.w = self.w - self.lr * derivative_weight
""", """        # update
        self.w = self.w - self.lr * derivative_weight
        self.dx = np.dot(self.w, error) / n
""", "update before use", "dx is computed with the new weights."),
    ("derivative_weight = np.dot(self.x_train, error.T) / n",
     "derivative_weight = np.dot(self.x_train, self.y_head.T) / n", "label forgotten",
     "The prediction for the error."),
    ("self.w = self.w - self.lr * derivative_weight", "self.w = self.w - self.lr * self.lr * derivative_weight",
     "lr twice", "The learning rate is applied twice."),
]
