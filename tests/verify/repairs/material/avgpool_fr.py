"""Couche de pooling moyen, TP en francais: noms francais, boucles, fenetre non carree (N, C, H, L)."""
import numpy as np


class PoolingMoyen:
    def __init__(self, hauteur=2, largeur=3, pas=1):
        self.hauteur = hauteur
        self.largeur = largeur
        self.pas = pas

    def propagation(self, entree):
        self.entree = entree
        nb, canaux, H, L = entree.shape
        H_sortie = (H - self.hauteur) // self.pas + 1
        L_sortie = (L - self.largeur) // self.pas + 1
        sortie = np.zeros((nb, canaux, H_sortie, L_sortie))
        for y in range(H_sortie):
            for x in range(L_sortie):
                haut, gauche = y * self.pas, x * self.pas
                fenetre = entree[:, :, haut:haut + self.hauteur, gauche:gauche + self.largeur]
                sortie[:, :, y, x] = fenetre.mean(axis=(2, 3))
        return sortie

    # noms attendus par la classe Reseau
    def forward(self, entree):
        return self.propagation(entree)

    def backward(self, grad_sortie):
        return self.retropropagation(grad_sortie)

    def retropropagation(self, grad_sortie):
        grad_entree = np.zeros_like(self.entree)
        H_s, L_s = grad_sortie.shape[2:]
        # chaque pixel de la fenetre recoit la meme part
        nb_pixels = self.hauteur * self.largeur
        for ligne in range(H_s):
            for colonne in range(L_s):
                debut_h = ligne * self.pas
                debut_l = colonne * self.pas
                fin_h = debut_h + self.hauteur
                fin_l = debut_l + self.largeur
                part = grad_sortie[:, :, ligne, colonne] / nb_pixels
                grad_entree[:, :, debut_h:fin_h, debut_l:fin_l] += part[:, :, None, None]
        return grad_entree


def example(rng):
    return PoolingMoyen(2, 3, 2), rng.standard_normal((2, 3, 4, 9))


def sized(rng):
    return PoolingMoyen(3, 2, 1), rng.standard_normal((3, 2, 5, 4))


MISTAKES = [
    (" / nb_pixels", "", "forgotten factor",
     "The gradient is copied to the window without dividing."),
    ("nb_pixels = self.hauteur * self.largeur", "nb_pixels = self.hauteur + self.largeur",
     "constant", "Sum instead of product of the two sides."),
    ("nb_pixels = self.hauteur * self.largeur", "nb_pixels = self.hauteur ** 2", "constant",
     "The window is taken to be square."),
    ("nb_pixels = self.hauteur * self.largeur", "nb_pixels = H_s * L_s", "wrong count",
     "The number of windows instead of the number of pixels of a window."),
    ("debut_l:fin_l] += part", "debut_l:fin_l] = part", "= for +=",
     "Windows that overlap overwrite one another."),
    ("""                debut_h = ligne * self.pas
                debut_l = colonne * self.pas
""", """                debut_h = ligne
                debut_l = colonne
""", "stride forgotten, two", "The stride is missing in both directions."),
    ("""                fin_h = debut_h + self.hauteur
                fin_l = debut_l + self.largeur
""", """                fin_h = debut_h + self.largeur
                fin_l = debut_l + self.hauteur
""", "height and width exchanged, two", "The two sides of the window are swapped."),
    ("fin_l = debut_l + self.largeur", "fin_l = debut_l + self.pas", "stride for size",
     "The window's end uses the stride."),
    ("debut_l = colonne * self.pas", "debut_l = colonne * self.largeur", "size for stride",
     "The window's width is taken for the stride."),
    ("grad_entree[:, :, debut_h:fin_h, debut_l:fin_l] += part[:, :, None, None]",
     "grad_entree[:, :, debut_h, debut_l] += part", "one pixel only",
     "Only the upper left pixel gets its part."),
    ("part = grad_sortie[:, :, ligne, colonne] / nb_pixels",
     "part = grad_sortie[:, :, ligne, colonne].mean(axis=0, keepdims=True) / nb_pixels",
     "mean too many", "Averaged over the batch as well."),
]
