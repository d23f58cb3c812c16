"""What is asked: a homework is a list of questions, each of them a few lines."""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileError
from ..kernels import Array
from ..messages import _
from ..verify.handwritten.calls import in_words

# Something that is drawn anew for each copy, or an array that is the same for all.
Draw = Callable[[np.random.Generator], Any] | Array | float
Draws = Mapping[str, Draw] | Callable[[np.random.Generator], Mapping[str, Any]]


@dataclass(frozen=True)
class Question:
    """A class or function that is asked for, and how many points its parts are worth.

    Parameters
    ----------
    title : str
    name : str
        What it is called in the file that is handed in.
    points : dict of str to float
        Of a layer: ``output`` is the forward, ``input`` the gradient of its (first) input, other
        names are parameters. Of a function that gives a gradient: the name of the input by which
        it differentiates.
    inputs : dict of str to draw, or function of a generator
        What the forward (or the function) is given, in order. A draw is a function of a random
        generator, such as ``normal(6, 4)``, or an array that is the same for all.
    reference : callable
        The right forward of inputs and parameters, in operations of the library; of a function
        that gives a gradient, the loss.
    parameters : dict of str to draw
        What the class is made with, in order.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> dense = Question(
    ...     "Couche dense", "Dense", {"output": 1, "input": 1, "W": 1, "b": 1},
    ...     inputs={"x": normal(6, 5)}, parameters={"W": normal(5, 4), "b": normal(4)},
    ...     reference=lambda x, W, b: x @ W + b,
    ... )
    >>> dense.out_of
    4
    """

    title: str
    name: str
    points: Mapping[str, float]
    inputs: Draws
    reference: Callable[..., Any]
    parameters: Draws = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [n for n, p in self.points.items() if not isinstance(p, (int, float)) or not p >= 0]
        if wrong or not self.points:
            text = _("the points of the question {title} are numbers of at least 0, by name")
            raise ArgumentError(text, title=self.title)
        if not callable(self.reference):
            text = _("the question {title} has no reference: give a function of its inputs")
            raise ArgumentError(text, title=self.title)

    @property
    def out_of(self) -> float:
        """How many points there are."""
        return sum(self.points.values())

    def drawn(self, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs and parameters for one copy."""
        inputs, parameters = (
            dict(draws(rng)) if callable(draws)
            else {n: d(rng) if callable(d) else np.array(d) for n, d in draws.items()}
            for draws in (self.inputs, self.parameters)
        )  # fmt: skip
        return inputs, parameters

    def right(self, values: Mapping[str, Any]) -> Array:
        """What the reference gives for values, by their order."""
        y = self.reference(*arrays(values))
        return np.asarray(getattr(y, "data", np.nan if y is None else y), float)


def arrays(values: Mapping[str, Any]) -> list[Array]:
    """Copies of values, in their order."""
    return [np.array(x) for x in values.values()]


def normal(*shape: int) -> Draw:
    """Draws an array of standard normal numbers."""
    return lambda rng: rng.standard_normal(shape)


def uniform(low: float, high: float, *shape: int) -> Draw:
    """Draws an array of numbers between two bounds."""
    return lambda rng: rng.uniform(low, high, shape)


def integers(low: int, high: int, *shape: int) -> Draw:
    """Draws an array of whole numbers, as floats: there are ties among them."""
    return lambda rng: rng.integers(low, high, shape).astype(float)


def one_hot(examples: int, classes: int) -> Draw:
    """Draws labels, a 1 in each row."""
    return lambda rng: np.eye(classes)[rng.integers(0, classes, examples)]


def probabilities(examples: int, classes: int) -> Draw:
    """Draws rows of probabilities."""
    return lambda rng: rng.dirichlet(np.full(classes, 2.0), examples)


@dataclass(frozen=True)
class Homework:
    """All questions.

    Attributes
    ----------
    questions : tuple of Question
    text : str
        The file that they come from, by which a change of it is noticed.
    """

    questions: tuple[Question, ...]
    text: str = ""

    @property
    def out_of(self) -> float:
        """How many points there are."""
        return sum(q.out_of for q in self.questions)


def homework_of(questions: Any) -> Homework:
    """The questions of a Python file, which calls them ``QUESTIONS``; or those that are given."""
    text = ""
    if isinstance(questions, (str, Path)):
        questions, text = _loaded(Path(questions))
    found = (questions,) if isinstance(questions, Question) else tuple(questions)
    if not found or not all(isinstance(q, Question) for q in found):
        raise ArgumentError("QUESTIONS is a list of Question objects, and not empty")
    for question in found:
        _tried(question)
    return Homework(found, text)


def _tried(question: Question) -> None:
    """Draw once and compute the reference: a mistake in a question costs no student a point."""
    title = question.title
    try:
        inputs, parameters = question.drawn(np.random.default_rng(0))
        values = {**inputs, **parameters}
        odd = [n for n, x in values.items() if np.asarray(x).dtype.kind not in "fiub"]
        wanted = question.right(values)
    except Exception as error:
        text = _("the question {title} cannot be drawn, or its reference fails: {error}")
        raise ArgumentError(text, title=title, error=in_words(error)) from error
    if odd:
        text = _("the question {title}: {names} are no arrays of numbers")
        raise ArgumentError(text, title=title, names=", ".join(odd))
    if not wanted.size or not np.isfinite(wanted).all():
        text = _("the question {title}: its reference gives nothing, NaN or infinite entries")
        raise ArgumentError(text, title=title)
    of_a_layer = {"output", "input", *parameters}
    of_a_function = {*inputs} if not parameters and wanted.ndim == 0 else set[str]()
    if not (set(question.points) <= of_a_layer or set(question.points) <= of_a_function):
        text = _("the question {title}: points are for {names}, and not for {got}; of a function, "
                 "for its inputs, and its reference is a loss")  # fmt: skip
        got = ", ".join(sorted(set(question.points) - of_a_layer))
        raise ArgumentError(text, title=title, names=", ".join(sorted(of_a_layer)), got=got)


def _loaded(path: Path) -> tuple[Any, str]:
    if path.is_dir():
        raise FileError("{path} is a folder: give a file in it", path=path)
    if not path.is_file():
        raise FileError("{path}: there is no such file", path=path)
    name = f"tinygrad_fr_questions_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileError("{path} is no Python file", path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
        return module.QUESTIONS, path.read_text("utf-8")
    except AttributeError as error:
        raise FileError("{path} has no QUESTIONS", path=path) from error
    except Exception as error:
        raise FileError("{path} fails: {error}", path=path, error=in_words(error)) from error
    finally:
        del sys.path[0]
