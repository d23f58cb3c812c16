"""À la manière des cours en français et des TP de prépa : tout est nommé en français, plus ou moins."""
import numpy as np


def rng(graine=0):
    return np.random.default_rng(graine)


# ------------------------------------------------------------- couches denses

class CoucheDense:
    """entree : (N, n_entrees). Les gradients restent dans gradient_poids et gradient_biais."""

    def __init__(self, n_entrees, n_sorties):
        self.poids = rng(1).standard_normal((n_entrees, n_sorties)) * 0.5
        self.biais = rng(2).standard_normal((1, n_sorties)) * 0.1
        self.gradient_poids = None
        self.gradient_biais = None

    def propagation_avant(self, entree):
        self.entree = entree
        self.sortie = np.dot(entree, self.poids) + self.biais
        return self.sortie

    def retropropagation(self, gradient_sortie):
        self.gradient_poids = np.dot(self.entree.T, gradient_sortie)
        self.gradient_biais = np.sum(gradient_sortie, axis=0, keepdims=True)
        gradient_entree = np.dot(gradient_sortie, self.poids.T)
        return gradient_entree


class CoucheDenseMoyenne(CoucheDense):
    """la moyenne sur le lot est prise ici, la perte fait une somme"""

    def retropropagation(self, gradient_sortie):
        m = self.entree.shape[0]
        self.gradient_poids = np.dot(self.entree.T, gradient_sortie) / m
        self.gradient_biais = np.sum(gradient_sortie, axis=0, keepdims=True)
        return np.dot(gradient_sortie, self.poids.T)


class CoucheDenseApprenante:
    """la couche se corrige elle-même : retropropagation(gradient_sortie, taux)"""

    def __init__(self, n_entrees, n_sorties):
        self.poids = rng(3).standard_normal((n_entrees, n_sorties)) / np.sqrt(n_entrees)
        self.biais = np.zeros((1, n_sorties))

    def propagation_avant(self, entree):
        self.entree = entree
        return self.entree @ self.poids + self.biais

    def retropropagation(self, gradient_sortie, taux):
        gradient_entree = gradient_sortie @ self.poids.T
        gradient_poids = self.entree.T @ gradient_sortie
        # descente de gradient
        self.poids -= taux * gradient_poids
        self.biais -= taux * gradient_sortie.sum(axis=0, keepdims=True)
        return gradient_entree


class CoucheDensePressee(CoucheDenseApprenante):
    def retropropagation(self, gradient_sortie, taux):
        gradient_poids = self.entree.T @ gradient_sortie
        self.poids -= taux * gradient_poids
        self.biais -= taux * gradient_sortie.sum(axis=0, keepdims=True)
        return gradient_sortie @ self.poids.T


class CoucheDenseQuiMonte(CoucheDenseApprenante):
    def retropropagation(self, gradient_sortie, taux):
        gradient_entree = gradient_sortie @ self.poids.T
        self.poids += taux * self.entree.T @ gradient_sortie
        self.biais += taux * gradient_sortie.sum(axis=0, keepdims=True)
        return gradient_entree


class CoucheBoucles:
    """sans NumPy ou presque : un neurone par ligne de poids"""

    def __init__(self, nb_entrees, nb_neurones):
        self.poids = rng(4).standard_normal((nb_neurones, nb_entrees))
        self.biais = rng(5).standard_normal(nb_neurones)
        self.nb_entrees, self.nb_neurones = nb_entrees, nb_neurones

    def avant(self, entree):
        self.entree = entree
        sortie = np.zeros((len(entree), self.nb_neurones))
        for n in range(len(entree)):
            for j in range(self.nb_neurones):
                somme = self.biais[j]
                for i in range(self.nb_entrees):
                    somme += self.poids[j, i] * entree[n, i]
                sortie[n, j] = somme
        return sortie

    def arriere(self, grad_sortie):
        self.grad_poids = np.zeros_like(self.poids)
        self.grad_biais = np.zeros_like(self.biais)
        grad_entree = np.zeros_like(self.entree)
        for n in range(len(self.entree)):
            for j in range(self.nb_neurones):
                self.grad_biais[j] += grad_sortie[n, j]
                for i in range(self.nb_entrees):
                    self.grad_poids[j, i] += grad_sortie[n, j] * self.entree[n, i]
                    grad_entree[n, i] += grad_sortie[n, j] * self.poids[j, i]
        return grad_entree


class CoucheBouclesEcrase(CoucheBoucles):
    def arriere(self, grad_sortie):
        self.grad_poids = np.zeros_like(self.poids)
        self.grad_biais = np.zeros_like(self.biais)
        grad_entree = np.zeros_like(self.entree)
        for n in range(len(self.entree)):
            for j in range(self.nb_neurones):
                self.grad_biais[j] += grad_sortie[n, j]
                for i in range(self.nb_entrees):
                    self.grad_poids[j, i] = grad_sortie[n, j] * self.entree[n, i]
                    grad_entree[n, i] += grad_sortie[n, j] * self.poids[j, i]
        return grad_entree


# fonctions, exemples en colonnes, comme au tableau : Z = W X + b

def propagation_lineaire(X, W, b):
    Z = W.dot(X) + b
    memoire = {"X": X, "W": W, "b": b}
    return Z, memoire


def retropropagation_lineaire(dZ, memoire):
    dW = dZ.dot(memoire["X"].T)
    db = np.sum(dZ, axis=1, keepdims=True)
    dX = memoire["W"].T.dot(dZ)
    return {"dX": dX, "dW": dW, "db": db}


# ----------------------------------------------------------------- activations

class ReLU:
    def propagation_avant(self, entree):
        self.entree = entree
        return np.maximum(entree, 0)

    def retropropagation(self, gradient_sortie):
        return gradient_sortie * np.where(self.entree > 0, 1, 0)


class Sigmoide:
    def propagation_avant(self, entree):
        self.sortie = 1 / (1 + np.exp(-entree))
        return self.sortie

    def retropropagation(self, gradient_sortie):
        return gradient_sortie * self.sortie * (1 - self.sortie)


class TangenteHyperbolique:
    def propagation_avant(self, entree):
        self.sortie = np.tanh(entree)
        return self.sortie

    def retropropagation(self, gradient_sortie):
        return gradient_sortie * (1 - self.sortie)


class Activation:
    """Activation(f, f_prime)"""

    def __init__(self, f, f_prime):
        self.f = f
        self.f_prime = f_prime

    def propagation_avant(self, entree):
        self.entree = entree
        return self.f(entree)

    def retropropagation(self, gradient_sortie, taux=None):
        return self.f_prime(self.entree) * gradient_sortie


class ActivationOubli(Activation):
    def retropropagation(self, gradient_sortie, taux=None):
        return self.f_prime(self.entree)


def elu(x, alpha=0.7):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def elu_derivee(x, alpha=0.7):
    return np.where(x > 0, 1.0, alpha * np.exp(x))


def softplus(x):
    return np.log(1 + np.exp(x))


def softplus_derivee(x):
    return 1 / (1 + np.exp(-x))


class Softmax:
    def propagation_avant(self, scores):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probas = e / e.sum(axis=1, keepdims=True)
        return self.probas

    def retropropagation(self, gradient):
        p = self.probas
        gradient_scores = np.zeros_like(p)
        for n in range(p.shape[0]):
            jacobienne = np.diag(p[n]) - np.outer(p[n], p[n])
            gradient_scores[n] = jacobienne @ gradient[n]
        return gradient_scores


# ---------------------------------------------------------------------- pertes

def perte_eqm(cible, sortie):
    """la cible d'abord"""
    return np.mean((sortie - cible) ** 2)


def gradient_eqm(cible, sortie):
    return 2 * (sortie - cible) / cible.size


def gradient_eqm_sans_deux(cible, sortie):
    return (sortie - cible) / cible.size


class PerteQuadratique:
    def calculer(self, sortie, cible):
        self.ecart = sortie - cible
        return 0.5 * np.sum(self.ecart ** 2)

    def gradient(self):
        return self.ecart


class EntropieCroisee:
    """softmax compris ; etiquettes entières"""

    def propagation_avant(self, scores, etiquettes):
        self.etiquettes = etiquettes
        e = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        self.probas = e / np.sum(e, axis=1, keepdims=True)
        self.N = scores.shape[0]
        return -np.mean(np.log(self.probas[np.arange(self.N), etiquettes]))

    def retropropagation(self):
        grad = self.probas.copy()
        grad[np.arange(self.N), self.etiquettes] -= 1
        return grad / self.N


class EntropieCroiseeCible(EntropieCroisee):
    """cible en one-hot"""

    def propagation_avant(self, scores, cible):
        self.cible = cible
        e = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        self.probas = e / np.sum(e, axis=1, keepdims=True)
        return -np.sum(cible * np.log(self.probas)) / len(cible)

    def retropropagation(self):
        return (self.cible - self.probas) / len(self.cible)


class PerteCharniere:
    """SVM binaire, cible dans {-1, 1}"""

    def __init__(self, marge=1.0):
        self.marge = marge

    def propagation_avant(self, sortie, cible):
        self.cible = cible
        self.depassement = np.maximum(0, self.marge - cible * sortie)
        return self.depassement.mean()

    def retropropagation(self):
        return np.where(self.depassement > 0, -self.cible, 0) / self.cible.size


def perte_logistique_ponderee(logits, cible, poids_exemples):
    """-> perte, gradient"""
    p = 1 / (1 + np.exp(-logits))
    perte = -np.sum(poids_exemples * (cible * np.log(p) + (1 - cible) * np.log(1 - p))) / np.sum(poids_exemples)
    gradient = poids_exemples * (p - cible) / np.sum(poids_exemples)
    return perte, gradient


def cout_et_gradient(theta, X, y, lamb):
    """régression logistique régularisée : theta[0] n'est pas pénalisé (X a sa colonne de 1)"""
    m = len(y)
    h = 1 / (1 + np.exp(-X.dot(theta)))
    cout = -(y.dot(np.log(h)) + (1 - y).dot(np.log(1 - h))) / m + lamb / (2 * m) * np.sum(theta[1:] ** 2)
    gradient = X.T.dot(h - y) / m
    gradient[1:] += lamb / m * theta[1:]
    return cout, gradient


def cout_et_gradient_sans_penalite(theta, X, y, lamb):
    m = len(y)
    h = 1 / (1 + np.exp(-X.dot(theta)))
    cout = -(y.dot(np.log(h)) + (1 - y).dot(np.log(1 - h))) / m + lamb / (2 * m) * np.sum(theta[1:] ** 2)
    gradient = 1 / m * X.T.dot(h - y)
    return cout, gradient


# --------------------------------------------------------------------- réseaux

class ReseauDeuxCouches:
    def __init__(self, n0=3, n1=4, n2=2):
        r = rng(6)
        self.parametres = {"W1": r.standard_normal((n1, n0)), "b1": r.standard_normal((n1, 1)),
                           "W2": r.standard_normal((n2, n1)), "b2": r.standard_normal((n2, 1))}

    def propagation_avant(self, X):
        p = self.parametres
        A1 = 1 / (1 + np.exp(-(p["W1"].dot(X) + p["b1"])))
        A2 = 1 / (1 + np.exp(-(p["W2"].dot(A1) + p["b2"])))
        self.activations = {"A1": A1, "A2": A2}
        return A2

    def perte(self, X, y):
        A2 = self.propagation_avant(X)
        return -np.mean(y * np.log(A2) + (1 - y) * np.log(1 - A2))

    def retropropagation(self, X, y):
        A1, A2 = self.activations["A1"], self.activations["A2"]
        m = y.size
        dZ2 = (A2 - y) / m
        dZ1 = self.parametres["W2"].T.dot(dZ2) * A1 * (1 - A1)
        gradients = {
            "dW1": dZ1.dot(X.T), "db1": dZ1.sum(axis=1, keepdims=True),
            "dW2": dZ2.dot(A1.T), "db2": dZ2.sum(axis=1, keepdims=True),
        }
        return gradients


class Perceptron2:
    """apprend un lot : avance, puis recule(cible)"""

    def __init__(self, taux=0.1):
        r = rng(7)
        self.V = r.standard_normal((4, 6))
        self.c = r.standard_normal(6)
        self.W = r.standard_normal((6, 3))
        self.d = r.standard_normal(3)
        self.taux = taux

    def avance(self, X):
        self.X = X
        self.H = np.tanh(X @ self.V + self.c)
        self.Y = self.H @ self.W + self.d
        return self.Y

    def perte(self, X, cible):
        return np.sum((self.avance(X) - cible) ** 2) / (2 * len(X))

    def recule(self, cible):
        delta2 = (self.Y - cible) / len(cible)
        delta1 = delta2 @ self.W.T * (1 - self.H ** 2)
        self.W -= self.taux * self.H.T @ delta2
        self.d -= self.taux * delta2.sum(axis=0)
        self.V -= self.taux * self.X.T @ delta1
        self.c -= self.taux * delta1.sum(axis=0)


class Perceptron2Distrait(Perceptron2):
    def recule(self, cible):
        delta2 = (self.Y - cible) / len(cible)
        delta1 = delta2 @ self.W.T
        self.W -= self.taux * self.H.T @ delta2
        self.d -= self.taux * delta2.sum(axis=0)
        self.V -= self.taux * self.X.T @ delta1
        self.c -= self.taux * delta1.sum(axis=0)


# ----------------------------------------------------------------- convolution

class CoucheConvolution:
    """images (N, H, L, C), noyaux (nb, h, l, C), pas de bord, pas = 1"""

    def __init__(self, nb_noyaux, hauteur, largeur, canaux):
        self.noyaux = rng(8).standard_normal((nb_noyaux, hauteur, largeur, canaux)) * 0.4
        self.biais = rng(9).standard_normal(nb_noyaux) * 0.1

    def propagation_avant(self, image):
        self.image = image
        nb, h, l, _ = self.noyaux.shape
        N, H, L, C = image.shape
        sortie = np.zeros((N, H - h + 1, L - l + 1, nb))
        for i in range(H - h + 1):
            for j in range(L - l + 1):
                morceau = image[:, i:i + h, j:j + l, :]
                for k in range(nb):
                    sortie[:, i, j, k] = np.sum(morceau * self.noyaux[k], axis=(1, 2, 3)) + self.biais[k]
        return sortie

    def retropropagation(self, gradient_sortie):
        nb, h, l, _ = self.noyaux.shape
        N, Hs, Ls, _ = gradient_sortie.shape
        self.gradient_noyaux = np.zeros(self.noyaux.shape)
        self.gradient_biais = gradient_sortie.sum(axis=(0, 1, 2))
        gradient_image = np.zeros(self.image.shape)
        for i in range(Hs):
            for j in range(Ls):
                for k in range(nb):
                    g = gradient_sortie[:, i, j, k].reshape(N, 1, 1, 1)
                    self.gradient_noyaux[k] += np.sum(g * self.image[:, i:i + h, j:j + l, :], axis=0)
                    gradient_image[:, i:i + h, j:j + l, :] += g * self.noyaux[k]
        return gradient_image


class CoucheConvolutionRetournee(CoucheConvolution):
    """le gradient de l'image se fait par convolution « pleine » ; le noyau aurait dû être retourné"""

    def retropropagation(self, gradient_sortie):
        nb, h, l, C = self.noyaux.shape
        N, Hs, Ls, _ = gradient_sortie.shape
        self.gradient_noyaux = np.zeros(self.noyaux.shape)
        for a in range(h):
            for b in range(l):
                self.gradient_noyaux[:, a, b, :] = np.einsum("nijk,nijc->kc", gradient_sortie,
                                                             self.image[:, a:a + Hs, b:b + Ls, :])
        self.gradient_biais = gradient_sortie.sum(axis=(0, 1, 2))
        bord = np.pad(gradient_sortie, ((0, 0), (h - 1, h - 1), (l - 1, l - 1), (0, 0)))
        gradient_image = np.zeros(self.image.shape)
        for i in range(self.image.shape[1]):
            for j in range(self.image.shape[2]):
                gradient_image[:, i, j, :] = np.einsum("nabk,kabc->nc", bord[:, i:i + h, j:j + l, :], self.noyaux)
        return gradient_image


class MaxPooling:
    def __init__(self, taille=2):
        self.taille = taille

    def propagation_avant(self, entree):
        t = self.taille
        self.entree = entree
        N, H, L, C = entree.shape
        self.blocs = entree[:, :H // t * t, :L // t * t].reshape(N, H // t, t, L // t, t, C)
        self.sortie = self.blocs.max(axis=(2, 4))
        return self.sortie

    def retropropagation(self, gradient_sortie):
        t = self.taille
        N, h, l, C = gradient_sortie.shape
        masque = self.blocs == self.sortie[:, :, None, :, None, :]
        g = (masque * gradient_sortie[:, :, None, :, None, :]).reshape(N, h * t, l * t, C)
        gradient_entree = np.zeros(self.entree.shape)
        gradient_entree[:, :h * t, :l * t] = g
        return gradient_entree


class PoolingMoyen:
    def __init__(self, taille=2):
        self.taille = taille

    def propagation_avant(self, entree):
        t = self.taille
        self.forme = entree.shape
        N, H, L, C = entree.shape
        sortie = np.zeros((N, H // t, L // t, C))
        for i in range(H // t):
            for j in range(L // t):
                sortie[:, i, j] = entree[:, i * t:(i + 1) * t, j * t:(j + 1) * t].mean(axis=(1, 2))
        return sortie

    def retropropagation(self, gradient_sortie):
        t = self.taille
        gradient_entree = np.zeros(self.forme)
        for i in range(gradient_sortie.shape[1]):
            for j in range(gradient_sortie.shape[2]):
                gradient_entree[:, i * t:(i + 1) * t, j * t:(j + 1) * t] += gradient_sortie[:, i:i + 1, j:j + 1]
        return gradient_entree


class SurEchantillonnage:
    """plus proche voisin, facteur entier"""

    def __init__(self, facteur=2):
        self.facteur = facteur

    def propagation_avant(self, entree):
        return entree.repeat(self.facteur, axis=1).repeat(self.facteur, axis=2)

    def retropropagation(self, gradient):
        f = self.facteur
        N, H, L, C = gradient.shape
        return gradient.reshape(N, H // f, f, L // f, f, C).sum(axis=(2, 4))


class SurEchantillonnageUnSeul(SurEchantillonnage):
    def retropropagation(self, gradient):
        f = self.facteur
        return gradient[:, ::f, ::f].copy()


class Aplatir:
    def propagation_avant(self, entree):
        self.forme = entree.shape
        return entree.reshape(self.forme[0], -1)

    def retropropagation(self, gradient_sortie):
        return gradient_sortie.reshape(self.forme)


class Concatenation:
    def propagation_avant(self, gauche, droite):
        self.coupure = gauche.shape[1]
        return np.concatenate([gauche, droite], axis=1)

    def retropropagation(self, gradient_sortie):
        return gradient_sortie[:, :self.coupure], gradient_sortie[:, self.coupure:]


# -------------------------------------------------------------- normalisations

class NormalisationParLot:
    def __init__(self, n, epsilon=1e-5):
        self.gamma = 1 + 0.2 * rng(10).standard_normal(n)
        self.beta = 0.2 * rng(11).standard_normal(n)
        self.epsilon = epsilon

    def propagation_avant(self, entree):
        self.N = entree.shape[0]
        self.moyenne = entree.mean(axis=0)
        self.centre = entree - self.moyenne
        self.variance = (self.centre ** 2).mean(axis=0)
        self.ecart_type = np.sqrt(self.variance + self.epsilon)
        self.normalise = self.centre / self.ecart_type
        return self.gamma * self.normalise + self.beta

    def retropropagation(self, gradient_sortie):
        self.gradient_gamma = (gradient_sortie * self.normalise).sum(axis=0)
        self.gradient_beta = gradient_sortie.sum(axis=0)
        d_normalise = gradient_sortie * self.gamma
        d_variance = (d_normalise * self.centre).sum(axis=0) * (-0.5) * self.ecart_type ** -3
        d_centre = d_normalise / self.ecart_type + 2 / self.N * self.centre * d_variance
        return d_centre - d_centre.mean(axis=0)


class NormalisationParLotSansMoyenne(NormalisationParLot):
    def retropropagation(self, gradient_sortie):
        self.gradient_gamma = (gradient_sortie * self.normalise).sum(axis=0)
        self.gradient_beta = gradient_sortie.sum(axis=0)
        d_normalise = gradient_sortie * self.gamma
        d_variance = (d_normalise * self.centre).sum(axis=0) * (-0.5) * self.ecart_type ** -3
        return d_normalise / self.ecart_type + 2 / self.N * self.centre * d_variance


class NormalisationCouche:
    def __init__(self, n):
        self.gain = 1 + 0.2 * rng(12).standard_normal(n)
        self.decalage = 0.2 * rng(13).standard_normal(n)

    def avant(self, x):
        self.sigma = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
        self.xn = (x - x.mean(axis=-1, keepdims=True)) / self.sigma
        return self.gain * self.xn + self.decalage

    def arriere(self, d):
        self.d_gain = (d * self.xn).sum(axis=0)
        self.d_decalage = d.sum(axis=0)
        d = d * self.gain
        return (d - d.mean(-1, keepdims=True) - self.xn * (d * self.xn).mean(-1, keepdims=True)) / self.sigma


class Abandon:
    """dropout"""

    def __init__(self, proba=0.4):
        self.proba = proba

    def propagation_avant(self, entree, entrainement=True):
        if not entrainement:
            self.masque = np.ones_like(entree)
            return entree
        self.masque = (np.random.random(entree.shape) >= self.proba) / (1 - self.proba)
        return entree * self.masque

    def retropropagation(self, gradient_sortie):
        return gradient_sortie * self.masque


# ---------------------------------------------------------- mots et récurrences

class Plongement:
    def __init__(self, taille_vocabulaire, dimension):
        self.table = rng(14).standard_normal((taille_vocabulaire, dimension))

    def propagation_avant(self, mots):
        self.mots = mots
        return self.table[mots]

    def retropropagation(self, gradient_sortie):
        self.gradient_table = np.zeros_like(self.table)
        np.add.at(self.gradient_table, self.mots, gradient_sortie)


class ReseauRecurrent:
    """entrees (T, N, D) -> etats (T, N, H), depuis un état nul"""

    def __init__(self, D=3, H=4):
        r = rng(15)
        self.poids_entree = r.standard_normal((D, H)) * 0.5
        self.poids_etat = r.standard_normal((H, H)) * 0.5
        self.biais = r.standard_normal(H) * 0.1

    def propagation_avant(self, entrees):
        T, N, _ = entrees.shape
        self.entrees = entrees
        self.etats = [np.zeros((N, len(self.biais)))]
        for t in range(T):
            self.etats.append(np.tanh(entrees[t] @ self.poids_entree + self.etats[-1] @ self.poids_etat + self.biais))
        return np.array(self.etats[1:])

    def retropropagation(self, gradients_etats):
        gradient_entrees = np.zeros_like(self.entrees)
        g = {"poids_entree": 0, "poids_etat": 0, "biais": 0}
        suivant = 0
        for t in range(len(self.entrees) - 1, -1, -1):
            delta = (gradients_etats[t] + suivant) * (1 - self.etats[t + 1] ** 2)
            g["poids_entree"] = g["poids_entree"] + self.entrees[t].T @ delta
            g["poids_etat"] = g["poids_etat"] + self.etats[t].T @ delta
            g["biais"] = g["biais"] + delta.sum(axis=0)
            gradient_entrees[t] = delta @ self.poids_entree.T
            suivant = delta @ self.poids_etat.T
        self.gradients = g
        return gradient_entrees


class ReseauRecurrentDecale(ReseauRecurrent):
    def retropropagation(self, gradients_etats):
        gradient_entrees = np.zeros_like(self.entrees)
        g = {k: np.zeros_like(getattr(self, k)) for k in ("poids_entree", "poids_etat", "biais")}
        suivant = np.zeros_like(self.etats[0])
        for t in reversed(range(len(self.entrees))):
            delta = (gradients_etats[t] + suivant) * (1 - self.etats[t] ** 2)
            g["poids_entree"] += self.entrees[t].T @ delta
            g["poids_etat"] += self.etats[t].T @ delta
            g["biais"] += delta.sum(axis=0)
            gradient_entrees[t] = delta @ self.poids_entree.T
            suivant = delta @ self.poids_etat.T
        self.gradients = g
        return gradient_entrees


class BlocResiduel:
    """x + W2 relu(W1 x)"""

    def __init__(self, n=4, cache=6):
        r = rng(16)
        self.W1 = r.standard_normal((n, cache)) * 0.5
        self.W2 = r.standard_normal((cache, n)) * 0.5

    def propagation_avant(self, x):
        self.x = x
        self.h = np.maximum(x @ self.W1, 0)
        return x + self.h @ self.W2

    def retropropagation(self, dy):
        self.dW2 = self.h.T @ dy
        dh = dy @ self.W2.T * (self.h > 0)
        self.dW1 = self.x.T @ dh
        return dy + dh @ self.W1.T


def attention_avant(requetes, cles, valeurs):
    """requetes (T, d), cles (S, d), valeurs (S, e)"""
    scores = requetes @ cles.T / np.sqrt(cles.shape[1])
    alpha = np.exp(scores - scores.max(axis=1, keepdims=True))
    alpha = alpha / alpha.sum(axis=1, keepdims=True)
    return alpha @ valeurs, (requetes, cles, valeurs, alpha)


def attention_arriere(gradient, memoire):
    requetes, cles, valeurs, alpha = memoire
    d_valeurs = alpha.T @ gradient
    d_alpha = gradient @ valeurs.T
    d_scores = alpha * (d_alpha - np.sum(alpha * d_alpha, axis=1, keepdims=True)) / np.sqrt(cles.shape[1])
    return d_scores @ cles, d_scores.T @ requetes, d_valeurs


def _r(*s, graine=0):
    return rng(graine).standard_normal(s)


def _reg():
    X = _r(6, 4)
    X[:, 0] = 1
    return _r(4, graine=1), X, (rng(2).random(6) > .5).astype(float), 1.5


_e = np.array([0, 2, 1, 1, 0])
PAS = "retropropagation(gradient_sortie, taux) fait aussi le pas ; les gradients se lisent dans le pas"
ACCUM = "l'appel fait le pas : perte(X, cible), puis recule(cible) ; les gradients se lisent dans le pas"

CASES = [
    dict(name="dense", layer=lambda: CoucheDense(4, 3), x=lambda: _r(5, 4)),
    # la moyenne pour les poids, la somme pour les biais et l'entrée
    dict(name="dense_moyenne", layer=lambda: CoucheDenseMoyenne(4, 3), x=lambda: _r(5, 4),
         wrong={"poids": {"scale", "extra_factor"}}),
    dict(name="dense_apprenante", layer=lambda: CoucheDenseApprenante(4, 3), x=lambda: _r(5, 4), convention=PAS),
    # le pas est fait avant le gradient de l'entrée
    dict(name="dense_pressee", layer=lambda: CoucheDensePressee(4, 3), x=lambda: _r(5, 4), convention=PAS,
         wrong={"input": {"updated_too_early"}}),
    # += : on monte
    dict(name="dense_qui_monte", layer=lambda: CoucheDenseQuiMonte(4, 3), x=lambda: _r(5, 4), convention=PAS,
         wrong={"poids": {"ascent", "sign"}, "biais": {"ascent", "sign"}}),
    dict(name="dense_boucles", layer=lambda: CoucheBoucles(4, 3), x=lambda: _r(5, 4)),
    # = pour += dans la boucle sur les exemples
    dict(name="dense_boucles_ecrase", layer=lambda: CoucheBouclesEcrase(4, 3), x=lambda: _r(5, 4),
         wrong={"poids": {"overwritten", "not_summed"}}),
    dict(name="lineaire_fonctions", layer=lambda: (propagation_lineaire, retropropagation_lineaire),
         x=lambda: (_r(3, 5), _r(4, 3, graine=1), _r(4, 1, graine=2))),
    dict(name="relu", layer=lambda: ReLU(), x=lambda: _r(5, 4)),
    dict(name="sigmoide", layer=lambda: Sigmoide(), x=lambda: _r(5, 4)),
    # 1 - tanh pour 1 - tanh^2
    dict(name="tangente_hyperbolique", layer=lambda: TangenteHyperbolique(), x=lambda: _r(5, 4),
         wrong={"input": {"wrong_local_derivative"}}),
    dict(name="activation_elu", layer=lambda: Activation(elu, elu_derivee), x=lambda: _r(5, 4)),
    # le gradient de la sortie n'est pas multiplié
    dict(name="activation_oublie_amont", layer=lambda: ActivationOubli(softplus, softplus_derivee),
         x=lambda: _r(5, 4), wrong={"input": {"missing_upstream"}}),
    dict(name="softmax", layer=lambda: Softmax(), x=lambda: _r(5, 4)),
    dict(name="eqm", layer=lambda: (perte_eqm, gradient_eqm), x=lambda: (_r(5, 3), _r(5, 3, graine=1)),
         convention="les deux fonctions prennent (cible, sortie) ; le gradient est celui de sortie, le second argument"),
    # le 2 du carré
    dict(name="eqm_sans_deux", layer=lambda: (perte_eqm, gradient_eqm_sans_deux),
         x=lambda: (_r(5, 3), _r(5, 3, graine=1)),
         convention="les deux fonctions prennent (cible, sortie) ; le gradient est celui de sortie, le second argument",
         wrong={"sortie": {"scale", "missing_factor"}}),
    dict(name="perte_quadratique", layer=lambda: PerteQuadratique(), x=lambda: (_r(5, 3), _r(5, 3, graine=1)),
         convention="calculer(sortie, cible) puis gradient()"),
    dict(name="entropie_croisee", layer=lambda: EntropieCroisee(), x=lambda: (_r(5, 3), _e)),
    # cible - sortie
    dict(name="entropie_croisee_signe", layer=lambda: EntropieCroiseeCible(), x=lambda: (_r(5, 3), np.eye(3)[_e]),
         wrong={"input": {"sign"}}),
    dict(name="perte_charniere", layer=lambda: PerteCharniere(), x=lambda: (_r(5, 3), np.sign(_r(5, 3, graine=1))),
         constants={"marge"}),
    dict(name="perte_logistique_ponderee", layer=lambda: perte_logistique_ponderee,
         x=lambda: (_r(5), np.array([1., 0, 0, 1, 1]), 0.5 + rng(3).random(5)), constants={"poids_exemples"}),
    dict(name="regression_logistique", layer=lambda: cout_et_gradient, x=_reg),
    # la pénalité est dans le coût, pas dans le gradient
    dict(name="regression_logistique_sans_penalite", layer=lambda: cout_et_gradient_sans_penalite, x=_reg,
         wrong={"theta": {"missing_branch"}}),
    dict(name="reseau_deux_couches", layer=lambda: ReseauDeuxCouches(),
         x=lambda: (_r(3, 5), (rng(4).random((2, 5)) > .5).astype(float)),
         convention="perte(X, y) puis retropropagation(X, y) -> dictionnaire ; exemples en colonnes"),
    dict(name="perceptron2", layer=lambda: Perceptron2(), x=lambda: (_r(5, 4), _r(5, 3, graine=1)), convention=ACCUM,
         constants={"taux"}),
    # la dérivée de tanh manque dans la couche cachée
    dict(name="perceptron2_distrait", layer=lambda: Perceptron2Distrait(), x=lambda: (_r(5, 4), _r(5, 3, graine=1)),
         convention=ACCUM, constants={"taux"}, wrong={"V": {"missing_factor"}, "c": {"missing_factor"}}),
    dict(name="convolution", layer=lambda: CoucheConvolution(4, 2, 3, 3), x=lambda: _r(2, 6, 5, 3)),
    # le noyau n'est pas retourné
    dict(name="convolution_retournee", layer=lambda: CoucheConvolutionRetournee(4, 2, 3, 3), x=lambda: _r(2, 6, 5, 3),
         wrong={"input": {"flipped_kernel"}}),
    dict(name="max_pooling", layer=lambda: MaxPooling(2), x=lambda: _r(2, 6, 5, 3)),
    # la moyenne n'est pas divisée au retour
    dict(name="pooling_moyen_sans_division", layer=lambda: PoolingMoyen(2), x=lambda: _r(2, 6, 4, 3),
         wrong={"input": {"scale", "missing_factor"}}),
    dict(name="sur_echantillonnage", layer=lambda: SurEchantillonnage(2), x=lambda: _r(2, 3, 5, 4)),
    # une seule des quatre copies
    dict(name="sur_echantillonnage_un_seul", layer=lambda: SurEchantillonnageUnSeul(2), x=lambda: _r(2, 3, 5, 4),
         wrong={"input": {"not_summed"}}),
    dict(name="aplatir", layer=lambda: Aplatir(), x=lambda: _r(5, 2, 3)),
    dict(name="concatenation", layer=lambda: Concatenation(), x=lambda: (_r(5, 3), _r(5, 4, graine=1))),
    dict(name="normalisation_par_lot", layer=lambda: NormalisationParLot(4), x=lambda: _r(6, 4),
         constants={"epsilon"}),
    # ce qui passe par la moyenne est oublié
    dict(name="normalisation_par_lot_sans_moyenne", layer=lambda: NormalisationParLotSansMoyenne(4),
         x=lambda: _r(6, 4), constants={"epsilon"}, wrong={"input": {"missing_branch"}}),
    dict(name="normalisation_couche", layer=lambda: NormalisationCouche(4), x=lambda: _r(5, 4)),
    dict(name="abandon", layer=lambda: Abandon(0.4), x=lambda: _r(5, 4), constants={"masque", "proba"}),
    dict(name="plongement", layer=lambda: Plongement(5, 4), x=lambda: np.array([[0, 3, 1], [3, 2, 3]])),
    dict(name="reseau_recurrent", layer=lambda: ReseauRecurrent(), x=lambda: _r(5, 2, 3)),
    # l'état d'avant pour l'état d'après dans la dérivée de tanh
    dict(name="reseau_recurrent_decale", layer=lambda: ReseauRecurrentDecale(), x=lambda: _r(5, 2, 3),
         wrong={k: {"shifted", "wrong_variable", "wrong_local_derivative"}
                for k in ("input", "poids_entree", "poids_etat", "biais")}),
    dict(name="bloc_residuel", layer=lambda: BlocResiduel(), x=lambda: _r(5, 4)),
    dict(name="attention", layer=lambda: (attention_avant, attention_arriere),
         x=lambda: (_r(3, 4), _r(5, 4, graine=1), _r(5, 2, graine=2))),
]
