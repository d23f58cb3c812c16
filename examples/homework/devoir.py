"""Devoir : la rétropropagation écrite à la main.

Complétez les fonctions qui lèvent ``NotImplementedError``, avec NumPy seulement. Ne changez ni les
noms, ni les arguments. Les exemples sont en lignes : ``N`` est le nombre d'exemples du lot, ``C``
le nombre de classes, ``D`` le nombre d'entrées.

Règles communes à toutes les couches :

- ``forward`` calcule la sortie et met en cache dans ``self`` ce dont la phase arrière aura besoin ;
- ``backward`` reçoit le gradient amont, de la forme de la sortie, et renvoie le gradient aval, de
  la forme de l'entrée ; il range dans ``self`` les gradients des paramètres ;
- ni l'un ni l'autre ne modifie les tableaux reçus : travaillez sur une copie.

Pour vous relire, lancez ``python relecture.py`` : la bibliothèque juge chaque fonction et dit où se
trouve la plus grande erreur. Ne rendez que ce fichier-ci.
"""

import numpy as np


class Softmax:
    """Softmax de chaque ligne : des scores aux probabilités."""

    def forward(self, z):
        """Renvoie les probabilités (N, C) des scores z (N, C).

        Les scores peuvent être grands (1000 par exemple) :
        l'exponentielle ne doit pas déborder.
        """
        raise NotImplementedError("à compléter")

    def backward(self, d_p):
        """Renvoie dL/dz (N, C), étant donné d_p = dL/dp (N, C).

        Établissez d'abord la jacobienne de softmax, termes hors diagonale
        compris. Le gradient amont d_p est quelconque : ne supposez pas
        qu'une seule de ses valeurs est non nulle.
        """
        raise NotImplementedError("à compléter")


class EntropieCroisee:
    """Entropie croisée, en moyenne sur le lot."""

    def forward(self, p, y):
        """Renvoie la perte, un nombre : la moyenne sur le lot de -somme(y ln p).

        p (N, C) contient les probabilités prédites, y (N, C) les étiquettes, 1 parmi C.
        """
        raise NotImplementedError("à compléter")

    def backward(self):
        """Renvoie dL/dp (N, C)."""
        raise NotImplementedError("à compléter")


def gradient_logits(z, y):
    """Renvoie dL/dz (N, C) pour L = entropie croisée moyenne de softmax(z), en une formule.

    z (N, C) contient les scores, y (N, C) les étiquettes, 1 parmi C.
    """
    raise NotImplementedError("à compléter")


class Dense:
    """Couche dense : z = x W + b."""

    def __init__(self, W, b):
        self.W = W  # (D, C)
        self.b = b  # (C,)

    def forward(self, x):
        """Renvoie z (N, C), étant donné x (N, D)."""
        raise NotImplementedError("à compléter")

    def backward(self, d_z):
        """Range dL/dW dans self.dW et dL/db dans self.db, renvoie dL/dx (N, D)."""
        raise NotImplementedError("à compléter")


class MaxPooling:
    """Sous-échantillonnage par le maximum, sur des fenêtres 2 x 2 disjointes."""

    def forward(self, x):
        """Renvoie les maxima (N, F, H/2, W/2), étant donné x (N, F, H, W), H et W pairs."""
        raise NotImplementedError("à compléter")

    def backward(self, d_out):
        """Renvoie dL/dx (N, F, H, W).

        Si plusieurs valeurs d'une fenêtre sont ex æquo, une seule reçoit le gradient.
        """
        raise NotImplementedError("à compléter")


class Convolution:
    """Convolution sans bordure ni biais (une corrélation croisée : le noyau n'est pas retourné)."""

    def __init__(self, filtres):
        self.filtres = filtres  # (F, 3, 3)

    def forward(self, images):
        """Renvoie les cartes de caractéristiques (N, F, H-2, W-2) des images (N, H, W)."""
        raise NotImplementedError("à compléter")

    def backward(self, d_out):
        """Range le gradient des filtres dans self.d_filtres, renvoie celui des images (N, H, W)."""
        raise NotImplementedError("à compléter")
