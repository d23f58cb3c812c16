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
# # Le réseau du cours sur vos photographies
#
# Un dossier, un sous-dossier par classe, des photographies dedans : c'est tout ce qu'il faut pour
# entraîner le réseau du cours à les reconnaître.
#
# - En script : `python course_cnn_photos.py MON_DOSSIER`.
# - Dans un carnet : donnez votre dossier à la variable `DOSSIER`.
#
# Sans dossier, le programme dessine lui-même un petit jeu de fausses photographies de cinq sortes
# de fleurs, dans un dossier temporaire.
#
# À installer, à la racine du dépôt : `pip install -e ".[data,plot]"`

# %%
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import tinygrad_fr as tg


def montrer(figure, fichier):
    """Affiche la figure dans un carnet ; lancé comme script, l'enregistre."""
    if "ipykernel" in sys.modules:
        return figure
    figure.savefig(fichier)
    print("figure enregistrée :", fichier)
    return None


# %%
DOSSIER = None  # par exemple "mes_photos", qui contient mes_photos/rose, mes_photos/tulipe, ...
TAILLE = 50  # côté des images, en pixels : 50 comme dans le cours
PAR_CLASSE = 100  # photographies par classe, au plus
EPOQUES = 10

if "ipykernel" not in sys.modules and len(sys.argv) > 1:
    DOSSIER = sys.argv[1]

# %% [markdown]
# ## De fausses photographies
#
# Chaque « fleur » a sa forme ; sa couleur, le fond, la taille, la position et l'éclairage changent
# d'une image à l'autre.

# %%
BLANC, JAUNE, ORANGE = (240, 240, 235), (235, 205, 40), (240, 160, 20)
ROUGE, ROSE = (190, 35, 60), (220, 110, 160)
FLEURS = {  # nombre de pétales, largeur d'un pétale, rayon du cœur, couleurs possibles
    "marguerite": (12, 0.16, 0.30, [BLANC, BLANC, ROSE]),
    "pissenlit": (40, 0.05, 0.15, [JAUNE, JAUNE, BLANC]),
    "rose": (5, 0.55, 0.20, [ROUGE, ROSE, JAUNE, BLANC]),
    "tournesol": (18, 0.12, 0.55, [JAUNE, ORANGE]),
    "tulipe": (3, 0.40, 0.05, [ROUGE, ROSE, JAUNE, ORANGE]),
}


def dessiner(rng, petales, largeur, coeur, couleurs, cote=96):
    """Une fleur vue de dessus, sur un fond de feuillage flou."""
    fond = rng.integers(20, 150, (8, 8, 3)) * np.array([0.7, 1.0, 0.5])
    image = Image.fromarray(fond.astype(np.uint8)).resize((cote, cote), Image.Resampling.BICUBIC)
    dessin = ImageDraw.Draw(image)
    centre = cote / 2 + rng.uniform(-8, 8, 2)
    rayon, depart = cote * rng.uniform(0.28, 0.44), rng.uniform(0, 6)
    teinte = np.array(couleurs[rng.integers(len(couleurs))]) * rng.uniform(0.6, 1.05)
    for angle in depart + 2 * np.pi * np.arange(petales) / petales:
        axe = rayon * np.array([np.cos(angle), np.sin(angle)])
        travers = largeur * np.array([-axe[1], axe[0]])
        coins = [centre, centre + 0.6 * axe + travers, centre + axe, centre + 0.6 * axe - travers]
        nuance = tuple((teinte * rng.uniform(0.8, 1)).astype(int).tolist())
        dessin.polygon([tuple(coin.tolist()) for coin in coins], fill=nuance)
    boite = [*(centre - coeur * rayon).tolist(), *(centre + coeur * rayon).tolist()]
    dessin.ellipse(boite, fill=(90, 60, 20))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))


def fabriquer(dossier, par_classe, graine=0):
    """Écrit un petit jeu de fausses photographies, un sous-dossier par sorte."""
    rng = np.random.default_rng(graine)
    for nom, forme in FLEURS.items():
        (dossier / nom).mkdir()
        for i in range(par_classe):
            dessiner(rng, *forme).save(dossier / nom / f"{i:03}.jpg", quality=90)


temporaire = None
if DOSSIER is None:
    temporaire = tempfile.TemporaryDirectory()
    DOSSIER = temporaire.name
    fabriquer(Path(DOSSIER), PAR_CLASSE)
# %% [markdown]
# ## Les données
#
# `ImageFolder` lit le dossier, réduit chaque photographie à la taille demandée et donne à chaque
# sous-dossier un numéro de classe. Nous gardons au plus `PAR_CLASSE` photographies par classe.

# %%
photos = tg.data.ImageFolder(DOSSIER, size=TAILLE, channels=3)
classes = photos.classes
rng = np.random.default_rng(0)
gardees = [
    rng.permutation(np.flatnonzero(photos.labels == classe))[:PAR_CLASSE]
    for classe in range(len(classes))
]
images, etiquettes = photos.batch(np.concatenate(gardees))
entrainement, test = tg.data.ArrayDataset(images, etiquettes).split(0.8, seed=0)
x_test, y_test = test[:]
print(f"{len(classes)} classes : {', '.join(classes)}")
print(f"{len(entrainement)} photographies pour l'entraînement, {len(test)} pour le test")

# %%
montrer(tg.plot.images(x_test[:8], y_test[:8], classes=classes), "photos_exemples.png")

# %% [markdown]
# ## L'entraînement
#
# Le réseau du cours, avec trois canaux d'entrée pour la couleur. Les photographies retournées de
# gauche à droite sont aussi des photographies : cette augmentation enrichit le jeu d'entraînement.
# L'ordonnanceur fait des pas de plus en plus courts.

# %%
tg.manual_seed(0)
modele = tg.nn.models.course_cnn(classes=len(classes), size=TAILLE, channels=3)
print(modele.summary())

# %%
augmente = tg.data.AugmentedDataset(entrainement, tg.data.RandomHorizontalFlip(), seed=0)
optimiseur = tg.optim.Adam(modele.parameters(), lr=0.002)
historique = tg.fit(
    modele,
    tg.data.DataLoader(augmente, batch_size=32, shuffle=True, seed=0),
    test,
    loss=tg.cross_entropy,
    optimizer=optimiseur,
    scheduler=tg.optim.CosineAnnealingLR(optimiseur, T_max=EPOQUES),
    epochs=EPOQUES,
    metrics=["accuracy"],
    progress=False,
)
exactitude = historique["valid_accuracy"][-1]
print(f"{100 * exactitude:.0f} % de bonnes réponses sur les photos de test")
print(f"au hasard : {100 / len(classes):.0f} %")

# %%
montrer(tg.plot.history(historique), "photos_historique.png")

# %% [markdown]
# L'écart entre les deux courbes est du surapprentissage : le réseau retient ses photographies
# d'entraînement mieux qu'il ne reconnaît les autres. Davantage de photographies le réduiraient.
#
# ## La matrice de confusion

# %%
with tg.no_grad():
    scores = modele(x_test).data
montrer(tg.plot.confusion_matrix(y_test, scores, classes=classes), "photos_confusion.png")

# %% [markdown]
# ## Des réponses
#
# Quatre erreurs, s'il y en a tant, puis des réponses justes.

# %%
juste = scores.argmax(axis=1) == y_test
choix = np.concatenate([np.flatnonzero(~juste)[:4], np.flatnonzero(juste)])[:8]
montrer(
    tg.plot.images(x_test[choix], y_test[choix], scores[choix], classes=classes),
    "photos_reponses.png",
)

# %% [markdown]
# ## Les filtres et ce qu'ils voient
#
# En couleur, un filtre a trois canaux : il répond à une teinte autant qu'à une forme.

# %%
montrer(tg.plot.filters(modele), "photos_filtres.png")

# %%
montrer(tg.plot.activations(modele, x_test[0]), "photos_cartes.png")

# %%
if temporaire is not None:
    temporaire.cleanup()
