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
# # De NumPy aux Tensors
#
# Le même réseau, écrit quatre fois : tout à la main en NumPy ; avec des Tensors, qui calculent les
# gradients ; avec des modules, qui tiennent les paramètres ; avec `fit`, qui tient la boucle. À
# chaque étape nous vérifions que rien n'a changé.
#
# À installer, à la racine du dépôt : `pip install -e .`

# %%
import numpy as np

import tinygrad_fr as tg

# %% [markdown]
# ## Les données
#
# Trois spirales dans le plan, une par classe. Les poids de départ sont communs aux quatre versions.

# %%
rng = np.random.default_rng(0)
N, H, C = 150, 32, 3
y = np.arange(N) % C
rayon = np.linspace(0.1, 1, N)
angle = 4 * rayon + 2 * np.pi * y / C
x = np.stack([rayon * np.cos(angle), rayon * np.sin(angle)], axis=1)
Y = np.eye(C)[y]

depart = {
    "W1": rng.normal(size=(2, H)),
    "b1": np.zeros(H),
    "W2": rng.normal(size=(H, C)) / np.sqrt(H),
    "b2": np.zeros(C),
}
TAUX, PAS = 0.5, 300

# %% [markdown]
# ## 1. Tout à la main
#
# Une couche cachée avec tanh, softmax, entropie croisée. La phase arrière suit la règle de la
# chaîne, de la perte vers l'entrée ; `a1` est mis en cache par la phase avant.


# %%
def pas_a_la_main(p):
    a1 = np.tanh(x @ p["W1"] + p["b1"])
    z2 = a1 @ p["W2"] + p["b2"]
    e = np.exp(z2 - z2.max(axis=1, keepdims=True))
    y_hat = e / e.sum(axis=1, keepdims=True)
    perte = -(Y * np.log(y_hat)).sum() / N

    dz2 = (y_hat - Y) / N
    dz1 = (dz2 @ p["W2"].T) * (1 - a1**2)
    gradients = {
        "W1": x.T @ dz1,
        "b1": dz1.sum(axis=0),
        "W2": a1.T @ dz2,
        "b2": dz2.sum(axis=0),
    }
    return perte, gradients


p = {nom: tableau.copy() for nom, tableau in depart.items()}
for _ in range(PAS):
    perte, gradients = pas_a_la_main(p)
    for nom in p:
        p[nom] -= TAUX * gradients[nom]
a_la_main, perte_a_la_main = p, perte
print(f"perte après {PAS} pas : {perte:.6f}")

# %% [markdown]
# ## 2. Avec des Tensors
#
# La phase avant ne change presque pas : les mêmes opérations, sur des Tensors. La phase arrière
# disparaît : chaque opération a été enregistrée avec sa dérivée locale, et `backward` parcourt le
# graphe à l'envers.


# %%
def perte_en_tensors(p):
    a1 = tg.tanh(x @ p["W1"] + p["b1"])
    return tg.cross_entropy(a1 @ p["W2"] + p["b2"], y)


p = {nom: tg.Tensor(t, requires_grad=True, name=nom) for nom, t in depart.items()}
L = perte_en_tensors(p)
L.backward()

attendus = pas_a_la_main(depart)[1]
for nom in p:
    assert np.allclose(p[nom].grad.data, attendus[nom])
    print(f"{nom} : plus grand écart {np.abs(p[nom].grad.data - attendus[nom]).max():.1e}")

# %% [markdown]
# L'entraînement entier suit le même chemin, à l'arrondi près.

# %%
for _ in range(PAS):
    for t in p.values():
        t.grad = None
    L = perte_en_tensors(p)
    L.backward()
    with tg.no_grad():
        for t in p.values():
            t -= TAUX * t.grad
print(f"perte : {L.item():.6f}, écart avec la première : {abs(L.item() - perte_a_la_main):.1e}")
assert np.allclose(p["W1"].data, a_la_main["W1"])

# %% [markdown]
# Vous voulez seulement un gradient, sans réécrire votre code ? `tg.grad` prend une fonction de
# tableaux et rend la fonction qui calcule son gradient.

# %%
dW1 = tg.grad(lambda W1: perte_en_tensors({**depart, "W1": W1}))(depart["W1"])
assert np.allclose(dW1, attendus["W1"])

# %% [markdown]
# ## 3. Avec des modules
#
# Un module tient ses paramètres et les donne à l'optimiseur. `Linear` range ses poids comme
# PyTorch : une ligne par sortie, la transposée des nôtres.

# %%
tg.set_default_dtype("float64")
modele = tg.nn.Sequential(tg.nn.Linear(2, H), tg.nn.Tanh(), tg.nn.Linear(H, C))
poids_de_depart = {
    "0.weight": depart["W1"].T,
    "0.bias": depart["b1"],
    "2.weight": depart["W2"].T,
    "2.bias": depart["b2"],
}
modele.load_state_dict(poids_de_depart)
optimiseur = tg.optim.SGD(modele.parameters(), lr=TAUX)
for _ in range(PAS):
    optimiseur.zero_grad()
    L = tg.cross_entropy(modele(x), y)
    L.backward()
    optimiseur.step()
print(f"perte : {L.item():.6f}")
assert np.allclose(modele.state_dict()["0.weight"], a_la_main["W1"].T)

# %% [markdown]
# ## 4. Avec `fit`
#
# La boucle elle-même est toujours la même : `fit` la tient, avec les lots, les mesures et
# l'historique. Un seul lot de `N` exemples par époque redonne notre descente de gradient.

# %%
modele.load_state_dict(poids_de_depart)
historique = tg.fit(
    modele,
    tg.data.DataLoader((x, y), batch_size=N),
    loss=tg.cross_entropy,
    optimizer=tg.optim.SGD(modele.parameters(), lr=TAUX),
    epochs=PAS,
    metrics=["accuracy"],
    progress=False,
)
print(f"perte : {historique['loss'][-1]:.6f}")
print(f"taux de bonnes réponses : {100 * historique['accuracy'][-1]:.1f} %")
assert np.isclose(historique["loss"][-1], perte_a_la_main)
assert np.allclose(modele.state_dict()["0.weight"], a_la_main["W1"].T)

# %% [markdown]
# Quatre écritures, les mêmes poids à la fin. Écrivez à la main pour comprendre, avec des Tensors
# pour essayer une idée, avec des modules et `fit` pour entraîner.
