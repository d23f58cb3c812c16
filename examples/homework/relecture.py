"""Relit le devoir avant de le rendre : ``python relecture.py``, à côté de ``devoir.py``.

La bibliothèque compare chaque gradient aux différences finies de votre propre phase avant, et dit
où se trouve la plus grande erreur. La correction emploie d'autres données, et demande le gradient
de l'entrée de chaque couche. La bibliothèque s'installe dans son dossier : ``pip install -e .``.
"""

import devoir
import numpy as np

import tinygrad_fr as tg

rng = np.random.default_rng(2024)
z, y = rng.normal(size=(6, 4)), np.eye(4)[[0, 3, 1, 1, 2, 0]]
x, W, b = rng.normal(size=(6, 5)), rng.normal(size=(5, 4)), rng.normal(size=4)
cartes = rng.integers(0, 3, (2, 3, 4, 6)).astype(float)
images, filtres = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 3, 3))


def perte(z, y):
    """L'entropie croisée moyenne de softmax(z)."""
    return tg.cross_entropy(z, y)


def montrer(nom, rapport):
    """Affiche un rapport sous son titre."""
    print(f"\n{nom}")
    rapport.show(hints="where")


montrer("Softmax", tg.verify.layer(devoir.Softmax(), z, reference=tg.softmax))
montrer("EntropieCroisee", tg.verify.layer(devoir.EntropieCroisee(), (tg.softmax(z), y)))
formule = {"z": lambda z, y: devoir.gradient_logits(z, y)}
montrer("gradient_logits", tg.verify.hand(perte, {"z": z, "y": y}, formule))
montrer("Dense", tg.verify.layer(devoir.Dense(W, b), x))
montrer("MaxPooling", tg.verify.layer(devoir.MaxPooling(), cartes))
montrer("Convolution", tg.verify.layer(devoir.Convolution(filtres), images))
