"""fit: the training loop, its history and its checkpoints."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..autograd.guards.conversion import as_operand
from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor
from ..checks import kind, whole
from ..data import ArrayDataset, DataLoader
from ..data.dataset import mapped
from ..errors import ArgumentError, DTypeError, NonFiniteError
from ..io import check_writable
from ..messages import _, say, watched
from ..nn.module import Module
from ..optim import Optimizer
from . import checkpoints
from .descent import Descent, is_true
from .history import History, describe, note, restore
from .metrics import Means, Metric, by_name
from .walks import Walks


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
    callbacks: Any = (),
    clip: float | None = None,
    accumulate: int = 1,
    seed: int | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    steps: Callable[..., Descent] = Descent,
) -> History:
    """Train a model.

    Parameters
    ----------
    model
        What ``optimizer`` learns.
    train, valid
        Batches: a DataLoader (or PyTorch's) or any iterable that can be walked once per epoch, or
        a function that gives one, such as a generator function; a dataset, or a tuple of two
        arrays, is put into a DataLoader. A batch is ``(inputs, targets)``: inputs ``x`` go to
        ``model(x)``, a tuple ``(a, b)`` to ``model(a, b)``, a dict to ``model(**inputs)``. Or it is
        a dict whose ``"y"`` holds the targets, and all else the inputs by name. Examples are
        counted along the first axis of the targets, (N, ...): of (T, N) there would be T.
    loss
        Takes the model's output and the targets, gives a scalar; such as ``tg.cross_entropy``.
    epochs
        How many times to walk through ``train`` in all.
    metrics
        ``"accuracy"`` or functions of the output and the targets (arrays), averaged over examples.
    scheduler
        Its ``step()`` is called after each epoch, or after each step of the optimizer where its
        ``per_batch`` is true, as for ``OneCycleLR``; that of a ``ReduceLROnPlateau`` gets the
        validation loss, or else the training loss.
    callbacks
        One or several, called with the History after each epoch; True ends the training. One with
        a method ``on_batch_end(history, batch)`` has it called after each training batch, with a
        dict of its ``"epoch"``, its number ``"batch"`` (both from 1) and its ``"loss"``: True ends
        the epoch there, and the training. What is left out would be lost, so such an epoch is in
        the history but in no checkpoint, and a resumed run begins it again.
    clip
        The largest norm of all gradients together, as for ``clip_grad_norm``, before each step.
    accumulate
        Take a step after so many batches, from the mean of their gradients, each counting as many
        times as it has examples: for losses that are plain means over the examples, the step of one
        large batch. Not so with ``weight=`` or ``ignore_index=``, whose means are over the weights,
        or the entries that count, of each small batch. What remains at the end of an epoch makes a
        step, too.
    seed
        Of the library's generator and of the order of the examples.
    progress
        Show a line per epoch, and a bar where somebody watches: in terminals and open notebooks.
    checkpoint
        A file to write after each whole epoch and its callbacks: model, optimizer, history.
    resume
        Continue from the checkpoint, if it exists.
    steps
        How steps are taken: ``exchange.distributed`` gives its own.

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
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> x = np.linspace(-1, 1, 32)[:, None]
    >>> model = tg.nn.Linear(1, 1)
    >>> history = fit(model, (x, 3 * x), loss=tg.mse_loss, epochs=5, progress=False,
    ...               optimizer=tg.optim.SGD(model.parameters(), lr=0.1))
    >>> history["loss"][-1] < history["loss"][0]
    True
    """
    _check(model, loss, optimizer, epochs)
    history = History()
    descent = steps(optimizer, scheduler, callbacks, history, clip, accumulate)
    if resume and checkpoint is None:
        raise ArgumentError("resume needs the checkpoint to continue from: checkpoint=FILE")
    if seed is not None:
        settings.manual_seed(seed)
    measures = by_name(metrics)
    batches = batches_of(train, shuffle=True, seed=seed, epochs=epochs)
    held_out = None if valid is None else batches_of(valid, epochs=epochs)
    if checkpoint is not None:
        check_writable(checkpoint)
    walks = Walks(batches, held_out)
    if resume and Path(str(checkpoint)).exists():
        checkpoints.resume(str(checkpoint), model, optimizer, scheduler, history, walks)
        if progress and len(history) >= epochs:
            say(_("the run was complete: {n} epochs are in the checkpoint", n=len(history)))
    try:
        for number in range(len(history) + 1, epochs + 1):
            started = time.perf_counter()
            model.train()
            walks.begin(number)
            with _bar(batches, number, epochs, progress) as shown:
                total = descent.means(batches)
                means, ended = _means(model, shown, loss, measures, total, descent.batch)
            descent.step()
            epoch = {"epoch": number, **means}
            if held_out is not None:
                total = descent.means(held_out)
                for name, value in _evaluate(model, held_out, loss, measures, total).items():
                    epoch[f"valid_{name}"] = value
            epoch["seconds"] = descent.agreed(time.perf_counter() - started)
            note(history, epoch, model)
            descent.end(epoch)
            if progress:
                say(describe(epoch))
            answers = [callback(history) for callback in descent.callbacks if callable(callback)]
            if checkpoint is not None and not ended and descent.writes:
                checkpoints.write(checkpoint, model, optimizer, scheduler, history, walks)
            if descent.agreed(ended or any(map(is_true, answers))):
                break
    except NonFiniteError as error:
        restore(history, model)
        error.history = history  # type: ignore[attr-defined]
        raise
    except KeyboardInterrupt:
        history.interrupted = True
        text = _("interrupted in the first epoch: the model is half trained")
        if restore(history, model):
            text = _("interrupted: the model has its best state, of epoch {n}")
        if progress:
            say(text.format(n=history.best_epoch))
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
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> x = np.ones((4, 2))
    >>> evaluate(tg.nn.Flatten(), (x, x), tg.mse_loss)
    {'loss': 0.0}
    """
    measures = metrics if isinstance(metrics, dict) else by_name(metrics)
    return _evaluate(model, batches_of(data), loss, measures, Means())


def _evaluate(
    model: Module, batches: Any, loss: Callable[[Any, Any], Tensor], metrics: dict[str, Metric],
    total: Means,
) -> dict[str, float]:  # fmt: skip
    modes = [(module, module.training) for _path, module in model.named_modules()]
    try:
        model.eval()
        with no_grad():
            return _means(model, batches, loss, metrics, total)[0]
    finally:
        for module, mode in modes:
            module.training = mode


def _check(model: Any, loss: Any, optimizer: Any, epochs: Any) -> None:
    """Refuse at once what would fail, or do nothing, after a while."""
    whole(epochs, "epochs", 1)
    for name, value in {"model": model, "loss": loss}.items():
        if isinstance(value, type) or not callable(value):
            raise DTypeError(
                "{name} must be something to call, such as tg.cross_entropy or nn.MSELoss(), "
                  "not {value!r}", name=name, value=value,
            )  # fmt: skip
        if hasattr(value, "state_dict") and not isinstance(value, Module):
            raise DTypeError(
                "{name} is one of another library: give one of tinygrad_fr, such as "
                  "tg.cross_entropy; exchange.from_torch takes over models of PyTorch", name=name,
            )  # fmt: skip
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            "optimizer must be one, such as optim.SGD(model.parameters(), lr=0.1), not {kind}",
            kind=kind(optimizer),
        )
    learned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not learned & {id(p) for p in model.parameters()}:
        raise ArgumentError(
            "the optimizer was made for other parameters: pass it this model's parameters()"
        )


# --- one epoch -------------------------------------------------------------------------------


def _means(
    model: Module,
    batches: Iterable[Any],
    loss: Callable[[Any, Any], Tensor],
    metrics: dict[str, Metric],
    total: Means,
    step: Callable[[Tensor, int, int], bool] | None = None,
) -> tuple[dict[str, float], bool]:
    """The mean loss and metrics over all examples; and whether a step, one per batch, ended it."""
    ended = False
    like = next((p.data for p in model.parameters()), None)
    for number, batch in enumerate(batches, 1):
        args, kwargs, target = _parts(batch, like)
        y = model(*args, **kwargs)
        value = loss(y, target)
        n = total.examples(y, target, number)
        ended = step is not None and step(value, n, number)
        total.add(y, target, n, value.item() if isinstance(value, Tensor) else value, metrics)
        if ended:
            break
    return total.result(), ended


def _parts(batch: Any, like: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """The arguments of the model, by place and by name, and the targets.

    NumPy's arrays become arrays of the parameters' library: a loader need not know it.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 1:
        batch = batch[0]
    if isinstance(batch, dict) and len(batch) > 1 and "y" in batch:
        batch = {name: x for name, x in batch.items() if name != "y"}, batch["y"]
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ArgumentError(
            'fit needs batches of two, (inputs, targets), or dicts with the targets at "y"'
        )

    def taken(x: Any) -> Any:
        x = as_operand(x)
        return np.asarray(x, like=like) if isinstance(x, np.ndarray) else x

    x, target = batch
    if isinstance(x, list) and x and all(hasattr(part, "numpy") for part in x):
        x = tuple(x)  # as PyTorch's loaders give several inputs
    x, target = (mapped(taken, part) for part in (x, target))
    if isinstance(x, dict):
        return (), x, target
    return x if isinstance(x, tuple) else (x,), {}, target


class _Made:
    """Batches that a function makes anew for each epoch."""

    def __init__(self, make: Callable[[], Iterable[Any]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[Any]:
        return iter(self.make())


def batches_of(
    data: Any, *, shuffle: bool = False, seed: int | None = None, epochs: int = 1
) -> Any:
    """What can be walked once per epoch: a loader around data, or the batches as they are."""
    if isinstance(data, (tuple, dict)):
        data = ArrayDataset(*data) if isinstance(data, tuple) else ArrayDataset(data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, list):
        return DataLoader(data, shuffle=shuffle, seed=seed)
    if callable(data) and not hasattr(data, "__iter__"):
        return _Made(data)
    if epochs > 1 and isinstance(data, Iterator):
        raise ArgumentError(
            "a generator can be walked once, and there are {n} epochs: give a list, a loader, or "
            "the function that makes it",
            n=epochs,
        )
    if not hasattr(data, "__iter__"):
        raise DTypeError(
            "there are no batches in {kind}: give a DataLoader, arrays (inputs, targets), or a "
            "list of batches",
            kind=kind(data),
        )
    return data


# --- progress --------------------------------------------------------------------------------


def _bar(
    batches: Any, number: int, epochs: int, progress: bool
) -> AbstractContextManager[Iterable[Any]]:
    """The batches behind a tqdm bar, in a terminal or a notebook with tqdm installed."""
    if not (progress and watched()):
        return nullcontext(batches)
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext(batches)  # a bar is a comfort: the line per epoch stays
    title = _("epoch {n}/{total}", n=number, total=epochs)
    with warnings.catch_warnings(action="ignore"):  # that no thread may watch over the bar
        return tqdm(batches, desc=title, leave=False, unit=_("batch"))  # type: ignore[no-any-return]
