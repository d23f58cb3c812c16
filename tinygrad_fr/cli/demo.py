"""``tinygrad-fr demo``: the course's network on handwritten digits, and its gradient."""

import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from .. import messages, settings
from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor
from ..autograd.transforms import gradients
from ..data import ArrayDataset, load_digits
from ..errors import need
from ..graph import derive, draw, replay
from ..graph.drawing.rendering import RenderingError
from ..io import check_writable
from ..kernels import Array
from ..messages import _
from ..nn.models import course_cnn
from ..nn.module import Module
from ..ops import cross_entropy, exp, log, softmax
from ..training import History, evaluate
from .console import say
from .photographs import save_model
from .recipes import Recipe, train_model


def demo(options: Any) -> int:
    """Train, compare the gradients, write weights, history and report."""
    settings.manual_seed(options.seed)
    need("viz", data="sklearn" + " PIL" * (options.size != 8), io="safetensors")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    weights = check_writable(folder / "weights.safetensors")  # before the work, not after it
    images, labels = load_digits(size=None if options.size == 8 else options.size)
    train, test = ArrayDataset(images, labels).split(0.8, seed=options.seed)
    model = course_cnn(classes=10, size=options.size)
    say(f"{model.summary()}\n")
    recipe = Recipe(options.size, epochs=options.epochs, batch_size=64, lr=0.16 / options.size)
    history = train_model(model, train, None, recipe, options.seed)
    if not len(history):
        return 130  # interrupted before there was anything to keep
    result = evaluate(model, test, cross_entropy, ("accuracy",))
    agreement = logits_agreement(model, *test[:32])
    results = demo_results(len(test), result, agreement)
    save_model(model, weights, "course_cnn", [str(i) for i in range(10)], options.size, 1)
    report = demo_report(model, history, results)
    (folder / "report.md").write_text(report, encoding="utf-8")
    (folder / "history.json").write_text(json.dumps(history.to_dict(), indent=2), encoding="utf-8")
    say("\n" + results)
    say(_("weights, history and report are in {folder}", folder=folder))
    image, label = test[:1]
    show_gradients(model, image, label, folder)
    (folder / "index.html").write_text(demo_index(folder, results), encoding="utf-8")
    say(_("open {page}: it leads to all of them", page=folder / "index.html"))
    return 0


def show_gradients(model: Module, image: Array, label: Array, folder: Path) -> None:
    """Draw, replay and derive the loss of one digit, beside the report."""
    digit = Tensor(image, name="image")
    loss = cross_entropy(model(digit), label)
    last = [name for name, _parameter in model.named_parameters() if name.endswith("weight")][-1]
    derivation = derive(loss, dict(model.named_parameters())[last])
    derivation.save(folder / "derivation.md")
    derivation.save(folder / "derivation.html")
    replay(loss, folder / "replay.html")
    drawing = draw(loss, direction="TB")
    try:
        drawing.save(folder / "graph.svg")
    except RenderingError as error:  # no Graphviz here: its text, and how to get the picture
        drawing.save(folder / "graph.dot")
        say(str(error))


def demo_index(folder: Path, results: str) -> str:
    """The page that leads to all that was written."""
    told = {
        "graph.svg": _("one digit's graph with its gradients"),
        "graph.dot": _("the same graph, as Graphviz's text"),
        "replay.html": _("the backward pass step by step; a click tells where a number comes from"),
        "derivation.html": _("the chain rule written out, from the loss to the last weights"),
        "derivation.md": _("the same derivation in Markdown"),
        "report.md": _("network, training and results"),
        "history.json": _("the epochs, as numbers"),
    }
    there = {name: words for name, words in told.items() if (folder / name).exists()}
    links = "\n".join(
        f'<li><a href="{name}">{name}</a>: {escape(words)}</li>' for name, words in there.items()
    )
    alternative = escape(told["graph.svg"])
    picture = f'<p><img src="graph.svg" alt="{alternative}"></p>' if "graph.svg" in there else ""
    template = (Path(__file__).parent / "demo.html").read_text(encoding="utf-8")
    return template.format(
        language=messages.language, results=escape(results), links=links, picture=picture,
        title=escape(_("The course's network on handwritten digits")),
    )  # fmt: skip


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
        "| epoch | mean loss | accuracy |\n|---|---|---|\n{epochs}\n",
        results=results,
        summary=model.summary(),
        epochs=epochs,
    )
