"""Couche softmax du cours: aplatir, dense, softmax; backward avec boucle sur les exemples et jacobienne."""
import numpy as np


class Softmax_layer:
    def __init__(self, rng, taille_entree, nb_classes, lr=0.01):
        self.poids = rng.standard_normal((taille_entree, nb_classes)) / taille_entree
        self.biais = 0.3 * rng.standard_normal(nb_classes)
        self.lr = lr

    def forward(self, images):
        # on garde la forme avant l'aplatissement
        self.forme_entree = images.shape
        self.entree = images.reshape(images.shape[0], -1)
        self.totaux = np.dot(self.entree, self.poids) + self.biais
        exp = np.exp(self.totaux)
        return exp / np.sum(exp, axis=1, keepdims=True)

    def backward(self, d_L_d_out):
        """d_L_d_out: gradient de la perte par rapport aux probabilites."""
        d_L_d_w = np.zeros(self.poids.shape)
        d_L_d_b = np.zeros(self.biais.shape)
        d_L_d_entree = np.zeros(self.entree.shape)

        for n in range(len(d_L_d_out)):
            t_exp = np.exp(self.totaux[n])
            S = np.sum(t_exp)

            d_L_d_t = np.zeros(len(t_exp))
            for i, gradient in enumerate(d_L_d_out[n]):
                if gradient == 0:
                    continue
                # gradients de out[i] par rapport aux totaux
                d_out_d_t = -t_exp[i] * t_exp / (S ** 2)
                d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S ** 2)
                d_L_d_t += gradient * d_out_d_t

            # gradients de la perte par rapport aux poids, biais, entree
            d_L_d_w += self.entree[n][np.newaxis].T @ d_L_d_t[np.newaxis]
            d_L_d_b += d_L_d_t
            d_L_d_entree[n] = self.poids @ d_L_d_t

        # mise a jour
        self.poids -= self.lr * d_L_d_w
        self.biais -= self.lr * d_L_d_b
        return d_L_d_entree.reshape(self.forme_entree)


def example(rng):
    return Softmax_layer(rng, 6, 4), rng.standard_normal((3, 2, 3))


def sized(rng):
    return Softmax_layer(rng, 8, 3), rng.standard_normal((5, 2, 4))


MISTAKES = [
    ("d_out_d_t = -t_exp[i] * t_exp / (S ** 2)", "d_out_d_t = np.zeros(len(t_exp))",
     "Jacobian's diagonal only", "The derivatives for k != c are left at zero."),
    ("d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S ** 2)\n",
     "d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / S\n",
     "power", "S instead of S squared on the diagonal."),
    ("                d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S ** 2)\n", "",
     "forgotten line", "The diagonal keeps the formula of the other classes."),
    ("d_out_d_t = -t_exp[i] * t_exp / (S ** 2)", "d_out_d_t = t_exp[i] * t_exp / (S ** 2)",
     "sign", "The minus of the off-diagonal term is lost."),
    ("d_L_d_t += gradient * d_out_d_t", "d_L_d_t = gradient * d_out_d_t",
     "= for +=", "Only the last class's upstream counts, as if the loss saw one class."),
    ("d_L_d_w += self.entree", "d_L_d_w = self.entree",
     "= for +=", "The weights' gradient is that of the last example."),
    ("self.poids -= self.lr * d_L_d_w", "self.poids += self.lr * d_L_d_w",
     "sign of the update", "The weights go up the gradient."),
    ("if gradient == 0:", "if gradient <= 0:",
     "wrong comparison", "Negative upstream entries are skipped."),
    ("""d_out_d_t = -t_exp[i] * t_exp / (S ** 2)
                d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / (S ** 2)""",
     """d_out_d_t = -t_exp[i] * t_exp / S
                d_out_d_t[i] = t_exp[i] * (S - t_exp[i]) / S""",
     "power, two", "The square of S is forgotten in both cases."),
    ("""            d_L_d_entree[n] = self.poids @ d_L_d_t

        # mise a jour
        self.poids -= self.lr * d_L_d_w
        self.biais -= self.lr * d_L_d_b
""", """            self.poids -= self.lr * d_L_d_w
            self.biais -= self.lr * d_L_d_b
            d_L_d_entree[n] = self.poids @ d_L_d_t

""", "update in the loop, before use",
     "The update is made for each example with the running sum, and before the input's gradient."),
    ("d_L_d_t += gradient * d_out_d_t", "d_L_d_t += d_out_d_t",
     "upstream forgotten", "The gradient that comes in is not used (its zeros apart)."),
    ("return d_L_d_entree.reshape(self.forme_entree)", "d_L_d_entree.reshape(self.forme_entree)",
     "return forgotten", "The method returns None."),
]
