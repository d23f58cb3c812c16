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
# # Emporter les poids dans PyTorch
#
# Le réseau du cours est entraîné ici, ses poids sont écrits dans un fichier safetensors, et PyTorch
# les relit tels quels : noms, formes et ordre des axes sont les siens. Les deux bibliothèques
# donnent alors les mêmes scores.
#
# À installer, à la racine du dépôt : `pip install -e ".[data,io]"`, et `pip install torch` pour la
# seconde partie. Sans PyTorch, le programme s'arrête après avoir écrit le fichier.

# %%
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_fr as tg

# %% [markdown]
# ## L'entraînement

# %%
images, etiquettes = tg.data.load_digits()
entrainement, test = tg.data.ArrayDataset(images, etiquettes).split(0.8, seed=0)
x_test, y_test = test[:]

tg.manual_seed(0)
modele = tg.nn.models.course_cnn(classes=10, size=8)
historique = tg.fit(
    modele,
    tg.data.DataLoader(entrainement, batch_size=64, shuffle=True, seed=0),
    test,
    loss=tg.cross_entropy,
    optimizer=tg.optim.Adam(modele.parameters(), lr=0.02),
    epochs=5,
    metrics=["accuracy"],
    progress=False,
)
print(f"{100 * historique['valid_accuracy'][-1]:.1f} % de bonnes réponses sur le jeu de test")

# %% [markdown]
# ## Les poids dans un fichier
#
# `state_dict` donne les tableaux par nom ; `save` les écrit. Le fichier ne contient que des nombres
# et des noms : le relire n'exécute aucun code.

# %%
dossier = tempfile.TemporaryDirectory()
fichier = Path(dossier.name) / "poids.safetensors"
tg.save(modele.state_dict(), fichier, metadata={"modele": "course_cnn(classes=10, size=8)"})
print(f"{fichier.name} : {fichier.stat().st_size} octets")
for nom, tableau in tg.load(fichier).items():
    print(f"{nom:10} {tableau.shape} {tableau.dtype}")

# %% [markdown]
# ## Les mêmes poids dans PyTorch
#
# Le même réseau, écrit avec `torch.nn`, charge le fichier sans rien renommer.

# %%
try:
    import torch
    from safetensors.torch import load_file
except ImportError as erreur:
    torch = None
    print("PyTorch n'est pas installé : la suite est sautée.")
    print(f"({erreur}) Installez-le avec : pip install torch")

# %%
if torch is not None:
    jumeau = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(72, 10),
    )
    jumeau.load_state_dict(load_file(fichier))

    with torch.no_grad():
        scores_torch = jumeau(torch.from_numpy(x_test)).numpy()
    with tg.no_grad():
        scores = modele(x_test).data
    print(f"plus grand écart entre les scores : {np.abs(scores - scores_torch).max():.1e}")
    print(f"plus grand score : {np.abs(scores).max():.1f}")
    assert np.allclose(scores, scores_torch, atol=1e-4)
    assert (scores.argmax(axis=1) == scores_torch.argmax(axis=1)).all()

# %% [markdown]
# Les gradients aussi sont les mêmes : un lot, une perte, un `backward` de chaque côté.

# %%
if torch is not None:
    x, y = x_test[:32], y_test[:32]
    perte_torch = torch.nn.functional.cross_entropy(
        jumeau(torch.from_numpy(x)), torch.from_numpy(y)
    )
    perte_torch.backward()
    modele.zero_grad()
    tg.cross_entropy(modele(x), y).backward()
    ici, ailleurs = dict(modele.named_parameters()), dict(jumeau.named_parameters())
    for nom in ici:
        ecart = np.abs(ici[nom].grad.data - ailleurs[nom].grad.numpy()).max()
        print(f"{nom:10} écart des gradients {ecart:.1e}")
        assert ecart < 1e-5

# %% [markdown]
# Le chemin inverse est le même : `safetensors.torch.save_file(jumeau.state_dict(), fichier)`, puis
# `modele.load_state_dict(tg.load(fichier))`.

# %%
if torch is not None:
    from safetensors.torch import save_file

    save_file(jumeau.state_dict(), fichier)
    modele.load_state_dict(tg.load(fichier))
    with tg.no_grad():
        assert np.array_equal(modele(x_test).data, scores)

dossier.cleanup()
