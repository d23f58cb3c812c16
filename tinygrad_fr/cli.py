"""The command line: ``tinygrad-fr demo | train | predict``."""

from __future__ import annotations

import argparse
import codecs
import glob
import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import messages, settings
from .autograd.engine import no_grad
from .autograd.tensor import Tensor
from .autograd.transforms import gradients
from .data import ArrayDataset, DataLoader, ImageFolder, load_digits, preprocess
from .errors import FileError, TinygradError
from .io import check_writable, load, save
from .kernels import Array
from .messages import _, say
from .nn.models import MODELS, course_cnn
from .nn.module import Module
from .ops import cross_entropy, exp, log, softmax
from .optim import Adam, CosineAnnealingLR
from .training import History, evaluate, fit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    _survive_any_encoding()
    argparse._ = messages._  # type: ignore[attr-defined] # its own words in our language, too
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (TinygradError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(_("error: {error}").format(error=error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    shown = {"formatter_class": _WithDefaults}
    parser = argparse.ArgumentParser(
        prog="tinygrad-fr", description=_("Gradients to define, see and verify.")
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"tinygrad-fr {settings.VERSION}",
        help=_("show the version and exit"),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar=_("COMMAND"))

    text = _("train the course's network on handwritten digits")
    demo = commands.add_parser("demo", help=text, description=text, **shown)  # type: ignore[arg-type]
    demo.add_argument("--out", default="demo", help=_("folder for the weights and the report"))
    demo.add_argument("--epochs", type=_positive, default=30, help=_("passes through the data"))
    demo.add_argument(
        "--size",
        type=_positive,
        default=8,
        help=_("height and width of the digits (50 as in the course)"),
    )
    demo.add_argument("--seed", type=int, default=0, help=_("seed of the random numbers"))
    demo.set_defaults(run=_demo)

    text = _("train a model on a folder of photographs")
    train = commands.add_parser("train", help=text, description=text, **shown)  # type: ignore[arg-type]
    train.add_argument("data", help=_("a folder with one sub-folder per class"))
    train.add_argument("--model", default="course_cnn", choices=sorted(MODELS), help=_("the model"))
    train.add_argument("--out", required=True, help=_("file for the weights (.safetensors, .npz)"))
    train.add_argument("--epochs", type=_positive, default=15, help=_("passes through the data"))
    train.add_argument(
        "--size", type=_positive, default=50, help=_("height and width of the images")
    )
    train.add_argument(
        "--channels", type=int, default=1, choices=(1, 3), help=_("1 grey, 3 colour")
    )
    train.add_argument("--batch-size", type=_positive, default=32, help=_("images per step"))
    train.add_argument("--lr", type=float, default=1e-3, help=_("learning rate"))
    train.add_argument(
        "--held-out", type=_share, default=0.2, help=_("share kept for testing, between 0 and 1")
    )
    train.add_argument("--seed", type=int, default=0, help=_("seed of the random numbers"))
    train.set_defaults(run=_train)

    text = _("tell the class of photographs")
    predict = commands.add_parser("predict", help=text, description=text)
    predict.add_argument("model", help=_("a file written by train"))
    predict.add_argument("images", nargs="+", help=_("photographs"))
    predict.set_defaults(run=_predict)
    return parser


class _WithDefaults(argparse.HelpFormatter):
    """Help that tells the defaults, in the language in use."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default in (None, argparse.SUPPRESS) or not action.option_strings:
            return text
        return f"{text} " + _("(default: %(default)s)")


def _positive(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(
            _("a whole number of at least 1, not {text}").format(text=text)
        )
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            _("a number between 0 and 1, both excluded, not {text}").format(text=text)
        )
    return value


# --- demo ------------------------------------------------------------------------------------


def _demo(options: Any) -> int:
    settings.manual_seed(options.seed)
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    weights = check_writable(folder / "weights.safetensors")  # before the work, not after it
    images, labels = load_digits(size=None if options.size == 8 else options.size)
    train, test = ArrayDataset(images, labels).split(0.8, seed=options.seed)
    model = course_cnn(classes=10, size=options.size)
    say(f"{model.summary()}\n")
    optimizer = Adam(model.parameters(), lr=0.16 / options.size)
    history = fit(
        model,
        DataLoader(train, batch_size=64, shuffle=True, seed=options.seed),
        loss=cross_entropy,
        optimizer=optimizer,
        scheduler=CosineAnnealingLR(optimizer, T_max=options.epochs),
        epochs=options.epochs,
        metrics=("accuracy",),
    )
    if not len(history):
        return 130  # interrupted before there was anything to keep
    result = evaluate(model, test, cross_entropy, ("accuracy",))
    agreement = logits_agreement(model, *test[:32])
    results = demo_results(len(test), result, agreement)
    _save_model(model, weights, "course_cnn", [str(i) for i in range(10)], options.size, 1)
    report = demo_report(model, history, results)
    (folder / "report.md").write_text(report, encoding="utf-8")
    (folder / "history.json").write_text(json.dumps(history.to_dict(), indent=2), encoding="utf-8")
    say("\n" + results)
    say(_("weights, history and report are in {folder}").format(folder=folder))
    return 0


def logits_agreement(model: Module, images: Array, labels: Array) -> dict[str, float]:
    """The largest differences between recorded gradients of the logits and (y_hat - y) / N.

    Both for the loss composed of softmax, log and pick, and for the fused one, in float64.
    """
    with no_grad():
        scores = model(images).data.astype(np.float64)
    n = len(labels)
    by_hand = softmax(scores)
    by_hand[np.arange(n), labels] -= 1
    by_hand /= n
    z = Tensor(scores, requires_grad=True, name="z")
    composed = -log((exp(z) / exp(z).sum(1, keepdims=True))[np.arange(n), labels]).mean()
    fused = cross_entropy(z, labels)
    return {
        "composed": float(np.abs(gradients(composed, z).data - by_hand).max()),
        "fused": float(np.abs(gradients(fused, z).data - by_hand).max()),
        "scale": float(np.abs(by_hand).max()),
    }


def demo_results(n: int, result: dict[str, float], agreement: dict[str, float]) -> str:
    """What the demonstration found, in Markdown."""
    return _(
        "Accuracy on {n} digits never seen: {percent:.2f}% (loss {loss:.4f}).\n\n"
        "The gradient of the loss with respect to the logits z, for one batch, against the formula "
        "derived by hand, (y_hat - y) / N. Largest difference to what was recorded:\n\n"
        "- softmax, log and mean composed: {composed:.1e}\n"
        "- fused cross entropy: {fused:.1e}\n\n"
        "(The largest entry of the gradient is {scale:.1e}.)\n"
    ).format(n=n, percent=100 * result["accuracy"], loss=result["loss"], **agreement)


def demo_report(model: Module, history: History, results: str) -> str:
    """The report of the demonstration, in Markdown."""
    epochs = "\n".join(
        f"| {e['epoch']} | {e['loss']:.4f} | {e['accuracy']:.4f} |" for e in history.epochs
    )
    return _(
        "# The course's network on handwritten digits\n\n"
        "## Results\n\n{results}\n"
        "## Network\n\n```\n{summary}\n```\n\n"
        "## Training\n\n"
        "| epoch | mean loss | accuracy |\n|---|---|---|\n{epochs}\n"
    ).format(results=results, summary=model.summary(), epochs=epochs)


# --- photographs -----------------------------------------------------------------------------


def _train(options: Any) -> int:
    settings.manual_seed(options.seed)
    check_writable(options.out)  # before the work, not after it
    folder = ImageFolder(options.data, options.size, options.channels)
    say(
        _("{n} photographs, classes: {classes}").format(
            n=len(folder), classes=", ".join(folder.classes)
        )
    )
    test, train = folder.split(options.held_out, seed=options.seed)
    model = MODELS[options.model](len(folder.classes), options.size, options.channels)
    say(f"{model.summary()}\n")
    optimizer = Adam(model.parameters(), lr=options.lr)
    history = fit(
        model,
        DataLoader(train, options.batch_size, shuffle=True, seed=options.seed),
        DataLoader(test, options.batch_size),
        loss=cross_entropy,
        optimizer=optimizer,
        scheduler=CosineAnnealingLR(optimizer, T_max=options.epochs),
        epochs=options.epochs,
        metrics=("accuracy",),
    )
    if not len(history):
        return 130  # interrupted before there was anything to keep
    _save_model(
        model, options.out, options.model, list(folder.classes), options.size, options.channels
    )
    say(_("weights written to {path}").format(path=options.out))
    return 0


def _predict(options: Any) -> int:
    model, classes, size, channels = _load_model(options.model)
    status = 0
    for path in _expanded(options.images):
        try:
            image = preprocess(path, size, channels)
        except TinygradError as error:  # the others are still to be told
            print(_("error: {error}").format(error=error), file=sys.stderr)
            status = 2
            continue
        with no_grad():
            p = softmax(model(image[None]).data[0])
        best = np.argsort(-p, kind="stable")[:3]
        ranking = [
            _("{name} {percent:.1f}%").format(name=classes[i], percent=100 * p[i]) for i in best
        ]
        print(_("{path}: {ranking}").format(path=path, ranking=", ".join(ranking)))
    return status


def _expanded(paths: Sequence[str]) -> list[str]:
    """The paths, with patterns such as ``*.jpg`` expanded, which Windows leaves to the program."""
    found: list[str] = []
    for path in paths:
        matches = [] if Path(path).exists() else sorted(glob.glob(path))  # noqa: PTH207
        found += matches or [path]
    return found


def _save_model(
    model: Module, path: str | Path, name: str, classes: list[str], size: int, channels: int
) -> None:
    """Weights, with all that prediction needs."""
    metadata = {
        "kind": "tinygrad_fr model",
        "model": name,
        "classes": json.dumps(classes),
        "preprocessing": json.dumps({"size": size, "channels": channels}),
    }
    save(model.state_dict(), path, metadata)


def _load_model(path: str) -> tuple[Module, list[str], int, int]:
    state = load(path)
    known = state.metadata
    if known.get("kind") != "tinygrad_fr model" or known.get("model") not in MODELS:
        raise FileError(
            _("{path} was not written by `tinygrad-fr train`: its model is not known"), path=path
        )
    try:
        classes = json.loads(known["classes"])
        preprocessing = json.loads(known["preprocessing"])
        size, channels = preprocessing["size"], preprocessing["channels"]
    except (KeyError, ValueError, TypeError) as error:
        raise FileError(
            _("{path} does not say its classes and preprocessing ({error}): train it again"),
            path=path,
            error=error,
        ) from error
    model = MODELS[known["model"]](len(classes), size, channels)
    model.load_state_dict(state)
    return model.eval(), classes, size, channels


# --- console ---------------------------------------------------------------------------------


def _survive_any_encoding() -> None:
    """On consoles that lack a character print its nearest ASCII form instead of failing."""
    codecs.register_error("tinygrad_fr", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="tinygrad_fr")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    return text.encode("ascii", "ignore").decode() or "?", error.end


if __name__ == "__main__":
    sys.exit(main())
