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
# # Un réseau récurrent lit La Fontaine, lettre à lettre
#
# Quel caractère vient après « le renar » ? Un réseau récurrent simple et une LSTM l'apprennent sur
# douze fables, puis sont mesurés sur trois fables jamais vues, face à ce que savent déjà de simples
# comptages.
#
# À installer, à la racine du dépôt : `pip install -e .`

# %%
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

import tinygrad_fr as tg

COURT = "EXEMPLE_COURT" in os.environ  # un simple aperçu, que les tests de la bibliothèque lancent
PAS = 10 if COURT else 1000
GRAINE = 0  # du partage des fables, des poids et des lots ; en script : python character_rnn.py 1
if "ipykernel" not in sys.modules and len(sys.argv) > 1:
    GRAINE = int(sys.argv[1])

# %% [markdown]
# ## Les données
#
# Dix-huit fables, tirées au sort : douze pour apprendre, trois pour régler (quand s'arrêter,
# combien lisser), trois pour le test final. Les majuscules sont abaissées.

# %%
dossier = Path(__file__).parent if "__file__" in globals() else Path()
source, *fables = (dossier / "fables.txt").read_text("utf-8").lower().strip().split("\n\n")
ALPHABET = sorted(set("\n".join(fables)))
V = len(ALPHABET)
numeros = {caractere: i for i, caractere in enumerate(ALPHABET)}


def coder(texte):
    return np.array([numeros[caractere] for caractere in texte])


rng = np.random.default_rng(GRAINE)
ordre = rng.permutation(len(fables))
entrainement, reglage, test = (
    coder("\n\n" + "\n\n".join(fables[i] for i in part))
    for part in (ordre[6:], ordre[3:6], ordre[:3])
)
print(f"{len(entrainement)} caractères pour apprendre, {len(reglage)} pour régler,")
print(f"{len(test)} de test, parmi {V} caractères différents")

# %% [markdown]
# ## La référence : compter
#
# Le **bigramme** compte, dans les fables apprises, ce qui suit chaque caractère. Un couple jamais
# vu ne doit pas avoir une probabilité nulle : les comptes sont mêlés à la distribution plus courte,
# avec un poids $\beta$ ; pour le trigramme, qui regarde deux caractères en arrière,
#
# $$P(c \mid ab) = \frac{N(abc) + \beta P(c \mid b)}{N(ab) + \beta},$$
#
# et ainsi de suite. Chaque $\beta$ est choisi sur les fables de réglage.


# %%
def ngramme(suite, betas):
    """P(caractère | les n - 1 d'avant), de forme (V, ..., V), avec un lissage par ordre."""
    p = np.full(V, 1 / V)
    for n, beta in enumerate(betas, start=1):
        comptes = np.zeros((V,) * n)
        np.add.at(comptes, tuple(np.lib.stride_tricks.sliding_window_view(suite, n).T), 1)
        p = (comptes + beta * p) / (comptes.sum(axis=-1, keepdims=True) + beta)
    return p


def perte_ngramme(p, suite):
    """L'entropie croisée, en nats par caractère ; les deux premiers caractères sont donnés."""
    fenetres = np.lib.stride_tricks.sliding_window_view(suite[3 - p.ndim :], p.ndim)
    return -np.log(p[tuple(fenetres.T)]).mean()


pertes, betas = {}, []
for nom in ("unigramme", "bigramme", "trigramme"):
    essais = [[*betas, beta] for beta in (0.3, 1, 3, 10, 30, 100)]
    betas = min(essais, key=lambda b: perte_ngramme(ngramme(entrainement, b), reglage))
    pertes[nom] = perte_ngramme(ngramme(entrainement, betas), test)
    print(f"{nom:10} beta {betas[-1]:4} : {pertes[nom]:.3f} nats par caractère de test")

# %% [markdown]
# ## Les réseaux
#
# Chaque caractère a son vecteur ; la couche récurrente lit ces vecteurs l'un après l'autre et garde
# un état, qui résume tout ce qui précède ; une couche dense en tire un score par caractère. Avec si
# peu de texte, il faut régulariser : un petit état, et du dropout de part et d'autre. `fused=True`
# fait de toutes les étapes de la LSTM une seule opération, deux fois plus rapide.


# %%
class Modele(tg.nn.Module):
    def __init__(self, couche, cachees=64):
        self.vecteurs = tg.nn.Embedding(V, 24)
        self.recurrente = couche(24, cachees, batch_first=True)
        self.dropout = tg.nn.Dropout(0.3)
        self.sortie = tg.nn.Linear(cachees, V)

    def forward(self, x, etat=None):
        y, etat = self.recurrente(self.dropout(self.vecteurs(x)), etat)
        return self.sortie(self.dropout(y)), etat


def perte_modele(modele, suite):
    """La même mesure que pour les comptages, d'une seule lecture."""
    modele.eval()
    with tg.no_grad():
        scores, _ = modele(suite[None, :-1])
        perte = tg.cross_entropy(scores[0, 1:], suite[2:]).item()
    modele.train()
    return perte


# %% [markdown]
# L'entraînement tire des fenêtres de 48 caractères. Le gradient traverse 48 fois la même matrice :
# il peut exploser, d'où l'écrêtage de sa norme (`clip_grad_norm`). Tous les 50 pas nous mesurons
# sur les fables de réglage, et nous gardons les poids de la meilleure mesure (arrêt précoce).


# %%
def entrainer(couche, pas, graine, longueur=48, lot=24):
    tg.manual_seed(graine)
    rng = np.random.default_rng(graine)
    modele = Modele(couche)
    optimiseur = tg.optim.Adam(modele.parameters(), lr=1e-2)
    plan = tg.optim.CosineAnnealingLR(optimiseur, pas)
    meilleure = np.inf
    for etape in range(1, pas + 1):
        debuts = rng.integers(0, len(entrainement) - longueur, lot)
        x = entrainement[debuts[:, None] + np.arange(longueur + 1)]
        scores, _ = modele(x[:, :-1])
        perte = tg.cross_entropy(scores.reshape(-1, V), x[:, 1:].ravel())
        optimiseur.zero_grad()
        perte.backward()
        tg.optim.clip_grad_norm(modele.parameters(), 1.0)
        optimiseur.step()
        plan.step()
        if etape % 50 == 0 or etape == pas:
            mesure = perte_modele(modele, reglage)
            if mesure < meilleure:
                meilleure, poids = mesure, modele.state_dict()
            if etape % 200 == 0:
                print(f"  pas {etape:4} : apprises {perte.item():.3f}, réglage {mesure:.3f}")
    modele.load_state_dict(poids)
    return modele


for nom, couche in {"RNN": tg.nn.RNN, "LSTM": partial(tg.nn.LSTM, fused=True)}.items():
    print(nom)
    modele = entrainer(couche, PAS, GRAINE)
    pertes[nom] = perte_modele(modele, test)

# %%
for nom, perte in pertes.items():
    print(f"{nom:10} {perte:.3f} nats par caractère ; avance {pertes['bigramme'] - perte:+.3f}")
assert COURT or pertes["LSTM"] < pertes["bigramme"] - 0.4

# %% [markdown]
# Avec les graines 0 à 4 (donc cinq partages des fables), la LSTM gagne de 0,42 à 0,48 nat par
# caractère sur le bigramme, et de 0,11 à 0,15 sur le trigramme ; le réseau simple, de 0,31 à 0,35
# sur le bigramme, et vaut à peu près le trigramme. En si peu de texte, compter est un bon
# adversaire.
#
# ## Il écrit
#
# Le réseau tire un caractère, le lit à son tour, et ainsi de suite ; l'état suffit, le début n'est
# lu qu'une fois. Une température de 0,7 divise les scores : les caractères probables le deviennent
# davantage.


# %%
def ecrire(modele, debut, longueur=300, temperature=0.7, graine=0):
    rng = np.random.default_rng(graine)
    modele.eval()
    texte, etat, lus = debut, None, coder(debut)
    with tg.no_grad():
        for _ in range(longueur):
            scores, etat = modele(lus[None], etat)
            p = tg.softmax(scores.data[0, -1].astype(float) / temperature)
            lus = rng.choice(V, size=1, p=p)
            texte += ALPHABET[lus[0]]
    return texte


print(ecrire(modele, "\nle renard et "))
