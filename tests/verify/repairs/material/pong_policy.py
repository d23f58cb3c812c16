"""Karpathy's Pong policy gradient in a class (no biases, one probability), with entropy bonus; forward(xs, actions, rewards) is the loss, backward() takes the SGD step with self.lr on self.model."""
import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class PolicyNet:
    def __init__(self, rng, D, H, gamma=0.9, beta=0.3, lr=0.01):
        self.gamma, self.beta, self.lr = gamma, beta, lr
        self.model = {}
        self.model['W1'] = rng.standard_normal((H, D)) / np.sqrt(D)
        self.model['W2'] = rng.standard_normal(H) / np.sqrt(H)

    def discount_rewards(self, r):
        discounted_r = np.zeros(len(r))
        running_add = 0
        for t in reversed(range(len(r))):
            if r[t] != 0:
                running_add = 0          # game boundary
            running_add = running_add * self.gamma + r[t]
            discounted_r[t] = running_add
        return discounted_r

    def policy_forward(self, x):
        h = np.dot(self.model['W1'], x)
        h[h < 0] = 0
        logit = np.dot(self.model['W2'], h)
        return sigmoid(logit), logit, h

    def forward(self, xs, actions, rewards):
        ps, logits, hs = [], [], []
        for x in xs:
            p, logit, h = self.policy_forward(x)
            ps.append(p)
            logits.append(logit)
            hs.append(h)
        self.epx = np.vstack(xs)
        self.eph = np.vstack(hs)
        self.epp = np.array(ps)
        self.eplogit = np.array(logits)
        self.epy = np.asarray(actions, dtype=float)
        adv = self.discount_rewards(rewards)
        adv -= np.mean(adv)
        adv /= np.std(adv)
        self.adv = adv
        p, y = self.epp, self.epy
        logprob = y * np.log(p) + (1 - y) * np.log(1 - p)
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        return -np.sum(adv * logprob) - self.beta * np.sum(entropy)

    def backward(self):
        p = self.epp
        epdlogp = p - self.epy
        epdlogp *= self.adv                                        # modulate with the advantage
        epdlogp += self.beta * p * (1 - p) * self.eplogit          # entropy bonus
        dW2 = np.dot(self.eph.T, epdlogp)
        dh = np.outer(epdlogp, self.model['W2'])
        dh[self.eph <= 0] = 0                                      # backprop relu
        dW1 = np.dot(dh.T, self.epx)
        grad = {'W1': dW1, 'W2': dW2}
        for k in self.model:
            self.model[k] -= self.lr * grad[k]


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return PolicyNet(rng, 4, 5), (rng.standard_normal((6, 4)), np.array([1, 0, 0, 1, 1, 0]), np.array([0., 0., 1., 0., 0., -1.]))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return PolicyNet(rng, 3, 6), (rng.standard_normal((8, 3)), np.array([0, 1, 0, 1, 1, 1, 0, 1]),
                                  np.array([0., -1., 0., 0., 0., 0., 1., 1.]))


MISTAKES = [
    ("        epdlogp *= self.adv                                        # modulate with the advantage\n", "",
     "weight forgotten", "The advantage does not multiply the gradient."),
    ("epdlogp = p - self.epy", "epdlogp = self.epy - p",
     "sign of one term", "Karpathy's y - p is the ascent direction; here the loss is minimised (the entropy term stays right)."),
    ("        epdlogp *= self.adv                                        # modulate with the advantage\n        epdlogp += self.beta * p * (1 - p) * self.eplogit          # entropy bonus\n",
     "        epdlogp += self.beta * p * (1 - p) * self.eplogit          # entropy bonus\n        epdlogp *= self.adv                                        # modulate with the advantage\n",
     "order of statements", "The entropy term is multiplied by the advantage, too."),
    ("epdlogp += self.beta * p * (1 - p) * self.eplogit", "epdlogp -= self.beta * p * (1 - p) * self.eplogit",
     "sign", "The entropy bonus is pushed down."),
    ("epdlogp += self.beta * p * (1 - p) * self.eplogit", "epdlogp += self.beta * self.eplogit",
     "sigmoid' forgotten", "The derivative of the entropy by p is used at the logit."),
    ("        dh[self.eph <= 0] = 0                                      # backprop relu\n", "",
     "relu' forgotten", "Gradient through dead units."),
    ("dh[self.eph <= 0] = 0  ", "dh[dh <= 0] = 0  ",
     "mask of the gradient", "The ReLU mask is taken from dh itself."),
    ("self.model[k] -= self.lr * grad[k]", "self.model[k] += self.lr * grad[k]",
     "sign of the update", "Ascent on a loss."),
    ("dW2 = np.dot(self.eph.T, epdlogp)", "dW2 = np.mean(self.eph * epdlogp[:, None], axis=0)",
     "mean for sum", "W2 alone is averaged over the episode."),
    ("        dW2 = np.dot(self.eph.T, epdlogp)\n        dh = ", "        dW2 = np.dot(self.eph.T, epdlogp)\n        self.model['W2'] -= self.lr * dW2\n        dh = ",
     "updated twice and before use", "W2 takes a step before dh is computed with it, and a second one in the loop."),
    ("        for k in self.model:\n            self.model[k]", "        for k in ['W2']:\n            self.model[k]",
     "parameter never updated", "W1 is left out of the update."),
    ("        dh = np.outer(epdlogp, self.model['W2'])\n        dh[self.eph <= 0] = 0                                      # backprop relu\n        dW1 = np.dot(dh.T, self.epx)\n",
     "        dh = np.outer(p - self.epy, self.model['W2'])\n        dh[self.eph <= 0] = 0                                      # backprop relu\n        dW1 = np.dot(dh.T, self.epx) / len(self.epx)\n",
     "two: stale gradient and extra mean", "The unmodulated p - y goes to the first layer, and dW1 is averaged."),
]
