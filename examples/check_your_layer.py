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
# # Faire vérifier une couche écrite à la main
#
# Vous avez écrit une couche en NumPy, avec sa phase arrière. `tg.verify.layer` la prend telle
# quelle, compare ses gradients aux différences finies de sa propre phase avant, nomme l'erreur et
# dit où commencer. Trois couches sont vérifiées ici, chacune avec une erreur habituelle, que nous
# réparons.
#
# À installer, à la racine du dépôt : `pip install -e .`

# %%
import numpy as np

import tinygrad_fr as tg

rng = np.random.default_rng(0)

# %% [markdown]
# ## Une couche dense : une somme oubliée
#
# La phase arrière range les gradients des paramètres dans `dW` et `db`, et renvoie celui de
# l'entrée. Une erreur s'y cache.


# %%
class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d_out):
        self.dW = self.x.T @ d_out
        self.db = d_out
        return d_out @ self.W.T


W, b, x = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=(6, 5))
rapport = tg.verify.layer(Dense(W, b), x)
print(rapport)
assert rapport["b"].diagnoses[0].kind == "not_summed"

# %% [markdown]
# Le biais sert à chaque exemple du lot : son gradient est la somme de leurs contributions.


# %%
class DenseReparee(Dense):
    def backward(self, d_out):
        d_x = super().backward(d_out)
        self.db = d_out.sum(axis=0)
        return d_x


rapport = tg.verify.layer(DenseReparee(W, b), x)
rapport.show(hints="kind")
assert rapport

# %% [markdown]
# Un rapport est vrai quand rien n'est faux : `assert rapport` suffit dans vos propres tests.
#
# ## Softmax : la diagonale seule
#
# La dérivée $p_i (1 - p_i)$ est celle de la sigmoïde. Softmax mélange toutes les entrées d'une
# ligne : sa jacobienne a aussi des termes hors diagonale, $-p_i p_j$.


# %%
class Softmax:
    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, d_p):
        return d_p * self.p * (1 - self.p)


z = rng.normal(size=(6, 4))
rapport = tg.verify.layer(Softmax(), z, reference=tg.softmax)
print(rapport)
assert rapport["output"].verdict == "correct"
assert rapport["input"].diagnoses[0].kind == "diagonal_only"

# %% [markdown]
# `reference=` a aussi vérifié la phase avant : elle est juste, seul le gradient ne l'est pas. Le
# produit de la jacobienne transposée par le gradient amont s'écrit sans former la matrice :
# $\partial L/\partial z = p \odot (\bar{p} - \sum_k \bar{p}_k p_k)$.


# %%
class SoftmaxReparee(Softmax):
    def backward(self, d_p):
        return self.p * (d_p - (d_p * self.p).sum(axis=1, keepdims=True))


rapport = tg.verify.layer(SoftmaxReparee(), z, reference=tg.softmax)
rapport.show(hints="kind")
assert rapport

# %% [markdown]
# ## Max-pooling : les ex æquo
#
# Les couches de sous-échantillonnage cachent une erreur que des nombres tirés au hasard ne montrent
# jamais : deux maxima égaux dans une fenêtre. Les images réelles en sont pleines (un fond uni).


# %%
class MaxPooling:
    def forward(self, x):
        self.x = x
        n, h, w = x.shape
        self.sortie = x.reshape(n, h // 2, 2, w // 2, 2).max(axis=(2, 4))
        return self.sortie

    def backward(self, d_out):
        def agrandir(a):
            return a.repeat(2, axis=1).repeat(2, axis=2)

        return agrandir(d_out) * (self.x == agrandir(self.sortie))


sans_ex_aequo = rng.normal(size=(2, 4, 6))
print(tg.verify.layer(MaxPooling(), sans_ex_aequo))

# %% [markdown]
# Tout est juste, mais regardez la dernière partie du rapport : elle dit ce que ces données ne
# pouvaient pas montrer. Essayons avec des entiers, où les ex æquo abondent.

# %%
avec_ex_aequo = rng.integers(0, 3, (2, 4, 6)).astype(float)
rapport = tg.verify.layer(MaxPooling(), avec_ex_aequo)
print(rapport)
assert rapport["input"].diagnoses[0].kind == "max_ties"

# %% [markdown]
# Chaque maximum reçoit tout le gradient amont, qui est ainsi compté plusieurs fois. Il suffit de
# choisir un seul gagnant par fenêtre, le premier par exemple.


# %%
class MaxPoolingRepare(MaxPooling):
    def forward(self, x):
        n, h, w = x.shape
        fenetres = x.reshape(n, h // 2, 2, w // 2, 2).swapaxes(2, 3)
        fenetres = fenetres.reshape(n, h // 2, w // 2, 4)
        self.forme, self.gagnant = x.shape, fenetres.argmax(axis=-1)[..., None]
        return fenetres.max(axis=-1)

    def backward(self, d_out):
        n, h, w = self.forme
        fenetres = np.zeros((*d_out.shape, 4))
        np.put_along_axis(fenetres, self.gagnant, d_out[..., None], axis=-1)
        return fenetres.reshape(n, h // 2, w // 2, 2, 2).swapaxes(2, 3).reshape(self.forme)


rapport = tg.verify.layer(MaxPoolingRepare(), avec_ex_aequo)
rapport.show(hints="kind")
assert rapport

# %% [markdown]
# Et si vous choisissez le dernier gagnant plutôt que le premier ? Le maximum n'est pas dérivable en
# un ex æquo : votre gradient y est l'un des sous-gradients possibles, et il est accepté.


# %%
class DernierGagnant(MaxPoolingRepare):
    def forward(self, x):
        sortie = super().forward(x)
        n, h, w = x.shape
        fenetres = x.reshape(n, h // 2, 2, w // 2, 2).swapaxes(2, 3)
        fenetres = fenetres.reshape(n, h // 2, w // 2, 4)
        self.gagnant = 3 - fenetres[..., ::-1].argmax(axis=-1)[..., None]
        return sortie


rapport = tg.verify.layer(DernierGagnant(), avec_ex_aequo)
print(rapport["input"])
assert rapport["input"].verdict == "kink"

# %% [markdown]
# La même vérification existe en ligne de commande :
# `tinygrad-fr check mon_fichier.py:Softmax --input 6,4 --reference softmax`.
