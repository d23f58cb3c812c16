"""The command line: ``tinygrad-fr demo | train | predict``."""

from __future__ import annotations

import argparse
import codecs
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
from .io import load, save
from .kernels import Array
from .messages import _
from .nn.models import MODELS, course_cnn
from .nn.module import Module
from .ops import cross_entropy, exp, log, softmax
from .optim import Adam, CosineAnnealingLR
from .training import evaluate, fit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    _survive_any_encoding()
    argparse._ = messages._  # type: ignore[attr-defined] # its own words in our language, too
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except TinygradError as error:
        print(_("error: {error}").format(error=error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygrad-fr", description=_("Gradients to define, see and verify.")
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-fr {__version__}",
                        help=_("show the version and exit"))  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar=_("COMMAND"))

    demo = commands.add_parser("demo", help=_("train the course's network on handwritten digits"))
    demo.add_argument("--out", default="demo", help=_("folder for the weights and the report"))
    demo.add_argument("--epochs", type=int, default=30, help=_("passes through the data"))
    demo.add_argument(
        "--size",
        type=int,
        default=8,
        help=_("height and width of the digits (50 as in the course)"),
    )
    demo.add_argument("--seed", type=int, default=0, help=_("seed of the random numbers"))
    demo.set_defaults(run=_demo)

    train = commands.add_parser("train", help=_("train a model on a folder of photographs"))
    train.add_argument("data", help=_("a folder with one sub-folder per class"))
    train.add_argument("--model", default="course_cnn", choices=sorted(MODELS), help=_("the model"))
    train.add_argument("--out", required=True, help=_("file for the weights (.safetensors, .npz)"))
    train.add_argument("--epochs", type=int, default=15, help=_("passes through the data"))
    train.add_argument("--size", type=int, default=50, help=_("height and width of the images"))
    train.add_argument(
        "--channels", type=int, default=1, choices=(1, 3), help=_("1 grey, 3 colour")
    )
    train.add_argument("--batch-size", type=int, default=32, help=_("images per step"))
    train.add_argument("--lr", type=float, default=1e-3, help=_("learning rate"))
    train.add_argument("--held-out", type=float, default=0.2, help=_("share kept for testing"))
    train.add_argument("--seed", type=int, default=0, help=_("seed of the random numbers"))
    train.set_defaults(run=_train)

    predict = commands.add_parser("predict", help=_("tell the class of photographs"))
    predict.add_argument("model", help=_("a file written by train"))
    predict.add_argument("images", nargs="+", help=_("photographs"))
    predict.set_defaults(run=_predict)
    return parser


# --- demo ------------------------------------------------------------------------------------


def _demo(options: Any) -> int:
    settings.manual_seed(options.seed)
    images, labels = load_digits(size=None if options.size == 8 else options.size)
    train, test = ArrayDataset(images, labels).split(0.8, seed=options.seed)
    model = course_cnn(classes=10, size=options.size)
    print(model.summary(), end="\n\n")
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
    result = evaluate(model, test, cross_entropy, ("accuracy",))
    agreement = logits_agreement(model, *test[:32])
    text = demo_report(model, history, len(test), result, agreement)
    print("\n" + text.partition("\n## ")[2].partition("\n")[2])
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    classes = [str(digit) for digit in range(10)]
    _save_model(model, folder / "weights.safetensors", "course_cnn", classes, options.size, 1)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "history.json").write_text(json.dumps(history.to_dict(), indent=2), encoding="utf-8")
    print(_("weights, history and report are in {folder}").format(folder=folder))
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


def demo_report(
    model: Module, history: Any, n: int, result: dict[str, float], agreement: dict[str, float]
) -> str:
    """The report of the demonstration, in Markdown."""
    epochs = "\n".join(
        f"| {e['epoch']} | {e['loss']:.4f} | {e['accuracy']:.4f} |" for e in history.epochs
    )
    return _(
        "# The course's network on handwritten digits\n\n"
        "```\n{summary}\n```\n\n"
        "| epoch | mean loss | accuracy |\n|---|---|---|\n{epochs}\n\n"
        "## Results\n\n"
        "Accuracy on {n} digits never seen: {accuracy:.2%} (loss {loss:.4f}).\n\n"
        "Gradient of the loss with respect to the logits z, for one batch: the largest difference "
        "between what the tape recorded and (y_hat - y) / N derived by hand\n"
        "- composed of softmax, log and mean: {composed:.1e}\n"
        "- fused cross entropy: {fused:.1e}\n\n"
        "(the largest entry of the gradient is {scale:.1e})\n"
    ).format(
        summary=model.summary(),
        epochs=epochs,
        n=n,
        accuracy=result["accuracy"],
        loss=result["loss"],
        **agreement,
    )


# --- photographs -----------------------------------------------------------------------------


def _train(options: Any) -> int:
    settings.manual_seed(options.seed)
    folder = ImageFolder(options.data, options.size, options.channels)
    print(
        _("{n} photographs, classes: {classes}").format(
            n=len(folder), classes=", ".join(folder.classes)
        )
    )
    test, train = folder.split(options.held_out, seed=options.seed)
    model = MODELS[options.model](len(folder.classes), options.size, options.channels)
    print(model.summary(), end="\n\n")
    optimizer = Adam(model.parameters(), lr=options.lr)
    fit(
        model,
        DataLoader(train, options.batch_size, shuffle=True, seed=options.seed),
        DataLoader(test, options.batch_size),
        loss=cross_entropy,
        optimizer=optimizer,
        scheduler=CosineAnnealingLR(optimizer, T_max=options.epochs),
        epochs=options.epochs,
        metrics=("accuracy",),
    )
    _save_model(
        model, options.out, options.model, list(folder.classes), options.size, options.channels
    )
    print(_("weights written to {path}").format(path=options.out))
    return 0


def _predict(options: Any) -> int:
    model, classes, size, channels = _load_model(options.model)
    for path in options.images:
        image = preprocess(path, size, channels)
        with no_grad():
            p = softmax(model(image[None]).data[0])
        best = np.argsort(-p, kind="stable")[:3]
        ranking = ", ".join(f"{classes[i]} {p[i]:.1%}" for i in best)
        print(f"{path}: {ranking}")
    return 0


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
    classes = json.loads(known["classes"])
    preprocessing = json.loads(known["preprocessing"])
    size, channels = preprocessing["size"], preprocessing["channels"]
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
