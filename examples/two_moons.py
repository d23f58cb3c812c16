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
# # Deux lunes : une frontière courbe
#
# Deux croissants imbriqués ne se séparent pas par une droite. Un perceptron à deux couches cachées
# apprend une frontière qui les contourne ; nous suivons son entraînement époque par époque, puis
# nous regardons sa frontière de décision.
#
# À installer, à la racine du dépôt : `pip install -e ".[data,plot]"`

# %%
import sys

import numpy as np
from sklearn.datasets import make_moons

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
# Six cents points, bruités. Un quart est mis de côté : le modèle ne les verra pas pendant
# l'entraînement.

# %%
x, y = make_moons(600, noise=0.2, random_state=0)
entrainement, test = tg.data.ArrayDataset(x.astype(np.float32), y).split(0.75, seed=0)
x_test, y_test = test[:]
len(entrainement), len(test)

# %% [markdown]
# ## D'abord une droite
#
# Une seule couche dense donne deux scores par point : sa frontière est une droite, ici comme pour
# la régression logistique.


# %%
def entrainer(modele, epoques):
    optimiseur = tg.optim.Adam(modele.parameters(), lr=0.01)
    return tg.fit(
        modele,
        tg.data.DataLoader(entrainement, batch_size=32, shuffle=True, seed=0),
        test,
        loss=tg.cross_entropy,
        optimizer=optimiseur,
        epochs=epoques,
        metrics=["accuracy"],
        progress=False,
    )


tg.manual_seed(0)
droite = tg.nn.Linear(2, 2)
historique = entrainer(droite, epoques=30)
resultat_droite = historique["valid_accuracy"][-1]
print(f"droite : {100 * resultat_droite:.1f} % de bonnes réponses sur les points de test")

# %% [markdown]
# ## Puis un perceptron multicouche
#
# Deux couches cachées de seize neurones, avec ReLU entre les couches. Les scores passent par la
# softmax de l'entropie croisée ; elle n'est donc pas dans le modèle.

# %%
tg.manual_seed(0)
modele = tg.nn.models.mlp([2, 16, 16, 2])
print(modele.summary())

# %%
historique = entrainer(modele, epoques=40)
resultat = historique["valid_accuracy"][-1]
print(f"perceptron : {100 * resultat:.1f} % de bonnes réponses sur les points de test")
assert resultat > resultat_droite + 0.05

# %%
montrer(tg.plot.history(historique), "lunes_historique.png")

# %% [markdown]
# L'étoile marque l'époque de la plus petite perte sur les points de test. Quand cette perte cesse
# de baisser alors que celle d'entraînement baisse encore, le réseau commence à retenir le bruit :
# c'est le surapprentissage.
#
# ## Les deux frontières

# %%
montrer(tg.plot.decision_boundary(droite, x_test, y_test), "lunes_droite.png")

# %%
montrer(tg.plot.decision_boundary(modele, x_test, y_test), "lunes_perceptron.png")

# %% [markdown]
# La frontière du perceptron est faite de morceaux de droites : entre deux points anguleux de ses
# ReLU, le réseau est une fonction affine. Remplacez `ReLU` par `Tanh`
# (`tg.nn.models.mlp([2, 16, 16, 2], tg.nn.Tanh)`) : elle devient lisse.
