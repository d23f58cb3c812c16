"""Wrong uses: each error says what to do, in both languages."""

from __future__ import annotations

import pickle
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
    tg.clip(ones(3), leaf(0.0), 1.0)


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
    "clip bounds": (lambda: tg.clip(ones(2), 2.0, 1.0), ArgumentError, "is above high", "dépasse"),
    "integer array": (
        lambda: leaf(np.array([1, 2])), DTypeError, "only floating numbers have a gradient",
        "seuls les nombres à virgule",
    ),
    "ragged list": (lambda: tg.Tensor([[1.0], [1.0, 2.0]]), DTypeError, "regular grid", "grille"),
    "masked array": (
        lambda: tg.Tensor(np.ma.array([1.0, 2.0], mask=[0, 1])), DTypeError, ".filled()", ".filled()",
    ),
    "tensor of recorded": (lambda: tg.Tensor(ones(2) * 2.0), GraphError, ".detach()", ".detach()"),
    "asarray": (lambda: np.asarray(ones(2)), GraphError, ".detach()", ".detach()"),
    "array of tensors": (lambda: np.array([ones(2), ones(2)]), GraphError, ".detach()", ".detach()"),
    "numpy()": (lambda: ones(2).numpy(), GraphError, ".detach()", ".detach()"),
    "unknown numpy function": (
        lambda: np.fft.fft(ones(2)), GraphError, "np.fft has no recorded form", "np.fft",
    ),
    "ufunc out": (
        lambda: np.add(ones(2), 1.0, out=np.ones(2)), GraphError, "plain form only", "forme simple",
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
        static_tensor, GraphError, "clip has no gradient with respect to low", "clip",
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
    "Linear size": (lambda: nn.Linear(0, 1), ArgumentError, "positive integer", "strictement positif"),
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
    "fit on nothing": (fit_nothing, ArgumentError, "no batch to train on", "aucun lot"),
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
        "pixels is a whole number of at least 0, not -1", "pixels",
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


def test_there_are_at_least_forty():
    assert len(WRONG_USES) >= 40


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
