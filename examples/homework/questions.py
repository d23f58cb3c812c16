"""Le devoir vu par le correcteur : ce qui est demandé, sur quelles données, pour combien de points.

C'est le fichier à adapter pour un autre devoir. Les données sont tirées à nouveau pour chaque
copie : des formes toutes différentes, des ex æquo dans les fenêtres, des lots de toute taille.
"""

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.grade import Question, integers, normal, one_hot

N, D, C = 6, 5, 4


def scores(rng):
    """Des scores, pour un lot d'une taille quelconque."""
    return {"z": rng.normal(size=(rng.integers(4, 9), C))}


def predictions(rng):
    """Des probabilités et leurs étiquettes."""
    n = rng.integers(4, 9)
    return {"p": rng.dirichlet(np.full(C, 2.0), n), "y": np.eye(C)[rng.integers(0, C, n)]}


def grands_scores(rng):
    """Des scores dont l'exponentielle déborde, dans un sens ou dans l'autre."""
    return rng.normal(size=(2, 3)) + np.array([[1000.0], [-2000.0]])


QUESTIONS = (
    Question("Softmax", "Softmax", {"output": 1, "input": 3}, scores, tg.softmax),
    Question("Softmax, grands scores", "Softmax", {"output": 1}, {"z": grands_scores}, tg.softmax),
    Question(
        "Entropie croisée", "EntropieCroisee", {"output": 1, "input": 2},
        inputs=predictions, reference=lambda p, y: -(y * tg.log(p)).sum() / len(y),
    ),
    Question(
        "Gradient des scores", "gradient_logits", {"z": 3},
        inputs={"z": normal(N, C), "y": one_hot(N, C)}, reference=tg.cross_entropy,
    ),
    Question(
        "Couche dense", "Dense", {"output": 1, "input": 1, "W": 1, "b": 1},
        inputs={"x": normal(N, D)}, parameters={"W": normal(D, C), "b": normal(C)},
        reference=lambda x, W, b: x @ W + b,
    ),
    Question(
        "Max-pooling", "MaxPooling", {"output": 1, "input": 1.5},
        inputs={"x": integers(-3, 4, 2, 3, 4, 6)}, reference=lambda x: tg.max_pool2d(x, 2),
    ),
    Question(
        "Convolution", "Convolution", {"output": 0.5, "input": 1, "filtres": 1},
        inputs={"images": normal(3, 6, 5)}, parameters={"filtres": normal(2, 3, 3)},
        reference=lambda images, filtres: tg.conv2d(images[:, None], filtres[:, None]),
    ),
)  # fmt: skip
