"""Style : travaux pratiques (noms francais, avant / arriere, taux, etiquettes).

Noms dans `wrong` : celui de l'argument pour les fonctions, celui de l'attribut
pour les objets, "input" pour ce que recoit la passe avant d'un objet.
"""
import numpy as np


def rng(graine=0):
    return np.random.default_rng(graine)


# ===================== TP 1 : le neurone et la couche ========================
def sigmoide(z):
    return 1 / (1 + np.exp(-z))


def derivee_sigmoide(z):
    return sigmoide(z) * (1 - sigmoide(z))


class Neurone:
    """Un neurone sigmoide ; la descente se fait dans arriere."""

    def __init__(self, nb_entrees, taux=0.5):
        self.poids = np.random.uniform(-1, 1, nb_entrees)
        self.biais = np.random.uniform(-1, 1, 1)
        self.taux = taux

    def avant(self, entree):
        self.entree = entree
        self.somme = entree @ self.poids + self.biais
        self.sortie = sigmoide(self.somme)
        return self.sortie

    def arriere(self, erreur):
        delta = erreur * derivee_sigmoide(self.somme)
        grad_entree = np.outer(delta, self.poids)
        for i in range(len(self.poids)):
            self.poids[i] -= self.taux * np.sum(delta * self.entree[:, i])
        self.biais -= self.taux * np.sum(delta)
        return grad_entree


class Couche:
    def __init__(self, nb_entrees, nb_neurones):
        self.poids = rng(1).normal(0, 1, (nb_neurones, nb_entrees))
        self.biais = rng(2).normal(0, 1, nb_neurones)

    def avant(self, x):
        self.x = x
        return x.dot(self.poids.T) + self.biais

    def arriere(self, grad, taux):
        grad_x = grad.dot(self.poids)
        self.poids = self.poids - taux * grad.T.dot(self.x)
        self.biais = self.biais - taux * grad.sum(0)
        return grad_x


class CoucheQuiMonte(Couche):
    def arriere(self, grad, taux):
        grad_x = grad.dot(self.poids)
        # ERREUR : on monte la pente
        self.poids += taux * np.dot(grad.T, self.x)
        self.biais += taux * np.sum(grad, axis=0)
        return grad_x


# ===================== TP 2 : fonctions d'activation =========================
class TangenteHyperbolique:
    def avant(self, entree):
        self.entree = entree
        self.sortie = np.tanh(entree)
        return self.sortie

    def arriere(self, gradient_sortie):
        # ERREUR : 1 - y^2 avec y la sortie, pas l'entree
        return gradient_sortie * (1 - self.entree ** 2)


class Relu:
    def avant(self, z):
        self.actifs = z > 0
        return z * self.actifs

    def arriere(self, g, taux=None):
        return g * self.actifs


def elu_avant(z, alpha=1.0):
    return np.where(z > 0, z, alpha * (np.exp(z) - 1))


def elu_arriere(z, gradient, alpha=1.0):
    return np.where(z > 0, 1.0, alpha * np.exp(z)) * gradient


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ===================== TP 3 : fonctions de cout ==============================
class ErreurQuadratique:
    """1/2 de la somme des carres, moyenne sur les exemples."""

    def calcul(self, sortie, sortie_desiree):
        self.ecart = sortie - sortie_desiree
        return 0.5 * np.sum(self.ecart ** 2) / len(sortie)

    def gradient(self):
        return self.ecart / len(self.ecart)


class ErreurQuadratiqueMoyenne:
    def calcul(self, sortie, sortie_desiree):
        return np.mean((sortie - sortie_desiree) ** 2)

    def gradient(self, sortie, sortie_desiree):
        # ERREUR : la moyenne porte sur toutes les valeurs, on ne divise que
        # par le nombre d'exemples
        return 2 * (sortie - sortie_desiree) / sortie.shape[0]


class EntropieCroisee:
    def avant(self, scores, etiquettes):
        self.probas = softmax(scores)
        self.etiquettes = etiquettes
        n = scores.shape[0]
        return -np.log(self.probas[np.arange(n), etiquettes]).mean()

    def arriere(self):
        n = self.probas.shape[0]
        g = self.probas.copy()
        for i in range(n):
            g[i, self.etiquettes[i]] -= 1
        return g / n


def cout_charniere(scores, etiquettes):
    """Marges de toutes les classes, cout et gradient ensemble."""
    n, k = scores.shape
    cout = 0.0
    grad = np.zeros_like(scores)
    for i in range(n):
        bonne = scores[i, etiquettes[i]]
        depasse = False
        for j in range(k):
            if j == etiquettes[i]:
                continue
            marge = scores[i, j] - bonne + 1
            if marge > 0:
                cout += marge
                grad[i, j] += 1
                depasse = True
        if depasse:
            # ERREUR : une fois par classe qui depasse, pas une fois en tout
            grad[i, etiquettes[i]] -= 1
    return cout / n, grad / n


def cout_et_gradient(theta, X, etiquettes, lambda_):
    """Regression softmax regularisee ; theta (p, k) avec X (n, p)."""
    n = X.shape[0]
    P = softmax(X @ theta)
    Y = np.zeros_like(P)
    Y[np.arange(n), etiquettes] = 1
    cout = -np.sum(Y * np.log(P)) / n + lambda_ / 2 * np.sum(theta ** 2)
    return cout, -X.T @ (Y - P) / n + lambda_ * theta


# ===================== TP 4 : un reseau entier ===============================
class Reseau:
    def __init__(self, nb_entrees, nb_caches, nb_sorties):
        r = rng(3)
        self.W1 = r.normal(0, 1, (nb_entrees, nb_caches))
        self.b1 = r.normal(0, 1, nb_caches)
        self.W2 = r.normal(0, 1, (nb_caches, nb_sorties))
        self.b2 = r.normal(0, 1, nb_sorties)

    def propagation(self, X):
        self.X = X
        self.a1 = sigmoide(X @ self.W1 + self.b1)
        self.a2 = sigmoide(self.a1 @ self.W2 + self.b2)
        return self.a2

    def cout(self, X, sortie_desiree):
        return np.sum((self.propagation(X) - sortie_desiree) ** 2) / 2

    def retropropagation(self, sortie_desiree):
        delta2 = (self.a2 - sortie_desiree) * self.a2 * (1 - self.a2)
        delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)
        self.gradients = {
            "W2": self.a1.T @ delta2, "b2": delta2.sum(0),
            "W1": self.X.T @ delta1, "b1": delta1.sum(0),
        }

    def descente(self, taux):
        for nom, g in self.gradients.items():
            setattr(self, nom, getattr(self, nom) - taux * g)


class ReseauPresse(Reseau):
    def apprendre(self, X, sortie_desiree, taux=0.5):
        self.propagation(X)
        delta2 = (self.a2 - sortie_desiree) * self.a2 * (1 - self.a2)
        self.W2 = self.W2 - taux * self.a1.T @ delta2
        self.b2 = self.b2 - taux * delta2.sum(0)
        # ERREUR : W2 est deja celui de l'iteration suivante
        delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)
        self.W1 = self.W1 - taux * X.T @ delta1
        self.b1 = self.b1 - taux * delta1.sum(0)


# ===================== TP 5 : images =========================================
def convolution_avant(image, noyaux, biais):
    """image (n, c, h, l), noyaux (f, c, k, m)."""
    n, c, h, l = image.shape
    f, _, k, m = noyaux.shape
    sortie = np.zeros((n, f, h - k + 1, l - m + 1))
    for i in range(sortie.shape[2]):
        for j in range(sortie.shape[3]):
            fenetre = image[:, :, i:i + k, j:j + m]
            sortie[:, :, i, j] = np.tensordot(fenetre, noyaux, axes=([1, 2, 3], [1, 2, 3])) + biais
    return sortie


def convolution_arriere(grad_sortie, image, noyaux, biais):
    f, c, k, m = noyaux.shape
    d_image, d_noyaux = np.zeros_like(image), np.zeros_like(noyaux)
    for i in range(grad_sortie.shape[2]):
        for j in range(grad_sortie.shape[3]):
            g = grad_sortie[:, :, i, j]
            d_noyaux += np.tensordot(g, image[:, :, i:i + k, j:j + m], axes=(0, 0))
            d_image[:, :, i:i + k, j:j + m] += np.tensordot(g, noyaux, axes=(1, 0))
    return {"image": d_image, "noyaux": d_noyaux, "biais": grad_sortie.sum(axis=(0, 2, 3))}


class MaxPooling:
    def __init__(self, taille=2):
        self.taille = taille

    def avant(self, entree):
        t = self.taille
        n, c, h, l = entree.shape
        self.forme = entree.shape
        self.sortie = np.zeros((n, c, h // t, l // t))
        self.positions = {}
        for idx in np.ndindex(self.sortie.shape):
            a, b, i, j = idx
            bloc = entree[a, b, i * t:(i + 1) * t, j * t:(j + 1) * t]
            p = int(bloc.argmax())
            self.positions[idx] = (a, b, i * t + p // t, j * t + p % t)
            self.sortie[idx] = bloc.flat[p]
        return self.sortie

    def arriere(self, gradient):
        g = np.zeros(self.forme)
        for idx, pos in self.positions.items():
            g[pos] += gradient[idx]
        return g


class SurEchantillonnage:
    """Agrandit par deux (plus proche voisin) en (n, h, l, c)."""

    def avant(self, x):
        self.forme = x.shape
        return np.kron(x, np.ones((1, 2, 2, 1)))

    def arriere(self, gradient):
        n, h, l, c = self.forme
        return gradient.reshape(n, h, 2, l, 2, c).sum(axis=(2, 4))


# ===================== TP 6 : regularisation =================================
class Abandon:
    def __init__(self, proba_abandon=0.3):
        self.p = proba_abandon
        self.apprentissage = True

    def avant(self, x):
        if not self.apprentissage:
            return x
        self.masque = (np.random.rand(*x.shape) >= self.p) / (1 - self.p)
        return x * self.masque

    def arriere(self, gradient):
        return gradient * self.masque if self.apprentissage else gradient


class NormalisationParLot:
    def __init__(self, nb):
        self.gamma, self.beta = rng(1).uniform(0.5, 2, nb), np.zeros(nb)
        self.epsilon = 1e-6

    def avant(self, x):
        self.moyenne = x.mean(axis=0)
        self.ecart_type = np.sqrt(x.var(axis=0) + self.epsilon)
        self.x_norm = (x - self.moyenne) / self.ecart_type
        return self.gamma * self.x_norm + self.beta

    def arriere(self, d_sortie):
        self.d_gamma = np.sum(d_sortie * self.x_norm, axis=0)
        self.d_beta = np.sum(d_sortie, axis=0)
        d = d_sortie * self.gamma
        return (d - d.mean(axis=0) - self.x_norm * (d * self.x_norm).mean(axis=0)) / self.ecart_type


class NormalisationSansVariance(NormalisationParLot):
    def arriere(self, d_sortie):
        self.d_gamma = np.sum(d_sortie * self.x_norm, axis=0)
        self.d_beta = np.sum(d_sortie, axis=0)
        d = d_sortie * self.gamma
        # ERREUR : la variance depend aussi de x
        return (d - d.mean(axis=0)) / self.ecart_type


# ===================== TP 7 : texte ==========================================
class CelluleRecurrente:
    def __init__(self, nb_entrees, nb_etats):
        self.U = rng(1).normal(0, .6, (nb_entrees, nb_etats))
        self.W = rng(2).normal(0, .6, (nb_etats, nb_etats))
        self.b = rng(3).normal(0, .1, nb_etats)

    def avant(self, sequence):
        """sequence (temps, exemples, nb_entrees) ; rend le dernier etat."""
        self.sequence = sequence
        self.etats = [np.zeros((sequence.shape[1], self.b.size))]
        for x in sequence:
            self.etats.append(np.tanh(x @ self.U + self.etats[-1] @ self.W + self.b))
        return self.etats[-1]

    def arriere(self, d_dernier):
        self.dU, self.dW, self.db = 0 * self.U, 0 * self.W, 0 * self.b
        d_sequence = np.zeros_like(self.sequence)
        d_etat = d_dernier
        for t in range(len(self.sequence) - 1, -1, -1):
            dz = d_etat * (1 - self.etats[t + 1] ** 2)
            self.dU += self.sequence[t].T @ dz
            self.dW += self.etats[t].T @ dz
            self.db += dz.sum(axis=0)
            d_sequence[t] = dz @ self.U.T
            d_etat = dz @ self.W.T
        return d_sequence


class TableDeMots:
    def __init__(self, nb_mots, dimension):
        self.table = rng(1).normal(0, 1, (nb_mots, dimension))
        self.gradient_table = np.zeros_like(self.table)

    def avant(self, mots):
        self.mots = mots
        return self.table[mots]

    def arriere(self, gradient):
        for position in np.ndindex(self.mots.shape):
            self.gradient_table[self.mots[position]] += gradient[position]

    def remise_a_zero(self):
        self.gradient_table[:] = 0


class BlocResiduel:
    def __init__(self, nb):
        self.interne = Couche(nb, nb)
        self.activation = Relu()

    def avant(self, x):
        return x + self.activation.avant(self.interne.avant(x))

    def arriere(self, gradient, taux):
        return gradient + self.interne.arriere(self.activation.arriere(gradient), taux)


CASES = [
    dict(name="neurone", layer=lambda: Neurone(3), x=lambda: rng().normal(0, 1, (4, 3)), constants={"taux"}),
    dict(name="couche", layer=lambda: Couche(4, 3), x=lambda: rng().normal(0, 1, (5, 4))),
    # += au lieu de -= : les poids montent
    dict(name="couche_qui_monte", layer=lambda: CoucheQuiMonte(4, 3), x=lambda: rng().normal(0, 1, (5, 4)),
         wrong={"poids": {"ascent", "sign"}, "biais": {"ascent", "sign"}}),
    # la derivee de tanh ecrite avec l'entree
    dict(name="tanh", layer=lambda: TangenteHyperbolique(), x=lambda: rng().normal(0, 1, (4, 3)),
         wrong={"input": {"wrong_variable"}}),
    dict(name="relu", layer=lambda: Relu(), x=lambda: rng().normal(0, 1, (4, 3))),
    # arriere(z, gradient)
    dict(name="elu", layer=lambda: (elu_avant, elu_arriere), x=lambda: rng().normal(0, 1, (4, 3)), constants={"alpha"}),
    dict(name="erreur_quadratique", layer=lambda: ErreurQuadratique(),
         x=lambda: (rng().normal(0, 1, (4, 3)), rng(1).normal(0, 1, (4, 3)))),
    # divise par le nombre d'exemples seulement, pas par le nombre de valeurs
    dict(name="eqm", layer=lambda: ErreurQuadratiqueMoyenne(),
         x=lambda: (rng().normal(0, 1, (4, 3)), rng(1).normal(0, 1, (4, 3))), wrong={"input": {"scale"}}),
    dict(name="entropie_croisee", layer=lambda: EntropieCroisee(),
         x=lambda: (rng().normal(0, 1, (4, 3)), np.array([2, 0, 1, 1]))),
    # la bonne classe n'est comptee qu'une fois
    dict(name="charniere", layer=lambda: cout_charniere,
         x=lambda: (rng().normal(0, .5, (3, 5)), np.array([2, 0, 4])),
         wrong={"scores": {"missing_factor", "not_summed", "missing_branch"}}),
    dict(name="regression_softmax", layer=lambda: cout_et_gradient,
         x=lambda: (rng().normal(0, 1, (4, 3)), rng(1).normal(0, 1, (5, 4)), np.array([2, 0, 1, 1, 0]), 0.2)),
    dict(name="reseau", layer=lambda: Reseau(3, 4, 2),
         x=lambda: (rng().normal(0, 1, (5, 3)), rng(1).uniform(0, 1, (5, 2)))),
    # W2 change avant que la couche cachee ne s'en serve
    dict(name="reseau_presse", layer=lambda: ReseauPresse(3, 4, 2),
         x=lambda: (rng().normal(0, 1, (5, 3)), rng(1).uniform(0, 1, (5, 2))),
         wrong={"W1": {"updated_too_early"}, "b1": {"updated_too_early"}}),
    dict(name="convolution", layer=lambda: (convolution_avant, convolution_arriere),
         x=lambda: (rng().normal(0, 1, (2, 3, 5, 6)), rng(1).normal(0, 1, (4, 3, 2, 3)), rng(2).normal(0, 1, 4))),
    dict(name="max_pooling", layer=lambda: MaxPooling(), x=lambda: rng().normal(0, 1, (2, 3, 4, 6))),
    dict(name="sur_echantillonnage", layer=lambda: SurEchantillonnage(), x=lambda: rng().normal(0, 1, (2, 3, 4, 5))),
    dict(name="abandon", layer=lambda: Abandon(), x=lambda: rng().normal(0, 1, (4, 5)), constants={"p", "apprentissage"}),
    dict(name="normalisation_par_lot", layer=lambda: NormalisationParLot(3), x=lambda: rng().normal(0, 1, (5, 3)),
         constants={"epsilon"}),
    # le chemin de la variance manque
    dict(name="normalisation_sans_variance", layer=lambda: NormalisationSansVariance(3),
         x=lambda: rng().normal(0, 1, (5, 3)), constants={"epsilon"}, wrong={"input": {"missing_branch"}}),
    dict(name="cellule_recurrente", layer=lambda: CelluleRecurrente(3, 4), x=lambda: rng().normal(0, 1, (5, 2, 3))),
    dict(name="table_de_mots", layer=lambda: TableDeMots(6, 3), x=lambda: np.array([[0, 2, 2, 5], [1, 2, 3, 0]]),
         convention="gradient_table s'accumule jusqu'a remise_a_zero()"),
    dict(name="bloc_residuel", layer=lambda: BlocResiduel(3), x=lambda: rng().normal(0, 1, (4, 3))),
]
