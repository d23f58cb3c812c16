"""The command line: ``tinygrad-fr demo | train | predict | export | check | grade``."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import settings
from ..errors import TinygradError
from ..messages import _
from ..nn.models import MODELS
from ..report import HINTS
from . import demo, grading, photographs, verification
from .console import Parser, WithDefaults, complain, positive, prepare, share
from .recipes import RECIPES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    prepare()
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (TinygradError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        complain(_("error: {error}", error=error))
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="tinygrad-fr", description=_("Gradients to define, see and verify."))
    parser.add_argument(
        "--version", action="version", version=f"tinygrad-fr {settings.VERSION}",
        help=_("show the version and exit"),
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar=_("COMMAND"))

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, formatter_class=WithDefaults)
        made.set_defaults(run=run)
        return made

    example = command("demo", demo.demo, _("train the course's network on handwritten digits"))
    example.add_argument("--out", default="demo", help=_("folder for the weights and the report"))
    example.add_argument("--epochs", type=positive, default=30, help=_("passes through the data"))
    text = _("height and width of the digits (50 as in the course)")
    example.add_argument("--size", type=positive, default=8, help=text)
    _add_train(command("train", photographs.train, _("train a model on a folder of photographs")))
    predict = command("predict", photographs.predict, _("tell the class of photographs"))
    predict.add_argument("model", help=_("a file written by train"))
    predict.add_argument("images", nargs="+", help=_("photographs"))
    text = _("write a model as ONNX, which other programs run")
    export = command("export", photographs.export, text)
    export.add_argument("model", help=_("a file written by train"))
    export.add_argument("out", help=_("the file to write (.onnx)"))
    export.add_argument(
        "--opset", type=int, help=_("the version of ONNX's operations, from 17 on (17)")
    )
    text = _("verify the gradients of a layer that you wrote in NumPy or PyTorch")
    _add_check(command("check", verification.check, text))
    _add_grade(command("grade", grading.run, _("mark what students hand in")))
    for name in ("demo", "train", "check", "grade"):
        text = _("seed of the random numbers")
        commands.choices[name].add_argument("--seed", type=int, default=0, help=text)
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("data", help=_("a folder with one sub-folder per class, or MNIST's files"))
    train.add_argument("--model", default="course_cnn", choices=sorted(MODELS), help=_("the model"))
    train.add_argument("--out", required=True, help=_("file for the weights (.safetensors, .npz)"))
    train.add_argument("--epochs", type=positive, help=_("passes through the data"))
    train.add_argument("--size", type=positive, help=_("height and width of the images"))
    train.add_argument("--channels", type=int, choices=(1, 3), help=_("1 grey, 3 colour"))
    train.add_argument("--batch-size", type=positive, help=_("images per step"))
    train.add_argument("--lr", type=float, help=_("(highest) learning rate"))
    train.add_argument("--weight-decay", type=float, help=_("pull of the weights towards 0"))
    text = _("share of the target spread over all classes")
    train.add_argument("--label-smoothing", type=float, help=text)
    flag = argparse.BooleanOptionalAction
    train.add_argument("--flip", action=flag, help=_("mirror images at random in training"))
    train.add_argument("--shift", type=int, help=_("move images at random, up to so many pixels"))
    text = _("share kept for testing, between 0 and 1")
    train.add_argument("--held-out", type=share, default=0.2, help=text)
    train.add_argument("--checkpoint", help=_("file to write after each epoch (.npz)"))
    text = _("continue from the checkpoint, if it exists")
    train.add_argument("--resume", action="store_true", help=text)
    recipes = "\n".join(f"  {name}: {recipe.describe()}" for name, recipe in RECIPES.items())
    train.epilog = _("What is not given depends on the model:") + "\n" + recipes


def _add_check(check: argparse.ArgumentParser) -> None:
    text = _("FILE:Class, FILE:instance or FILE:function")
    check.add_argument("layer", help=text, metavar="FILE:Class")
    check.add_argument("--init", help=_("the arguments of the class, such as 4608,5"))
    text = _("the shape of the input, such as 24,24,8; once per input; labels as 32:5, below 5")
    check.add_argument("--input", action="append", required=True, help=text)
    check.add_argument("--forward", help=_("the name of its forward method"))
    check.add_argument("--backward", help=_("the name of its backward, a method or a function"))
    check.add_argument("--parameters", help=_("the names of its parameters, such as W,b"))
    text = _("drive a cell of a recurrent network over so many steps")
    check.add_argument("--steps", type=positive, metavar="T", help=text)
    check.add_argument("--reference", help=_("an operation that it should equal, such as softmax"))
    text = _("an upstream gradient with a single non-zero entry, as after a cross entropy")
    check.add_argument("--one-hot", action="store_true", help=text)
    text = _("how much the report gives away")
    check.add_argument("--hints", choices=HINTS, default="full", help=text)
    text = _("how many seconds the file may take")
    check.add_argument("--timeout", type=positive, default=60, metavar="SECONDS", help=text)
    check.add_argument("--json", action="store_true", help=_("the report as JSON"))
    check.epilog = _(
        "The file runs in a process of its own; what it prints goes to standard error.\n"
        "Exit status: 0 right, 1 wrong, 2 could not be judged."
    )


def _add_grade(grade: argparse.ArgumentParser) -> None:
    grade.add_argument("questions", nargs="?", help=_("a Python file with QUESTIONS"))
    text = _("a folder or a ZIP of copies: .py, .ipynb, folders, archives")
    grade.add_argument("submissions", nargs="?", help=text)
    grade.add_argument("--new", metavar="FOLDER", help=_("write a homework to start from"))
    text = _("folder for marks.json, marks.csv, moodle.csv, feedback and class.html")
    grade.add_argument("--out", default="marks", help=text)
    text = _("how much the feedback gives away")
    grade.add_argument("--hints", choices=HINTS, default="where", help=text)
    grade.add_argument("--jobs", type=positive, help=_("copies at a time (all cores)"))
    text = _("how many seconds a question may take")
    grade.add_argument("--limit", type=positive, default=10, metavar="SECONDS", help=text)
    text = _("bubblewrap around each copy")
    choices = ("auto", "require", "off")
    grade.add_argument("--sandbox", choices=choices, default="auto", help=text)
    text = _("mark this copy again, once per copy; all others are kept")
    grade.add_argument("--again", action="append", metavar="COPY", help=text)
    text = _("mark this question again, by its title, once per question; all others are kept")
    grade.add_argument("--question", action="append", metavar="TITLE", help=text)
    text = _("look for corrections, for the feedback, so many seconds for each wrong question")
    grade.add_argument("--repair", type=positive, default=0, metavar="SECONDS", help=text)
    text = _("what marks in tables are written with (comma for French spreadsheets, else point)")
    grade.add_argument("--decimals", choices=("comma", "point"), help=text)
    grade.add_argument("--anonymous", action="store_true", help=_("class.html without names"))
    text = _("mark all again, those with results in the folder, too")
    grade.add_argument("--restart", action="store_true", help=text)
    grade.epilog = _("An interrupted run goes on where it stopped.")
