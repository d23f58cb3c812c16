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
# # Softmax et entropie croisée, composées à la main
#
# Une seule couche dense classe des chiffres manuscrits. Softmax et entropie croisée y sont écrites
# avec `exp`, `sum`, `/` et `log` : le gradient $(\hat{y} - y)/N$ n'est donné nulle part, la
# rétropropagation le trouve. Nous le comparons à la formule, nous entraînons, puis nous regardons
# quelles classes se confondent.
#
# À installer, à la racine du dépôt : `pip install -e ".[data,plot]"`

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
# Les 1 797 chiffres de scikit-learn, de 8 × 8 pixels, aplatis en vecteurs de 64 valeurs. Quatre
# cinquièmes servent à l'entraînement.

# %%
images, etiquettes = tg.data.load_digits()
donnees = tg.data.ArrayDataset(images.reshape(-1, 64), etiquettes)
entrainement, test = donnees.split(0.8, seed=0)
x, c = entrainement[:]
x_test, c_test = test[:]
N, C = len(x), 10
y = np.eye(C)[c]  # encodage 1 parmi C
x.shape, y.shape

# %% [markdown]
# ## Le modèle
#
# $$z = x W + b, \qquad \hat{y}_{nk} = \frac{e^{z_{nk}}}{\sum_j e^{z_{nj}}}, \qquad
# L = -\frac{1}{N} \sum_n \sum_k y_{nk} \ln \hat{y}_{nk}.$$

# %%
rng = np.random.default_rng(0)
W = tg.Tensor(0.01 * rng.normal(size=(64, C)), requires_grad=True, name="W")
b = tg.Tensor(np.zeros(C), requires_grad=True, name="b")


def avant(x, y):
    z = (x @ W + b).named("z")
    y_hat = tg.exp(z) / tg.exp(z).sum(axis=1, keepdims=True)
    L = -(y * tg.log(y_hat)).sum() / len(x)
    return z, y_hat, L


# %% [markdown]
# ## Le gradient
#
# La jacobienne de softmax a des termes hors diagonale, $-\hat{y}_i \hat{y}_j$. Multipliée par le
# gradient amont $-y/(N \hat{y})$, elle se simplifie : il reste $(\hat{y} - y)/N$, parce que les
# étiquettes de chaque exemple somment à 1.

# %%
z, y_hat, L = avant(x, y)
L.backward(retain_grads=True)
ecart = (y_hat.data - y) / N
assert np.allclose(z.grad.data, ecart)
assert np.allclose(W.grad.data, x.T @ ecart)
assert np.allclose(b.grad.data, ecart.sum(axis=0))
print(f"perte {L.item():.4f}, ln 10 = {np.log(10):.4f}")
print(f"plus grand écart avec la formule : {np.abs(z.grad.data - ecart).max():.1e}")

# %% [markdown]
# La même chose, demandée à `verify` sur quelques exemples : le rapport compare votre formule à la
# rétropropagation et aux différences finies.

# %%
entrees = {"x": x[:6].astype(float), "W": W.data, "b": b.data, "y": c[:6]}
rapport = tg.verify.hand(
    lambda x, W, b, y: tg.cross_entropy((x @ W + b).named("z"), y),
    entrees,
    {
        "z": lambda z, y: (tg.softmax(z) - np.eye(10)[y]) / len(y),
        "W": lambda x, dz: x.T @ dz,
        "b": lambda dz: dz.sum(axis=0),
    },
)
print(rapport)
assert rapport

# %% [markdown]
# ## L'entraînement
#
# Descente de gradient par mini-lots de 64 exemples. La forme composée convient à ces petits
# scores ; pour de grands scores, `exp` déborderait, et `tg.cross_entropy`, qui soustrait le
# maximum de chaque ligne, s'impose.

# %%
historique = tg.training.History()
for epoque in range(1, 31):
    ordre = rng.permutation(N)
    for debut in range(0, N, 64):
        lot = ordre[debut : debut + 64]
        W.grad = b.grad = None
        avant(x[lot], y[lot])[2].backward()
        with tg.no_grad():
            W -= 0.5 * W.grad
            b -= 0.5 * b.grad
    with tg.no_grad():
        z, _, L = avant(x, y)
        z_test, _, L_test = avant(x_test, np.eye(C)[c_test])
    historique.epochs.append(
        {
            "epoch": epoque,
            "loss": L.item(),
            "accuracy": (z.data.argmax(axis=1) == c).mean(),
            "valid_loss": L_test.item(),
            "valid_accuracy": (z_test.data.argmax(axis=1) == c_test).mean(),
        }
    )
exactitude = historique["valid_accuracy"][-1]
print(f"{100 * exactitude:.1f} % de bonnes réponses sur les chiffres de test")
assert exactitude > 0.93

# %%
montrer(tg.plot.history(historique), "softmax_historique.png")

# %% [markdown]
# ## Quelles classes se confondent ?
#
# Une ligne par chiffre écrit, une colonne par chiffre reconnu : les erreurs sont hors de la
# diagonale.

# %%
montrer(tg.plot.confusion_matrix(c_test, z_test.data), "softmax_confusion.png")

# %% [markdown]
# ## Ce que la couche a appris
#
# Chaque colonne de $W$ a la forme d'une image : claire là où un pixel allumé parle pour le chiffre,
# sombre là où il parle contre lui.

# %%
montrer(tg.plot.images(W.data.T.reshape(10, 8, 8), np.arange(10), columns=5), "softmax_poids.png")
