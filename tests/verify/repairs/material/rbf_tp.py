"""Réseau à fonctions de base radiales (TP en français) : centres et largeurs appris, dictionnaires, boucles."""
import numpy as np


def propagation(X, parametres):
    """X (n, d) ; parametres : centres (k, d), log_largeur (k,), poids (k, s), biais (s,)."""
    C = parametres["centres"]
    gamma = np.exp(parametres["log_largeur"])
    n, k = X.shape[0], C.shape[0]
    dist2 = np.zeros((n, k))
    for i in range(n):
        for j in range(k):
            ecart = X[i] - C[j]
            dist2[i, j] = np.sum(ecart ** 2)
    phi = np.exp(-gamma * dist2)
    sortie = phi @ parametres["poids"] + parametres["biais"]
    memoire = {"X": X, "dist2": dist2, "phi": phi, "gamma": gamma, "parametres": parametres}
    return sortie, memoire


def retropropagation(dsortie, memoire):
    X, phi, dist2 = memoire["X"], memoire["phi"], memoire["dist2"]
    gamma, parametres = memoire["gamma"], memoire["parametres"]
    C = parametres["centres"]
    n, k = phi.shape
    gradients = {}
    # couche de sortie
    gradients["poids"] = phi.T @ dsortie
    gradients["biais"] = dsortie.sum(axis=0)
    dphi = dsortie @ parametres["poids"].T
    # exponentielle
    dexposant = dphi * phi
    # largeurs : exposant = -exp(log_largeur) * dist2
    gradients["log_largeur"] = np.sum(-dexposant * dist2, axis=0) * gamma
    # distances au carré
    ddist2 = -dexposant * gamma
    gradients["centres"] = np.zeros_like(C)
    gradients["X"] = np.zeros_like(X)
    for i in range(n):
        for j in range(k):
            ecart = X[i] - C[j]
            gradients["X"][i] += 2 * ddist2[i, j] * ecart
            gradients["centres"][j] -= 2 * ddist2[i, j] * ecart
    return gradients


def _donnees(rng, n, k):
    parametres = {"centres": rng.standard_normal((k, 3)), "log_largeur": rng.uniform(-1.5, -0.3, k),
                  "poids": rng.standard_normal((k, 2)), "biais": rng.standard_normal(2)}
    return rng.standard_normal((n, 3)), parametres


def example(rng):
    return (propagation, retropropagation), _donnees(rng, 5, 4)


def sized(rng):
    return (propagation, retropropagation), _donnees(rng, 7, 6)


MISTAKES = [
    ("gradients[\"centres\"][j] -= 2 *", "gradients[\"centres\"][j] += 2 *", "signe", "Le centre entre avec un signe moins."),
    ("gradients[\"centres\"][j] -= 2 * ddist2", "gradients[\"centres\"][j] = -2 * ddist2", "= au lieu de -=", "Seul le dernier exemple compte."),
    ("gradients[\"X\"][i] += 2 * ddist2[i, j] * ecart", "gradients[\"X\"][i] += ddist2[i, j] * ecart", "facteur 2", "La dérivée du carré a un facteur 2."),
    ("gradients[\"X\"][i] += 2 * ddist2[i, j] * ecart", "gradients[\"X\"][i] = 2 * ddist2[i, j] * ecart", "= au lieu de +=", "Seul le dernier centre compte."),
    ("gradients[\"X\"][i] += 2 * ddist2[i, j] * ecart", "gradients[\"X\"][i] += 2 * ddist2[i, j] * ecart ** 2", "puissance", "Le carré n'est pas dérivé."),
    ("dexposant = dphi * phi", "dexposant = dphi", "dérivée de l'exponentielle oubliée", "exp' = exp."),
    ("np.sum(-dexposant * dist2, axis=0) * gamma", "np.sum(-dexposant * dist2, axis=0)", "facteur gamma oublié", "Le paramètre est le logarithme de la largeur."),
    ("np.sum(-dexposant * dist2, axis=0) * gamma", "np.mean(-dexposant * dist2, axis=0) * gamma", "moyenne au lieu de somme", "Divisé par n."),
    ("ddist2 = -dexposant * gamma", "ddist2 = -dexposant / gamma", "division", "gamma multiplie la distance."),
    ("ddist2 = -dexposant * gamma", "ddist2 = -dexposant * np.exp(gamma)", "exponentielle deux fois", "gamma est déjà l'exponentielle."),
    ("dphi = dsortie @ parametres[\"poids\"].T", "dphi = np.outer(dsortie.sum(axis=1), parametres[\"poids\"].sum(axis=1))", "produit de sommes", "La somme sur les sorties est séparée."),
    ("            gradients[\"X\"][i] += 2 * ddist2[i, j] * ecart\n            gradients[\"centres\"][j] -= 2 * ddist2[i, j] * ecart",
     "            gradients[\"X\"][i] -= 2 * ddist2[i, j] * ecart\n            gradients[\"centres\"][j] += 2 * ddist2[i, j] * ecart",
     "two: signes échangés", "L'écart est pris dans l'autre sens."),
]
