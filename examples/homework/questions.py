"""Le devoir vu par le correcteur : ce qui est demandé, sur quelles données, pour combien de points.

C'est le fichier à adapter pour un autre devoir. Ne le distribuez pas : il contient les données de
la correction.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.verify import Entry, Report

# Points retirés à une question dont le code modifie les tableaux qu'il a reçus.
PENALTY = 0.5
# Part des points d'un gradient qui n'est juste que si l'amont a une seule valeur non nulle.
ONE_HOT_ONLY = 0.5
# Bibliothèques qui répondent à la place de l'étudiant : leur import est signalé à l'enseignant.
FORBIDDEN = {"autograd", "jax", "sympy", "tensorflow", "tinygrad_fr", "torch"}
# Le nom de chaque entrée du rapport dans le retour à l'étudiant.
WORDS = {
    "output": "phase avant", "input": "gradient de l'entrée", "filtres": "gradient des filtres",
}  # fmt: skip

Arrays = Mapping[str, Any]
# Reçoit la classe ou la fonction de l'étudiant ; renvoie le rapport et les noms des tableaux
# reçus que son code a modifiés.
Judge = Callable[[Any], tuple[Report, list[str]]]


@dataclass(frozen=True)
class Question:
    """Une question du devoir.

    ``name`` est le nom de la classe ou de la fonction dans le fichier rendu. ``points`` est le
    barème, entrée par entrée du rapport : ``output`` est la phase avant, ``input`` le gradient de
    l'entrée ; les autres entrées portent le nom de leur paramètre.
    """

    title: str
    name: str
    points: dict[str, float]
    judge: Judge

    @property
    def out_of(self) -> float:
        """Le total de la question."""
        return sum(self.points.values())


# --- façons de juger -----------------------------------------------------------------------------


def layer(reference: Callable[..., Any], inputs: Arrays, **parameters: Any) -> Judge:
    """Juge une classe : ``forward`` d'après ``reference``, les gradients d'après ``forward``.

    Les paramètres vont au constructeur. Une classe de plusieurs entrées est une perte, dont
    ``backward`` ne reçoit rien.
    """

    def judge(student: Any) -> tuple[Report, list[str]]:
        output, changed = rehearsal(student, inputs, parameters)
        if output is None:
            return Report({"output": comparison(None, None)}), changed
        values = tuple(copies(inputs).values())
        report = tg.verify.layer(
            student(*copies(parameters).values()),
            values if len(values) > 1 else values[0],
            reference=reference,
            repair=False,  # l'indice est celui que l'enseignant a choisi
        )
        if "output" not in report.entries:  # la phase arrière a échoué : la phase avant compte
            entry = comparison(output, reference(*inputs.values(), *parameters.values()))
            report = Report({"output": entry, **report.entries})
        return report, changed

    return judge


def formula(loss: Callable[..., Any], wrt: str, **inputs: Any) -> Judge:
    """Juge une fonction qui renvoie le gradient de ``loss`` par rapport à l'entrée ``wrt``."""

    def judge(student: Any) -> tuple[Report, list[str]]:
        given = copies(inputs)
        student(*given.values())
        gradient = lambda **known: student(*(known[name] for name in inputs))
        return tg.verify.hand(loss, inputs, {wrt: gradient}, repair=False), differing(given, inputs)

    return judge


def forward_only(reference: Callable[..., Any], **inputs: Any) -> Judge:
    """Juge la seule phase avant d'une classe sans paramètres."""

    def judge(student: Any) -> tuple[Report, list[str]]:
        output = student().forward(*copies(inputs).values())
        return Report({"output": comparison(output, reference(*inputs.values()))}), []

    return judge


def rehearsal(student: Any, inputs: Arrays, parameters: Arrays) -> tuple[Any, list[str]]:
    """La sortie de ``forward``, et les tableaux que la classe modifie en travaillant."""
    given, own = copies(inputs), copies(parameters)
    instance = student(*own.values())
    output = instance.forward(*given.values())
    expected = {**inputs, **parameters}
    received = {**given, **own}
    arguments = ()
    if len(inputs) == 1:  # une couche, qui reçoit un gradient amont ; une perte ne reçoit rien
        upstream = np.linspace(-1.0, 2.0, np.size(output)).reshape(np.shape(output))
        expected["le gradient amont"], received["le gradient amont"] = upstream, upstream.copy()
        arguments = (received["le gradient amont"],)
    with suppress(Exception):  # tg.verify dira laquelle, et à quelle ligne
        instance.backward(*arguments)
    return output, differing(received, expected)


def comparison(output: Any, expected: Any) -> Entry:
    """La phase avant comparée à ce qu'elle devrait donner."""
    if output is None:
        return Entry("output", "wrong", note="forward ne renvoie rien (None)")
    try:
        array = np.asarray(output, float)
    except (TypeError, ValueError):
        array = np.asarray(np.nan)
    if array.shape != np.shape(expected):
        text = f"la sortie a la forme {array.shape} au lieu de {np.shape(expected)}"
    elif not np.isfinite(array).all():
        text = "la sortie n'est pas faite de nombres finis"
    elif not np.allclose(array, expected):
        text = "la sortie n'a pas les bonnes valeurs"
    else:
        return Entry("output", "correct")
    return Entry("output", "wrong", note=text)


def copies(arrays: Arrays) -> dict[str, Any]:
    """Des copies, que l'étudiant peut abîmer."""
    return {name: np.array(array) for name, array in arrays.items()}


def differing(received: Arrays, expected: Arrays) -> list[str]:
    """Les noms des tableaux qui ont changé."""
    return [name for name in received if not np.array_equal(received[name], expected[name])]


# --- les questions -------------------------------------------------------------------------------

# Des formes toutes différentes, des ex æquo dans les fenêtres, aucun zéro : rien ne se cache.
RNG = np.random.default_rng(735)
N, D, C = 6, 5, 4
Z = RNG.normal(size=(N, C))
Y = np.eye(C)[[2, 0, 3, 3, 1, 2]]
LARGE = np.array([[1000.0, 998.0, 0.0], [-2000.0, -1999.0, -2001.0]])
X, W, B = RNG.normal(size=(N, D)), RNG.normal(size=(D, C)), RNG.normal(size=C)
MAPS = RNG.integers(1, 5, (2, 3, 4, 6)).astype(float)
IMAGES, FILTERS = RNG.normal(size=(3, 6, 5)), RNG.normal(size=(2, 3, 3))

QUESTIONS = (
    Question("Softmax", "Softmax", {"output": 1, "input": 3}, layer(tg.softmax, {"z": Z})),
    Question("Softmax, grands scores", "Softmax", {"output": 1}, forward_only(tg.softmax, z=LARGE)),
    Question(
        "Entropie croisée",
        "EntropieCroisee",
        {"output": 1, "input": 2},
        layer(lambda p, y: -(y * tg.log(p)).sum() / N, {"p": tg.softmax(Z), "y": Y}),
    ),
    Question(
        "Gradient des scores",
        "gradient_logits",
        {"z": 3},
        formula(lambda z, y: tg.cross_entropy(z, y), "z", z=Z, y=Y),
    ),
    Question(
        "Couche dense",
        "Dense",
        {"output": 1, "input": 1, "W": 1, "b": 1},
        layer(lambda x, W, b: x @ W + b, {"x": X}, W=W, b=B),
    ),
    Question(
        "Max-pooling",
        "MaxPooling",
        {"output": 1, "input": 1.5},
        layer(lambda x: tg.max_pool2d(x, 2), {"x": MAPS}),
    ),
    Question(
        "Convolution",
        "Convolution",
        {"output": 0.5, "input": 1, "filtres": 1},
        layer(
            lambda images, filtres: tg.conv2d(images[:, None], filtres[:, None]),
            {"images": IMAGES},
            filtres=FILTERS,
        ),
    ),
)
