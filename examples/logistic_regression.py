# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Régression logistique : une frontière droite
#
# Un neurone sépare deux nuages de points du plan. La perte est composée d'opérations ordinaires,
# le gradient $(\hat{y} - y)/N$ en tombe de lui-même, et une boucle de cinq lignes fait la descente
# de gradient.
#
# À installer, à la racine du dépôt : `pip install -e ".[plot]"`

# %%
import sys

import numpy as np

import tinygrad_fr as tg


def montrer(figure, fichier):
    """Affiche la figure dans un carnet ; lancé comme script, l'enregistre."""
    if "ipykernel" in sys.modules:
        return figure
    figure.savefig(fichier)
    print("figure enregistrée :", fichier)
    return None


# %% [markdown]
# ## Les données
#
# Cent points par classe, tirés autour de deux centres. Les classes se recouvrent un peu : aucune
# droite ne les sépare tout à fait.

# %%
rng = np.random.default_rng(0)
N = 200
y = np.repeat([0.0, 1.0], N // 2)
centres = np.array([[-1.0, -0.5], [1.0, 1.0]])
x = centres[y.astype(int)] + rng.normal(scale=0.9, size=(N, 2))
x.shape, y.shape

# %% [markdown]
# ## Le modèle et sa perte
#
# Le score est $z = x w + b$, la probabilité prédite de la classe 1 est $\hat{y} = \sigma(z)$, et le
# coût est l'entropie croisée binaire, en moyenne sur les $N$ exemples :
#
# $$L = -\frac{1}{N} \sum_n \left( y_n \ln \hat{y}_n + (1 - y_n) \ln (1 - \hat{y}_n) \right).$$

# %%
w = tg.Tensor(np.zeros((2, 1)), requires_grad=True, name="w")
b = tg.Tensor(np.zeros(1), requires_grad=True, name="b")
etiquettes = y[:, None]


def score(x):
    return (x @ w + b).named("z")


def perte(z):
    y_hat = 1 / (1 + tg.exp(-z))
    return -(etiquettes * tg.log(y_hat) + (1 - etiquettes) * tg.log(1 - y_hat)).mean()


# %% [markdown]
# Avec des poids nuls, le modèle donne une chance sur deux à chaque classe : la perte vaut
# $\ln 2$.

# %%
z = score(x)
L = perte(z)
L.backward(retain_grads=True)
print(f"perte {L.item():.6f}, ln 2 = {np.log(2):.6f}")

# %% [markdown]
# ## Le gradient
#
# À la main, la règle de la chaîne donne $\partial L/\partial z = (\hat{y} - y)/N$, puis
# $\partial L/\partial w = x^\top (\hat{y} - y)/N$ et $\partial L/\partial b = \sum_n (\hat{y}_n -
# y_n)/N$. La bibliothèque n'a enregistré que des exponentielles, des logarithmes et des quotients :
# elle trouve la même chose.

# %%
y_hat = tg.sigmoid(z.data)
ecart = (y_hat - etiquettes) / N
assert np.allclose(z.grad.data, ecart)
assert np.allclose(w.grad.data, x.T @ ecart)
assert np.allclose(b.grad.data, ecart.sum(axis=0))
print("dL/dw =", w.grad.data.ravel())

# %% [markdown]
# ## La descente de gradient
#
# Chaque pas calcule la perte, rétropropage, puis retranche aux paramètres une fraction de leur
# gradient. Ces mises à jour ne font pas partie du modèle : `no_grad` dit de ne pas les enregistrer.

# %%
taux = 1.0
historique = tg.training.History()
for etape in range(1, 101):
    z = score(x)
    L = perte(z)
    w.grad = b.grad = None
    L.backward()
    with tg.no_grad():
        w -= taux * w.grad
        b -= taux * b.grad
    exactitude = ((z.data > 0) == (etiquettes == 1)).mean()
    historique.epochs.append({"epoch": etape, "loss": L.item(), "accuracy": exactitude})
print(f"perte {L.item():.3f}, taux de bonnes réponses {100 * exactitude:.1f} %")
assert L.item() < 0.3

# %%
montrer(tg.plot.history(historique), "regression_historique.png")

# %% [markdown]
# ## La frontière
#
# La probabilité vaut 1/2 là où le score est nul : sur la droite $x w + b = 0$. Le vecteur $w$ lui
# est perpendiculaire et pointe vers la classe 1.


# %%
def modele(points):
    return points @ w.data + b.data


montrer(tg.plot.decision_boundary(modele, x, y.astype(int)), "regression_frontiere.png")

# %% [markdown]
# Vérifions-le sur deux points de la droite : leur différence est orthogonale à $w$.

# %%
abscisses = np.array([-2.0, 2.0])
ordonnees = -(abscisses * w.data[0] + b.data) / w.data[1]
droite = np.stack([abscisses, ordonnees], axis=1)
assert np.allclose(modele(droite), 0)
assert np.isclose((droite[1] - droite[0]) @ w.data[:, 0], 0)
print("deux points de la frontière :", droite.round(2).tolist())
