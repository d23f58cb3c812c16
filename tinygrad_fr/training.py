"""fit: the training loop, its history and its checkpoints."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from . import settings
from .autograd.engine import no_grad
from .autograd.tensor import Tensor
from .data import ArrayDataset, DataLoader
from .errors import ArgumentError, DTypeError, FileError, NonFiniteError, ShapeError
from .io import check_writable, load, save
from .kernels import Array
from .messages import _, say
from .nn.module import Module
from .optim import Optimizer

Metric = Callable[[Array, Array], float]
State = dict[str, Array]


class History:
    """What a training run measured, epoch by epoch.

    Attributes
    ----------
    epochs : list of dict
        For each epoch ``epoch`` (from 1), ``loss``, the metrics, ``seconds``, and with validation
        data ``valid_loss`` and ``valid_...`` metrics.
    best_epoch : int
        The epoch of the lowest validation loss (training loss without validation data).
    best_state : dict
        The model's state then.
    interrupted : bool
        Whether Ctrl-C ended the run.

    Examples
    --------
    >>> history = History()
    >>> history.epochs += [{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}]
    >>> history["loss"]
    [0.7, 0.5]
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_state: State = {}
        self.interrupted = False

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> list[float]:
        if name not in self:
            raise ArgumentError(
                _("the history has no {name!r}: it has {known}"),
                name=name,
                known=", ".join(self) or "-",
            )
        return [epoch.get(name, math.nan) for epoch in self.epochs]

    def keys(self) -> list[str]:
        """The names of what was measured."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch))

    def __repr__(self) -> str:
        return "\n".join(describe(epoch) for epoch in self.epochs) or _("no epoch yet")

    def to_dict(self) -> dict[str, Any]:
        """Everything but the states, ready for JSON."""
        return {
            "epochs": self.epochs, "best_epoch": self.best_epoch, "interrupted": self.interrupted,
        }  # fmt: skip


def describe(epoch: dict[str, float]) -> str:
    """One epoch as a line."""
    words = {
        "epoch": _("epoch"),
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "valid_loss": _("validation loss"),
        "valid_accuracy": _("validation accuracy"),
    }
    parts = [f"{words['epoch']} {int(epoch['epoch'])}"]
    for name, value in epoch.items():
        if name == "seconds":
            parts.append(f"{value:.2f} s" if value < 10 else f"{value:.0f} s")
        elif name != "epoch":
            parts.append(f"{words.get(name, name)} {value:.4f}")
    return "  ".join(parts)


def accuracy(prediction: Array, target: Array) -> float:
    """The share of examples whose largest logit is that of their class.

    A single output is the probability of the class 1; targets may be classes or one-hot rows.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 2.0], [3.0, 1.0]]), np.array([1, 1]))
    0.5
    """
    if prediction.ndim < 2 or prediction.shape[1] == 1:
        guess = (prediction.reshape(len(prediction)) > 0.5).astype(np.int64)
    else:
        guess = prediction.argmax(1)
    if target.shape == prediction.shape and prediction.shape[1:] not in ((), (1,)):
        target = target.argmax(1)  # one-hot, or probabilities
    if target.size != guess.size:
        raise ShapeError(
            _("accuracy of predictions {shape} needs one class per example, not targets {other}"),
            shape=prediction.shape,
            other=target.shape,
        )
    return float((guess == target.reshape(guess.shape)).mean())


METRICS: dict[str, Metric] = {"accuracy": accuracy}


def fit(
    model: Module,
    train: Any,
    valid: Any = None,
    *,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    epochs: int,
    metrics: Sequence[str | Metric] = (),
    scheduler: Any = None,
    callbacks: Sequence[Callable[[History], Any]] = (),
    seed: int | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> History:
    """Train a model.

    Parameters
    ----------
    model
        What ``optimizer`` learns.
    train, valid
        Batches ``(inputs, targets)``: a DataLoader or any iterable that can be walked once per
        epoch; a dataset, or a tuple of two arrays, is put into a DataLoader.
    loss
        Takes the model's output and the targets, gives a scalar; such as ``tg.cross_entropy``.
    epochs
        How many times to walk through ``train`` in all.
    metrics
        ``"accuracy"`` or functions of the output and the targets (arrays), averaged over examples.
    scheduler
        Its ``step()`` is called after each epoch.
    callbacks
        Called with the History after each epoch; one that returns True ends the training.
    seed
        Of the library's generator and of the order of the examples.
    progress
        Show a bar per epoch in terminals and notebooks, and a line per epoch everywhere.
    checkpoint
        A file to write after each epoch: model, optimizer, history.
    resume
        Continue from the checkpoint, if it exists.

    Returns
    -------
    History
        Ctrl-C ends the run cleanly: the model then has its best state so far.

    Raises
    ------
    NonFiniteError
        If the loss becomes NaN or infinite; its ``history`` holds the epochs before, and the
        model has its best state so far.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = np.linspace(-1, 1, 32)[:, None]
    >>> model = tg.nn.Linear(1, 1)
    >>> history = fit(model, (x, 3 * x), loss=tg.mse_loss, epochs=5, progress=False,
    ...               optimizer=tg.optim.SGD(model.parameters(), lr=0.1))
    >>> history["loss"][-1] < history["loss"][0]
    True
    """
    _check(model, loss, optimizer, epochs)
    if resume and checkpoint is None:
        raise ArgumentError(_("resume needs the checkpoint to continue from: checkpoint=FILE"))
    if seed is not None:
        settings.manual_seed(seed)
    measures = _measures(metrics)
    batches = _batches(train, shuffle=True, seed=seed, epochs=epochs)
    held_out = None if valid is None else _batches(valid, shuffle=False, seed=None, epochs=epochs)
    if checkpoint is not None:
        check_writable(checkpoint)
    history = History()
    if resume and Path(str(checkpoint)).exists():
        _resume(str(checkpoint), model, optimizer, scheduler, history)
        if hasattr(batches, "epoch"):
            batches.epoch = len(history)
    try:
        for number in range(len(history) + 1, epochs + 1):
            started = time.perf_counter()
            with _bar(batches, number, epochs, progress) as shown:
                results = _train_epoch(model, shown, loss, optimizer, measures, number)
            if held_out is not None:
                for name, value in evaluate(model, held_out, loss, measures).items():
                    results[f"valid_{name}"] = value
            epoch = {"epoch": number, **results, "seconds": time.perf_counter() - started}
            _note(history, epoch, model)
            if scheduler is not None:
                scheduler.step()
            if progress:
                say(describe(epoch))
            if checkpoint is not None:
                _save_checkpoint(checkpoint, model, optimizer, scheduler, history)
            answers = [callback(history) for callback in callbacks]  # each is called
            if True in answers:
                break
    except KeyboardInterrupt:
        history.interrupted = True
        if history.best_state:
            model.load_state_dict(history.best_state)
        if progress:
            say(
                _("interrupted: the model has its best state, of epoch {n}").format(
                    n=history.best_epoch
                )
                if history.best_state
                else _("interrupted in the first epoch: the model is half trained")
            )
    except NonFiniteError as error:
        error.history = history  # type: ignore[attr-defined]
        if history.best_state:
            model.load_state_dict(history.best_state)
        raise
    return history


def evaluate(
    model: Module,
    data: Any,
    loss: Callable[[Any, Any], Tensor],
    metrics: dict[str, Metric] | Sequence[str] = (),
) -> dict[str, float]:
    """The mean loss and metrics over all examples, without training.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = np.ones((4, 2))
    >>> evaluate(tg.nn.Flatten(), (x, x), tg.mse_loss)
    {'loss': 0.0}
    """
    measures = metrics if isinstance(metrics, dict) else _measures(metrics)
    total = _Mean()
    modes = [(module, module.training) for _path, module in model.named_modules()]
    try:
        model.eval()
        with no_grad():
            for batch in _batches(data, shuffle=False, seed=None):
                x, target = _pair(batch)
                y = model(x)
                total.add(y, target, loss(y, target), measures)
    finally:
        for module, mode in modes:
            module.training = mode
    if not total.n:
        raise ArgumentError(_("there is no batch to evaluate on: is the data set empty?"))
    return total.result()


def _check(model: Any, loss: Any, optimizer: Any, epochs: Any) -> None:
    """Refuse at once what would fail, or do nothing, after a while."""
    if not isinstance(epochs, int) or epochs < 1:
        raise ArgumentError(_("epochs is at least 1, not {n}"), n=epochs)
    for name, value in {"model": model, "loss": loss}.items():
        if isinstance(value, type) or not callable(value):
            raise DTypeError(
                _("{name} must be something to call, such as tg.cross_entropy or nn.MSELoss(), "
                  "not {value!r}"), name=name, value=value,
            )  # fmt: skip
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            _(
                "optimizer must be one, such as tg.optim.SGD(model.parameters(), lr=0.1), not {kind}"
            ),
            kind=getattr(optimizer, "__name__", type(optimizer).__name__),
        )
    learned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not learned & {id(p) for p in model.parameters()}:
        raise ArgumentError(
            _("the optimizer was made for other parameters: pass it this model's parameters()")
        )


# --- one epoch -------------------------------------------------------------------------------


def _train_epoch(
    model: Module,
    batches: Iterable[Any],
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    metrics: dict[str, Metric],
    number: int,
) -> dict[str, float]:
    model.train()
    total = _Mean()
    for batch in batches:
        x, target = _pair(batch)
        y = model(x)
        value = loss(y, target)
        if not isinstance(value, Tensor) or value.size != 1:
            raise DTypeError(
                _("the loss must be a scalar Tensor, not {kind}: reduce it, and stay in the graph"),
                kind=getattr(value, "shape", type(value).__name__),
            )
        if not np.isfinite(value.data).all():
            raise NonFiniteError(
                _(
                    "the loss is {value} in epoch {n}: lower the learning rate, or look for the "
                    "first bad value with `with tg.debug():`"
                ),
                value=float(value),
                n=number,
            )
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        total.add(y, target, value, metrics)
    if not total.n:
        raise ArgumentError(_("there is no batch to train on: is the data set empty?"))
    return total.result()


def _pair(batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ArgumentError(_("fit needs batches of two arrays, (inputs, targets)"))
    return batch[0], batch[1]


class _Mean:
    """Loss and metrics averaged over examples, not over batches, which may differ in size."""

    def __init__(self) -> None:
        self.n = 0
        self.sums: dict[str, float] = {}

    def add(self, y: Any, target: Any, value: Any, metrics: dict[str, Metric]) -> None:
        n = len(y)
        prediction, truth = getattr(y, "data", y), np.asarray(getattr(target, "data", target))
        measured = {"loss": float(value)}
        measured.update((name, metric(prediction, truth)) for name, metric in metrics.items())
        for name, x in measured.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(x) * n
        self.n += n

    def result(self) -> dict[str, float]:
        return {name: x / self.n for name, x in self.sums.items()}


def _measures(metrics: str | Metric | Sequence[str | Metric]) -> dict[str, Metric]:
    """The metrics by name, each under a name of its own."""
    measures: dict[str, Metric] = {}
    for metric in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        if isinstance(metric, str) and metric not in METRICS:
            raise ArgumentError(
                _("no metric {name!r}: give a function, or one of {known}"),
                name=metric,
                known=", ".join(METRICS),
            )
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")
        while name in measures or name == "loss":
            name += "_"
        measures[name] = METRICS[metric] if isinstance(metric, str) else metric
    return measures


def _batches(data: Any, *, shuffle: bool, seed: int | None, epochs: int = 1) -> Any:
    if isinstance(data, tuple):
        data = ArrayDataset(*data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, list):
        return DataLoader(data, shuffle=shuffle, seed=seed)
    if epochs > 1 and isinstance(data, Iterator):
        raise ArgumentError(
            _("a generator can be walked once, and there are {n} epochs: give a list or a loader"),
            n=epochs,
        )
    return data


def _note(history: History, epoch: dict[str, float], model: Module) -> None:
    """Append an epoch, and keep the model's state if it is the best so far."""
    key = "valid_loss" if "valid_loss" in epoch else "loss"
    history.epochs.append(epoch)
    best = history.epochs[history.best_epoch - 1].get(key, math.nan)
    if not history.best_state or epoch[key] < best or math.isnan(best):
        history.best_epoch = int(epoch["epoch"])
        history.best_state = model.state_dict()


# --- progress --------------------------------------------------------------------------------


def _bar(
    batches: Any, number: int, epochs: int, progress: bool
) -> AbstractContextManager[Iterable[Any]]:
    """The batches behind a tqdm bar, in a terminal or a notebook with tqdm installed."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if not progress or not (terminal or _in_notebook()):
        return nullcontext(batches)
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext(batches)  # a bar is a comfort: the line per epoch stays
    title = _("epoch {n}/{total}").format(n=number, total=epochs)
    return tqdm(batches, desc=title, leave=False, unit=_("batch"))  # type: ignore[no-any-return]


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


# --- checkpoints -----------------------------------------------------------------------------


def _save_checkpoint(
    path: str | Path, model: Module, optimizer: Optimizer, scheduler: Any, history: History
) -> None:
    state = {f"model.{name}": array for name, array in model.state_dict().items()}
    state.update((f"optimizer.{name}", array) for name, array in optimizer.state_dict().items())
    state.update((f"best.{name}", array) for name, array in history.best_state.items())
    metadata = {
        "kind": "tinygrad_fr checkpoint",
        "optimizer": type(optimizer).__name__,
        "history": _to_json(history.to_dict()),
        "generator": _to_json(settings.generator().bit_generator.state),
        "scheduler": _to_json(scheduler.state_dict() if hasattr(scheduler, "state_dict") else None),
    }
    save(state, path, metadata)


def _resume(
    path: str, model: Module, optimizer: Optimizer, scheduler: Any, history: History
) -> None:
    state = load(path)
    if state.metadata.get("kind") != "tinygrad_fr checkpoint":
        raise FileError(_("{path} is not a checkpoint of fit"), path=path)

    def part(prefix: str) -> State:
        return {name[len(prefix) :]: x for name, x in state.items() if name.startswith(prefix)}

    try:
        known = json.loads(state.metadata["history"])
        epochs, best_epoch = known["epochs"], known["best_epoch"]
        generator = json.loads(state.metadata["generator"])
        schedule = json.loads(state.metadata["scheduler"])
        kind = state.metadata["optimizer"]
    except (KeyError, ValueError, TypeError) as error:
        raise FileError(
            _("{path} is a damaged checkpoint ({error}): start again without resume"),
            path=path,
            error=error,
        ) from error
    if kind != type(optimizer).__name__:
        raise ArgumentError(
            _("the checkpoint is of {known}, and the optimizer is {kind}: use the same"),
            known=kind,
            kind=type(optimizer).__name__,
        )
    model.load_state_dict(part("model."))
    optimizer.load_state_dict(part("optimizer."))
    history.epochs, history.best_epoch = epochs, best_epoch
    history.best_state = part("best.")
    settings.generator().bit_generator.state = generator
    if schedule is not None and hasattr(scheduler, "load_state_dict"):
        scheduler.load_state_dict(schedule)


def _to_json(thing: Any) -> str:
    """JSON; NumPy numbers become Python's."""
    return json.dumps(thing, default=lambda x: x.item() if isinstance(x, np.generic) else str(x))
