"""Wrong uses: each error says what to do, in both languages."""

from __future__ import annotations

import copy
import pickle
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import data, nn, optim
from tinygrad_fr.errors import (
    ArgumentError,
    DTypeError,
    FileError,
    GraphError,
    IndexingError,
    NonFiniteError,
    ShapeError,
    SignatureError,
    TinygradError,
)


def leaf(value, name=None):
    return tg.Tensor(value, requires_grad=True, name=name)


def ones(*shape, name=None):
    return leaf(np.ones(shape), name)


def spent():
    y = ones(2).sum()
    y.backward()
    y.backward()


def under_no_grad():
    with tg.no_grad():
        y = ones(2).sum()
    y.backward()


def in_place():
    x = ones(2)
    x += 1.0


def in_place_on_result():
    y = ones(2) * 2.0
    with tg.no_grad():
        y += 1.0


def assignment():
    ones(2)[0] = 3.0


def data_of_result():
    y = ones(2) * 2.0
    y.data -= 1.0


def stale():
    w = ones(2, name="w")
    loss = (w * w).sum()
    w.data -= 0.1
    loss.backward()


def static_tensor():
    tg.leaky_relu(ones(3), leaf(0.1))


def wrong_closure():
    @tg.op("y = x", method=False)
    def broken(x):
        def to_x(g, y, x):
            return g.reshape(-1)[:1]

        return x * 1.0, to_x

    broken(ones(3)).sum().backward()


def generator():
    @tg.no_grad()
    def numbers():
        yield 1


def wrong_state():
    nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 2)), "offset": np.ones(1)})


def wrong_state_shape():
    nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 3)), "bias": np.ones(1)})


def fit_nothing():
    model = nn.Linear(2, 1)
    tg.fit(model, [], loss=tg.mse_loss, optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1,
           progress=False)  # fmt: skip


def fit_diverges():
    model = nn.Linear(1, 1)
    x = np.full((4, 1), np.inf)
    with np.errstate(all="ignore"):
        tg.fit(model, (x, x), loss=tg.mse_loss, epochs=1, progress=False,
               optimizer=optim.SGD(model.parameters(), lr=0.1))  # fmt: skip


def fit_with(**options):
    model = nn.Linear(1, 1)
    x = np.ones((4, 1))
    tg.fit(model, (x, x), loss=tg.mse_loss, progress=False,
           optimizer=optim.SGD(model.parameters(), lr=0.1), **{"epochs": 1, **options})  # fmt: skip


def augmented(transforms=None, images=None):
    images = np.ones((3, 1, 4, 4)) if images is None else images
    return data.AugmentedDataset((images, np.arange(3)), transforms or data.RandomShift(1))


def folder_of_folders():
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "train" / "rose").mkdir(parents=True)
        data.ImageFolder(root, 4)


def sgd():
    return optim.SGD([ones(1)], lr=0.1, momentum=0.9)


def clip_nan():
    w = ones(2)
    (w * np.nan).sum().backward()
    optim.clip_grad_norm([w], 1.0, error_if_nonfinite=True)


# action, class, words in English, words in French
WRONG_USES = {
    "matmul sizes": (
        lambda: leaf(np.ones((32, 4608)), "x") @ ones(5, 4608, name="W"), ShapeError,
        "matmul: x (32, 4608) and W (5, 4608) do not align: 4608 (axis 1 of x) != 5 (axis 0 of W)",
        "ne s'alignent pas",
    ),
    "matmul number": (lambda: ones(2) @ leaf(2.0), ShapeError, "multiply numbers with *", "avec *"),
    "matmul stacks": (
        lambda: ones(2, 3, 4) @ ones(3, 4, 5), ShapeError, "the stacks of", "les piles de",
    ),
    "broadcast": (
        lambda: ones(2, 3, name="a") + ones(2, 4, name="b"), ShapeError,
        "add: a (2, 3) and b (2, 4) cannot be broadcast together: 3 (axis 1 of a) != 4",
        "ne peuvent pas être diffusés",
    ),
    "reshape": (lambda: ones(2, 3).reshape(4), ShapeError, "reshape: x (2, 3)", "reshape : x (2, 3)"),
    "axis": (
        lambda: ones(2, 3).sum(2), ShapeError,
        "has no axis 2: its axes go from -2 to 1", "n'a pas d'axe 2",
    ),
    "index": (lambda: ones(3)[5], IndexingError, "getitem: x (3,)", "getitem : x (3,)"),
    "float index": (
        lambda: ones(3)[np.array([0.0])], IndexingError, "integers or booleans", "entiers",
    ),
    "concatenate": (
        lambda: tg.concatenate([ones(2, 3), ones(2, 4)]), ShapeError, "concatenate:", "concatenate",
    ),
    "broadcast_to": (
        lambda: tg.broadcast_to(ones(3), (2, 4)), ShapeError, "broadcast_to: x (3,)", "x (3,)",
    ),
    "transpose": (lambda: ones(2, 3).transpose(0, 0), ShapeError, "transpose: x", "transpose"),
    "strings": (lambda: ones(2) + "a", DTypeError, "cannot compute with", "impossible de calculer"),
    "unknown argument": (
        lambda: tg.softmax(ones(2), axes=0), SignatureError, "it takes (x, axis)", "prend (x, axis)",
    ),
    "conv channels": (
        lambda: tg.conv2d(ones(1, 3, 8, 8), ones(4, 1, 3, 3)), ShapeError,
        "expect 1: images are (N, C, H, W)", "les images sont de forme (N, C, H, W)",
    ),
    "conv axes": (
        lambda: tg.conv2d(ones(8, 8), ones(4, 1, 3, 3)), ShapeError, "add one with x[None]", "x[None]",
    ),
    "conv bias": (
        lambda: tg.conv2d(ones(1, 1, 8, 8), ones(4, 1, 3, 3), ones(3)), ShapeError,
        "one entry per filter", "par filtre",
    ),
    "conv window": (
        lambda: tg.conv2d(ones(1, 1, 2, 2), ones(4, 1, 3, 3)), ShapeError, "does not fit", "ne tient pas",
    ),
    "conv stride": (
        lambda: tg.conv2d(ones(1, 1, 8, 8), ones(4, 1, 3, 3), stride=0), ArgumentError,
        "integer of at least 1", "entier d'au moins 1",
    ),
    "pool axes": (lambda: tg.max_pool2d(ones(4, 4), 2), ShapeError, "4 axes", "4 axes"),
    "pool padding": (
        lambda: tg.max_pool2d(ones(1, 1, 4, 4), 2, padding=2), ArgumentError,
        "more than half of the window", "plus de la moitié",
    ),
    "labels out of range": (
        lambda: tg.cross_entropy(ones(2, 3), [0, 3]), ArgumentError,
        "class indices go from 0 to 2", "vont de 0 à 2",
    ),
    "labels from 1": (
        lambda: tg.cross_entropy(ones(2, 3), [-1, 2]), ArgumentError, "from 0 to 2", "de 0 à 2",
    ),
    "label count": (
        lambda: tg.cross_entropy(ones(2, 3), [0]), ShapeError, "one per example", "un pour chaque exemple",
    ),
    "soft label shape": (
        lambda: tg.cross_entropy(ones(2, 3), np.ones((2, 2))), ShapeError, "the shape of", "la forme de",
    ),
    "label dtype": (
        lambda: tg.cross_entropy(ones(2, 3), np.array([True, False])), DTypeError,
        "class indices (integers)", "indices de classes (entiers)",
    ),
    "reduction": (
        lambda: tg.mse_loss(ones(2), np.ones(2), reduction="avg"), ArgumentError, "mean", "mean",
    ),
    "empty batch": (
        lambda: tg.mse_loss(ones(0), np.ones(0)), ArgumentError, "the batch is empty", "le lot est vide",
    ),
    "bce of logits": (
        lambda: tg.binary_cross_entropy(leaf([3.0]), [1.0]), ArgumentError, "apply sigmoid", "sigmoid",
    ),
    "(N,) against (N, 1)": (
        lambda: tg.mse_loss(ones(3, 1), np.ones(3)), ShapeError, "compare every pair", "toutes les paires",
    ),
    "clip without bounds": (lambda: tg.clip(ones(2)), ArgumentError, "at least one bound", "une borne"),
    "integer array": (
        lambda: leaf(np.array([1, 2])), DTypeError, "only floating numbers have a gradient",
        "seuls les nombres à virgule",
    ),
    "ragged list": (lambda: tg.Tensor([[1.0], [1.0, 2.0]]), DTypeError, "regular grid", "grille"),
    "masked array": (
        lambda: tg.Tensor(np.ma.array([1.0, 2.0], mask=[0, 1])), DTypeError, ".filled(", ".filled(",
    ),
    "tensor of recorded": (lambda: tg.Tensor(ones(2) * 2.0), GraphError, ".detach()", ".detach()"),
    "asarray": (lambda: np.asarray(ones(2)), GraphError, ".detach()", ".detach()"),
    "array of tensors": (lambda: np.array([ones(2), ones(2)]), GraphError, ".detach()", ".detach()"),
    "numpy()": (lambda: ones(2).numpy(), GraphError, ".detach()", ".detach()"),
    "unknown numpy function": (
        lambda: np.fft.fft(ones(2)), GraphError, "np.fft.fft has no recorded form", "np.fft",
    ),
    "ufunc out": (
        lambda: np.add(ones(2), 1.0, out=np.ones(2)), GraphError, "r = r + t", "r = r + t",
    ),
    "item": (lambda: ones(2).item(), ShapeError, "reduce it first", "réduisez"),
    "truth": (lambda: bool(ones(2) > 0), ShapeError, ".any() or .all()", ".any()"),
    "len of scalar": (lambda: len(leaf(1.0)), DTypeError, "without axes", "sans axe"),
    "second backward": (spent, GraphError, "retain_graph=True", "retain_graph=True"),
    "backward of a vector": (lambda: ones(2).backward(), ShapeError, "reduce it (.sum()", ".sum()"),
    "backward of untracked": (
        lambda: tg.Tensor(1.0).backward(), GraphError, "requires_grad=True", "requires_grad=True",
    ),
    "backward under no_grad": (under_no_grad, GraphError, "under no_grad", "no_grad"),
    "upstream shape": (
        lambda: (ones(2) * 2).backward(np.ones(3)), ShapeError, "not (3,)", "(3,)",
    ),
    "gradient shape": (
        lambda: setattr(ones(2), "grad", np.ones(3)), ShapeError, "shape of its Tensor", "forme",
    ),
    "in place": (in_place, GraphError, "with tg.no_grad():", "with tg.no_grad():"),
    "in place on a result": (in_place_on_result, GraphError, "x = x + y", "x = x + y"),
    "assignment": (assignment, GraphError, "tg.where(mask, new, old)", "tg.where"),
    "data of a result": (data_of_result, GraphError, "in-place change", "sur place"),
    "stale": (stale, GraphError, "before the update", "avant la mise à jour"),
    "static tensor": (
        static_tensor, GraphError, "leaky_relu has no gradient with respect to negative_slope", "leaky_relu",
    ),
    "wrong closure": (
        wrong_closure, GraphError, "must have the shape of its input", "la forme de son entrée",
    ),
    "generator": (generator, ArgumentError, "use `with` inside numbers", "`with`"),
    "gradients of untracked": (
        lambda: tg.gradients(ones(2).sum(), tg.Tensor(1.0)), GraphError,
        "make it with requires_grad=True", "requires_grad=True",
    ),
    "grad of a vector": (
        lambda: tg.grad(lambda x: x * 2)(np.ones(2)), ShapeError, "use jacobian or vjp", "jacobian",
    ),
    "argnums": (
        lambda: tg.grad(lambda x: x.sum(), argnums=1)(np.ones(2)), ArgumentError,
        "none of the 1 arguments", "argnums",
    ),
    "float mask": (lambda: ones(2) & ones(2), DTypeError, "compare first", "comparez"),
    "state names": (
        wrong_state, ArgumentError, "missing bias; unknown offset", "bias",
    ),
    "state shape": (wrong_state_shape, ShapeError, "weight has the shape (1, 2)", "weight"),
    "function in Sequential": (
        lambda: nn.Sequential(tg.relu), DTypeError, "nn.ReLU()", "nn.ReLU()",
    ),
    "no forward": (lambda: nn.Module()(1.0), ArgumentError, "must define forward", "forward"),
    "Linear size": (lambda: nn.Linear(0, 1), ArgumentError, "integer of at least 1", "entier au moins"),
    "layer named": (
        lambda: nn.models.course_cnn()(np.ones((2, 3, 50, 50))), ShapeError,
        "[layer 0 (Conv2d)]", "[couche 0 (Conv2d)]",
    ),
    "Flatten": (lambda: nn.Flatten()(np.ones(3)), ShapeError, "x[None]", "x[None]"),
    "summary": (
        lambda: nn.Linear(2, 1).summary(), ArgumentError, "the shape of one example", "un exemple",
    ),
    "optimizer without parameters": (
        lambda: optim.SGD([], lr=0.1), ArgumentError, "model.parameters()", "model.parameters()",
    ),
    "optimizer twice": (
        lambda: optim.SGD([p := ones(2), p], lr=0.1), ArgumentError, "given twice", "deux fois",
    ),
    "optimizer of a result": (
        lambda: optim.SGD([ones(2) * 2], lr=0.1), ArgumentError, "a floating leaf", "feuille",
    ),
    "negative rate": (
        lambda: optim.SGD([ones(2)], lr=-1), ArgumentError, "lr is a number that is not negative", "positif ou nul",
    ),
    "nesterov": (
        lambda: optim.SGD([ones(2)], lr=1, nesterov=True), ArgumentError, "momentum above 0", "inertie",
    ),
    "fit on nothing": (fit_nothing, ArgumentError, "there is no batch", "aucun lot"),
    "fit diverges": (fit_diverges, TinygradError, "lower the learning rate", "taux d'apprentissage"),
    "no epochs": (lambda: fit_with(epochs=0), ArgumentError, "at least 1", "au moins"),
    "unknown metric": (
        lambda: fit_with(metrics=("precision",)), ArgumentError, "accuracy", "accuracy",
    ),
    "resume": (lambda: fit_with(resume=True), ArgumentError, "checkpoint=FILE", "checkpoint="),
    "language": (lambda: tg.set_language("de"), ArgumentError, "fr, en", "fr, en"),
    "default dtype": (
        lambda: tg.set_default_dtype(int), ArgumentError, "must be floating", "virgule",
    ),
    "check of integers": (
        lambda: tg.verify.check(lambda n: n, np.array([1])), ArgumentError, "floating", "virgule",
    ),
    "check leaves the graph": (
        lambda: tg.verify.check(lambda x: x.data, [1.0]), DTypeError, "must give a Tensor", "Tensor",
    ),
    "extract": (
        lambda: tg.graph.extract(np.ones(2)), DTypeError, "read from a Tensor", "Tensor",
    ),
    "split of augmented data": (
        lambda: augmented().split(0.8), ArgumentError,
        "split the data first, then augment one part", "partagez d'abord les données",
    ),
    "transform without ()": (
        lambda: augmented(data.RandomHorizontalFlip), DTypeError,
        "such as RandomShift(4), not RandomHorizontalFlip", "comme RandomShift(4)",
    ),
    "transform of one argument": (
        lambda: augmented(lambda images: images), DTypeError,
        "must take two arguments, f(images, rng)", "deux arguments, f(images, rng)",
    ),
    "transform that returns nothing": (
        lambda: augmented(lambda images, rng: None)[:], ShapeError,
        "must return an array of 3 images, as many as it is given, not NoneType",
        "doit renvoyer un tableau de 3 images",
    ),
    "transform of bytes": (
        lambda: augmented(images=np.ones((3, 1, 4, 4), np.uint8))[:], DTypeError,
        "floating images, not uint8: divide bytes by 255", "divisez les octets par 255",
    ),
    "transform of vectors": (
        lambda: augmented(images=np.ones((3, 4)))[:], ShapeError,
        "a batch of images (N, C, H, W), not (3, 4)", "un lot d'images (N, C, H, W), et non (3, 4)",
    ),
    "flip probability": (
        lambda: data.RandomHorizontalFlip(50), ArgumentError,
        "p lies between 0 and 1, not 50", "p est compris entre 0 et 1, et non 50",
    ),
    "shift": (
        lambda: data.RandomShift(-1), ArgumentError,
        "pixels is an integer of at least 0", "pixels",
    ),
    "fill": (
        lambda: data.RandomShift(1, fill="zeros"), ArgumentError,
        'fill is "reflect", "edge" or a number', 'fill vaut "reflect", "edge" ou un nombre',
    ),
    "crop too large": (
        lambda: augmented(data.RandomCrop(8, padding=1))[:], ShapeError,
        "a crop of (8, 8) does not fit into images of (4, 4) with a padding of (1, 1)",
        "une découpe de (8, 8) ne tient pas dans des images de (4, 4)",
    ),
    "degrees": (
        lambda: data.RandomRotation((10, -10)), ArgumentError,
        "degrees is an angle from 0 on, or (from, to), not (10, -10)", "degrees est un angle",
    ),
    "folder of folders": (
        folder_of_folders, FileError, "holds folders instead of images", "contient des dossiers au lieu d'images",
    ),
    "loader of a generator": (
        lambda: data.DataLoader(i for i in range(3)), ArgumentError, "give arrays", "tableaux",
    ),
    "empty data": (
        lambda: data.DataLoader(np.ones((0, 2))), ArgumentError, "the dataset is empty", "vide",
    ),
    "fraction in percent": (
        lambda: data.ArrayDataset(np.ones(3)).split(80), ArgumentError,
        "fraction lies between 0 and 1", "0 et 1",
    ),
    "tracked running mean": (
        lambda: tg.batch_norm(np.ones((3, 2)), leaf([0.0, 0.0]), np.ones(2)), GraphError,
        "batch_norm has no gradient with respect to running_mean", "n'a pas de gradient",
    ),
    "tracked slope": (
        lambda: tg.leaky_relu(np.ones(3), leaf(0.1)), GraphError,
        "leaky_relu has no gradient with respect to negative_slope", "n'a pas de gradient",
    ),
    "pad by a fraction": (
        lambda: ones(3).pad(1.7), ArgumentError, "made of integers, not 1.7", "des entiers, et non 1.7",
    ),
    "float labels": (
        lambda: tg.cross_entropy(ones(2, 3), np.array([0.0, 1.0])), DTypeError,
        "class indices are integers, not float64", "sont des entiers",
    ),
    "nan labels": (
        lambda: tg.cross_entropy(ones(2, 3), np.full((2, 3), np.nan)), ArgumentError,
        "the target probabilities hold NaN", "contiennent NaN",
    ),
    "nll labels": (
        lambda: tg.nll_loss(ones(2, 3), [0, 3]), ArgumentError, "class indices go from 0 to 2",
        "de 0 à 2",
    ),
    "nll one-hot": (
        lambda: tg.nll_loss(ones(2, 3), [[0, 1, 0], [1, 0, 0]]), ShapeError,
        "from one-hot rows take .argmax(-1)", "de lignes one-hot, prenez .argmax(-1)",
    ),
    "bce labels": (
        lambda: tg.binary_cross_entropy(leaf([0.5, 0.5]), [1, 2]), ArgumentError,
        "lie between 0 and 1; these go from 1.0 to 2.0", "entre 0 et 1",
    ),
    "bce nan labels": (
        lambda: tg.binary_cross_entropy_with_logits(ones(1), [np.nan]), ArgumentError,
        "targets of a binary classification", "classification binaire",
    ),
    "kl of logarithms": (
        lambda: tg.kl_divergence(np.log([0.5, 0.5]), [0.5, 0.5]), ArgumentError,
        "probabilities are not negative, and p goes down to", "ne sont pas négatives",
    ),
    "kl reduction": (
        lambda: tg.kl_div(ones(2), np.ones(2), "average"), ArgumentError,
        "batchmean, not 'average'", "et non 'average'",
    ),
    "l1 shapes": (
        lambda: tg.l1_loss(ones(3), np.ones((3, 1))), ShapeError, "would compare every pair",
        "la même forme",
    ),
    "bce of an empty batch": (
        lambda: tg.binary_cross_entropy_with_logits(ones(0), np.ones(0)), ArgumentError,
        "the batch is empty", "le lot est vide",
    ),
    "einsum unknown sign": (
        lambda: tg.einsum("ij;jk", ones(2, 2), ones(2, 2)), ArgumentError,
        """the subscripts "ij;jk" hold ';'""", "contiennent ';'",
    ),
    "einsum operands": (
        lambda: tg.einsum("ij,jk", ones(2, 2)), ArgumentError, "are for 2 operands, and 1 are given",
        "ceux de 2 opérandes",
    ),
    "einsum axes": (
        lambda: tg.einsum("ijk,jk", ones(2, 2), ones(2, 2)), ShapeError,
        'operand 0 of shape (2, 2) does not have the axes "ijk"', "n'a pas les axes",
    ),
    "einsum output": (
        lambda: tg.einsum("ij->ik", ones(2, 2)), ArgumentError,
        'the output letter "k" of "ij->ik"', 'la lettre de sortie "k"',
    ),
    "einsum sizes": (
        lambda: tg.einsum("ij,jk", ones(2, 3), ones(2, 3)), ShapeError,
        'the letter "j" stands for the sizes 3 and 2', "les tailles 3 et 2",
    ),
    "einsum ellipsis": (
        lambda: tg.einsum("...i->i", ones(2, 3)), ArgumentError, "add ... after ->", "ajoutez ...",
    ),
    "einsum without text": (
        lambda: tg.einsum(ones(2), "i"), DTypeError, "einsum", "einsum",
    ),
    "tensordot": (
        lambda: tg.tensordot(ones(2, 3), ones(2, 3), ([1], [0])), ShapeError,
        "the axes [1] of a (2, 3) do not match the axes [0] of b (2, 3)", "ne correspondent pas",
    ),
    "singular": (
        lambda: tg.inv(ones(2, 2)), ArgumentError, "singular to rounding", "singulière",
    ),
    "not square": (lambda: tg.det(ones(2, 3)), ShapeError, "x (2, 3) must be a square matrix", "carrée"),
    "not positive": (
        lambda: tg.cholesky(-np.eye(2)), ArgumentError, "not positive definite", "définie positive",
    ),
    "solve rows": (
        lambda: tg.solve(np.eye(3), ones(2)), ShapeError, "the rows of b (2,)", "autant de lignes",
    ),
    "norm of a matrix": (
        lambda: tg.norm(ones(2, 2), 3), ArgumentError, "no norm 3 over the axes (0, 1)", "donnez x.ravel()",
    ),
    "norm of a vector": (
        lambda: tg.norm(ones(2), "nuc"), ArgumentError, "one axis takes a number", "un axe demande un nombre",
    ),
    "vector_norm": (
        lambda: tg.vector_norm(ones(2, 2), ord="fro"), ArgumentError, "no norm 'fro'", "pas de norme 'fro'",
    ),
    "norm of NaN": (
        lambda: tg.norm(np.full((2, 2), np.nan), 2), ArgumentError, "x (2, 2) is not finite", "n'est pas finie",
    ),
    "vstack one": (lambda: tg.vstack(3.0), ArgumentError, "a list of arrays: [a, b]", "une liste de tableaux"),
    "vstack nothing": (lambda: tg.vstack([]), ArgumentError, "nothing to join", "rien à joindre"),
    "hstack shapes": (
        lambda: tg.hstack([ones(2, 2), ones(3, 2)]), ShapeError, "equal on all axes but axis 1", "sauf l'axe 1",
    ),
    "array_split": (
        lambda: ones(3).array_split(0), ArgumentError, "one or more parts, not 0", "une partie ou davantage",
    ),
    "diff": (lambda: ones(3).diff(-1), ArgumentError, "not -1 times", "pas -1 fois"),
    "diff of a number": (lambda: tg.diff(leaf(1.0)), ShapeError, "no axis -1", "pas d'axe -1"),
    "np.fmod": (lambda: np.fmod(ones(2), 2.0), GraphError, "np.fmod has no recorded form", "np.fmod"),
    "hypot": (lambda: tg.hypot(ones(2), ones(3)), ShapeError, "cannot be broadcast together", "ne peuvent"),
    "stack shapes": (
        lambda: tg.stack([ones(2), ones(3)]), ShapeError, "one shape, not [(2,), (3,)]", "même forme",
    ),
    "stack one": (lambda: tg.stack(ones(2)), ArgumentError, "a list of arrays", "une liste"),
    "split parts": (
        lambda: ones(5).split(2), ShapeError, "cannot be cut into 2 equal parts", "parties égales",
    ),
    "squeeze": (
        lambda: ones(2, 1).squeeze(0), ShapeError, "only axes of size 1", "axes de taille 1",
    ),
    "pad mode": (lambda: ones(2).pad(1, "mirror"), ArgumentError, "mode is one of", "mode prend"),
    "negative pad": (lambda: ones(2).pad(-1), ArgumentError, "cut with x[1:-1]", "x[1:-1]"),
    "take": (lambda: ones(2).take([0, 2]), IndexingError, "no entries at 0 to 2", "d'éléments"),
    "take floats": (
        lambda: ones(2).take([0.5]), IndexingError, "positions are integers", "des entiers",
    ),
    "embedding index": (
        lambda: tg.embedding([0, 7], ones(3, 2)), IndexingError,
        "indices and labels go from 0 to 2 here, not from 0 to 7", "de 0 à 2",
    ),
    "one_hot negative": (
        lambda: tg.one_hot([-1, 2], 3), IndexingError, "not from -1 to 2", "de -1 à 2",
    ),
    "dropout": (lambda: tg.dropout(ones(2), 1.5), ArgumentError, "not 1.5", "et non 1.5"),
    "gelu": (lambda: tg.gelu(ones(2), "fast"), ArgumentError, "is one of none, tanh", "une valeur parmi none, tanh"),
    "prelu slopes": (
        lambda: tg.prelu(ones(2, 3), ones(2)), ShapeError, "one per channel (axis 1) of x (2, 3)",
        "une par canal",
    ),
    "batch_norm of one": (
        lambda: nn.BatchNorm1d(3)(np.ones((1, 3))), ArgumentError,
        "training needs more than one value per channel", "plus d'une valeur par canal",
    ),
    "batch_norm channels": (
        lambda: nn.BatchNorm2d(3)(np.ones((2, 4, 5, 5))), ShapeError, "has 4 channels (axis 1)",
        "a 4 canaux",
    ),
    "batch_norm axes": (
        lambda: nn.BatchNorm2d(3)(np.ones((2, 3))), ShapeError, "BatchNorm2d takes (N, C, H, W)",
        "BatchNorm2d prend (N, C, H, W)",
    ),
    "layer_norm shape": (
        lambda: nn.LayerNorm(4)(np.ones((2, 3))), ShapeError, "the last axes of x (2, 3) are not (4,)",
        "les derniers axes",
    ),
    "groups": (
        lambda: nn.Conv2d(3, 4, 3, groups=2), ArgumentError, "groups (2) must divide in_channels (3)",
        "doit diviser",
    ),
    "conv groups": (
        lambda: tg.conv2d(ones(1, 4, 5, 5), ones(3, 2, 3, 3), None, 1, 0, 1, 2), ArgumentError,
        "must divide the number of filters, 3", "le nombre de filtres, 3",
    ),
    "padding word": (
        lambda: nn.Conv2d(1, 1, 2, padding="same")(np.ones((1, 1, 4, 4))), ArgumentError,
        "odd filters", "filtres impairs",
    ),
    "conv1d axes": (
        lambda: tg.conv1d(ones(5), ones(1, 3, 2)), ShapeError, "must have 3 axes", "3 axes",
    ),
    "output_padding": (
        lambda: tg.conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 2, 2), None, 1, 0, 1), ArgumentError,
        "must be less than the stride", "inférieur au pas",
    ),
    "GlobalAvgPool2d": (
        lambda: nn.GlobalAvgPool2d()(np.ones((2, 3))), ShapeError, "takes images (N, C, H, W)",
        "prend des images",
    ),
    "small images": (
        lambda: nn.models.small_vgg(size=8), ArgumentError, "size is an integer of at least 16, not 8", "size est un entier",
    ),
    "fan-in of a vector": (
        lambda: nn.init.kaiming_normal_(nn.Parameter(np.ones(3))), ShapeError, "has no fan-in",
        "nombre d'entrées",
    ),
    "gain": (
        lambda: nn.init.calculate_gain("softmax"), ArgumentError, "nonlinearity is one of",
        "nonlinearity prend",
    ),
    "schedule of a model": (
        lambda: optim.StepLR(nn.Linear(1, 1), 2), DTypeError, "a schedule takes an optimizer first",
        "un optimiseur",
    ),
    "step_size": (
        lambda: optim.StepLR(sgd(), 0), ArgumentError, "step_size is an integer of at least 1", "au moins",
    ),
    "cycle without length": (
        lambda: optim.OneCycleLR(sgd(), 0.1), ArgumentError, "needs total_steps", "demande total_steps",
    ),
    "anneal strategy": (
        lambda: optim.OneCycleLR(sgd(), 0.1, 10, anneal_strategy="exp"), ArgumentError,
        "one of cos, linear, not 'exp'", "parmi cos, linear",
    ),
    "pct_start": (
        lambda: optim.OneCycleLR(sgd(), 0.1, 10, pct_start=30), ArgumentError,
        "pct_start lies between 0 and 1, not 30", "et non 30",
    ),
    "cycle without momentum": (
        lambda: optim.OneCycleLR(optim.Adagrad([ones(1)]), 0.1, 10), ArgumentError,
        "Adagrad has no momentum to cycle", "n'a pas d'inertie",
    ),
    "max_lr per group": (
        lambda: optim.OneCycleLR(sgd(), [0.1, 0.2], 10), ArgumentError, "2 rates for 1 groups",
        "2 taux pour 1 groupes",
    ),
    "foreign schedule": (
        lambda: optim.StepLR(sgd(), 2).load_state_dict(optim.OneCycleLR(sgd(), 1, 9).state_dict()),
        ArgumentError, "the state is of another schedule (OneCycleLR)", "d'un autre programme",
    ),
    "negative alpha": (
        lambda: optim.RMSprop([ones(1)], alpha=-1.0), ArgumentError,
        "alpha is a number that is not negative", "alpha",
    ),
    "clip": (
        lambda: optim.clip_grad_norm([ones(1)], -1.0), ArgumentError, "max_norm is a number that is not negative", "-1.0",
    ),
    "clip nan": (
        clip_nan, NonFiniteError, "the norm of the gradients is nan", "vaut nan",
    ),
}  # fmt: skip


def caught(action, kind):
    with pytest.raises(kind) as error:
        action()
    assert isinstance(error.value, TinygradError)
    return str(error.value).replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize("name", WRONG_USES)
def test_error_says_what_to_do_in_english(name):
    action, kind, words, _french = WRONG_USES[name]
    assert words in caught(action, kind)


@pytest.mark.parametrize("name", WRONG_USES)
def test_error_says_what_to_do_in_french(name):
    action, kind, _english, words = WRONG_USES[name]
    tg.set_language("en")
    before = caught(action, kind)
    tg.set_language("fr")
    text = caught(action, kind)
    assert words in text
    assert text != before


def test_there_are_at_least_a_hundred():
    assert len(WRONG_USES) >= 100


def test_errors_are_also_the_builtin_ones():
    with pytest.raises(ValueError, match="broadcast"):
        ones(2) + ones(3)
    with pytest.raises(RuntimeError):
        spent()
    with pytest.raises(TypeError):
        ones(2) + "a"
    with pytest.raises(IndexError):
        ones(2)[3]


def test_an_error_carries_the_partial_graph():
    h = tg.exp(ones(2, 3, name="x"))
    with pytest.raises(ShapeError) as error:
        h @ ones(2, 3)
    assert error.value.operation == "matmul"
    assert error.value.inputs[0] is h


def test_errors_can_be_pickled():
    with pytest.raises(ShapeError) as error:
        ones(2) + ones(3)
    copy = pickle.loads(pickle.dumps(error.value))
    assert str(copy) == str(error.value)


def test_cross_entropy_of_probabilities_warns():
    p = tg.softmax(np.array([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.warns(UserWarning, match="a softmax too many"):
        tg.cross_entropy(p, [0, 1])
    with pytest.warns(UserWarning, match="a softmax too many"):
        nn.CrossEntropyLoss()(leaf(p), [0, 1])


def test_messages_take_names_with_braces_as_they_are():
    with pytest.raises(ShapeError, match=r"\{x\}"):
        ones(2, name="{x}") + ones(3)


# --- the spellings of PyTorch ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("view", "x.reshape(shape)"), ("unsqueeze", "x.expand_dims(axis)"), ("t", "x.T"),
        ("permute", "x.transpose(axes)"), ("to", "x.astype(dtype)"), ("float", "x.astype(dtype)"),
        ("numel", "x.size"), ("dim", "x.ndim"), ("mm", "x @ y"), ("mul", "x * y"),
        ("masked_fill", "tg.where"), ("requires_grad_", "x.requires_grad = True"),
        ("add_", "with tg.no_grad(): x += y"), ("cuda", "here it is x"),
    ],
)  # fmt: skip
def test_a_method_of_pytorch_is_refused_with_its_name_here(name, ours):
    x = tg.Tensor([1.0], requires_grad=True)
    assert not hasattr(x, name)
    with pytest.raises(AttributeError) as caught:
        getattr(x, name)
    assert isinstance(caught.value, TinygradError)
    assert ours in str(caught.value)
    assert getattr(x, name, None) is None


@pytest.mark.parametrize(
    ("name", "ours"),
    [("cat", "tg.concatenate"), ("tensor", "tg.Tensor(data)"), ("from_numpy", "tg.Tensor(data)"),
     ("zeros", "np.zeros"), ("randn", "rng.standard_normal"), ("clamp", "x.clip(min, max)")],
)  # fmt: skip
def test_a_function_of_pytorch_is_refused_with_its_name_here(name, ours):
    with pytest.raises(AttributeError, match=re.escape(ours)):
        getattr(tg, name)
    assert not hasattr(tg, name)


@pytest.mark.parametrize(
    ("call", "ours"),
    [
        (lambda x: x.sum(dim=0), "dim is called axis here"),
        (lambda x: x.softmax(dim=1), "dim is called axis here"),
        (lambda x: tg.stack([x], dim=0), "dim is called axis here"),
        (lambda x: tg.concatenate([x], dim=0), "dim is called axis here"),
        (lambda x: x.mean(0, keepdim=True), "keepdim is called keepdims here"),
        (lambda x: x.var(unbiased=False), "unbiased is called ddof here"),
    ],
)
def test_keywords_of_pytorch_are_refused_with_their_names_here(call, ours):
    with pytest.raises(SignatureError, match=ours):
        call(tg.Tensor(np.ones((2, 2)), requires_grad=True))


def test_what_no_library_calls_so_is_an_ordinary_attribute_error():
    x = tg.Tensor([1.0])
    for thing in (x, tg):
        with pytest.raises(AttributeError, match="has no attribute 'reshap'") as caught:
            thing.reshap  # noqa: B018
        assert not isinstance(caught.value, TinygradError)
    assert copy.deepcopy(x).tolist() == pickle.loads(pickle.dumps(x)).tolist() == [1.0]


@pytest.mark.parametrize("axes", [(0, 1), (0, -1), (-2, -1)])
def test_transposing_to_the_same_axes_warns_once_and_changes_nothing(axes):
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.warns(UserWarning, match=r"\.swapaxes\(") as caught:
        y = x.transpose(*axes)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert y.shape == (2, 3)
    (y * y).sum().backward(create_graph=True)  # without another warning
    np.testing.assert_array_equal(x.grad.data, np.full((2, 3), 2.0))


def test_other_transpositions_do_not_warn():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    shapes = [y.shape for y in (x.transpose(1, 0), x.transpose(), x.T, x.transpose((0, 1)))]
    assert shapes == [(3, 2), (3, 2), (3, 2), (2, 3)]
    assert np.transpose(x, (0, 1)).shape == (2, 3)
    with pytest.raises(ShapeError, match=r"\.swapaxes\(i, j\)"):
        tg.Tensor(np.ones((2, 3, 4))).transpose(0, 1)
