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
# # Le réseau du cours sur des chiffres manuscrits
#
# Huit filtres de 3 × 3, un max-pooling 2 × 2, une couche dense, softmax et entropie croisée : c'est
# le réseau des documents du cours. Nous l'entraînons en quelques secondes sur les chiffres de
# scikit-learn, puis nous ouvrons le réseau : ses erreurs, ses filtres, ses cartes de
# caractéristiques.
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
# Les images sont agrandies de 8 × 8 à 16 × 16 pixels : la convolution a ainsi de la place. Avec
# `size=50`, ici et dans le réseau, vous auriez les 24 × 24 × 8 = 4608 valeurs du cours.

# %%
images, etiquettes = tg.data.load_digits(size=16)
entrainement, test = tg.data.ArrayDataset(images, etiquettes).split(0.8, seed=0)
x_test, y_test = test[:]
montrer(tg.plot.images(images[:16], etiquettes[:16]), "chiffres_exemples.png")

# %% [markdown]
# ## Le réseau
#
# La dernière couche donne dix scores. La softmax appartient à la perte.

# %%
tg.manual_seed(0)
modele = tg.nn.models.course_cnn(classes=10, size=16)
print(modele.summary())

# %% [markdown]
# ## L'entraînement

# %%
historique = tg.fit(
    modele,
    tg.data.DataLoader(entrainement, batch_size=64, shuffle=True, seed=0),
    test,
    loss=tg.cross_entropy,
    optimizer=tg.optim.Adam(modele.parameters(), lr=0.01),
    epochs=6,
    metrics=["accuracy"],
    progress=False,
)
exactitude = historique["valid_accuracy"][-1]
print(f"{100 * exactitude:.1f} % de bonnes réponses sur {len(test)} chiffres jamais vus")
assert exactitude > 0.95

# %%
montrer(tg.plot.history(historique), "chiffres_historique.png")

# %% [markdown]
# ## Le gradient des scores
#
# Sur un lot de test, la rétropropagation retrouve la formule du cours, $(\hat{y} - y)/N$, à la
# précision des nombres de 32 bits.

# %%
N = 32
z = tg.Tensor(modele(x_test[:N]).data, requires_grad=True, name="z")
tg.cross_entropy(z, y_test[:N]).backward()
formule = (tg.softmax(z.data) - np.eye(10)[y_test[:N]]) / N
assert np.allclose(z.grad.data, formule, atol=1e-6)
print(f"plus grand écart : {np.abs(z.grad.data - formule).max():.1e}")

# %% [markdown]
# ## La matrice de confusion

# %%
with tg.no_grad():
    scores = modele(x_test).data
predictions = scores.argmax(axis=1)
montrer(tg.plot.confusion_matrix(y_test, predictions), "chiffres_confusion.png")

# %% [markdown]
# ## Quelques erreurs
#
# Les chiffres mal reconnus, les plus assurés d'abord : le réseau donnait à sa mauvaise réponse une
# grande probabilité.

# %%
confiance = tg.softmax(scores).max(axis=1)
fausses = np.flatnonzero(predictions != y_test)
fausses = fausses[np.argsort(-confiance[fausses])][:8]
print(f"{(predictions != y_test).sum()} erreurs")
print("probabilités données aux mauvaises réponses :", *(f"{p:.2f}" for p in confiance[fausses]))

# %%
montrer(
    tg.plot.images(x_test[fausses], y_test[fausses], predictions[fausses]), "chiffres_erreurs.png"
)

# %% [markdown]
# ## Les filtres et ce qu'ils voient
#
# Les huit filtres appris, puis les cartes de caractéristiques d'un chiffre : après la convolution,
# puis après le max-pooling. Un filtre clair en haut et sombre en bas répond aux bords horizontaux.

# %%
montrer(tg.plot.filters(modele), "chiffres_filtres.png")

# %%
montrer(tg.plot.activations(modele, x_test[0]), "chiffres_cartes.png")
