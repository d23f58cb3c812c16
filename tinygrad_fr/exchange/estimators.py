"""scikit-learn estimators around a model: for pipelines, searches and cross-validation."""

import copy
import inspect
from typing import Any, Self

import numpy as np

from .. import checks, ops, optim, settings, training
from ..autograd.modes import no_grad
from ..data import DataLoader
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError, need
from ..kernels import Array
from ..nn import Flatten, Module, Sequential, models
from ..training.history import note, restore

need(data="sklearn")
from sklearn import base, model_selection, utils  # noqa: E402

OPTIMIZERS = {name.lower(): name for name in ("SGD", "Adagrad", "Adam", "AdamW", "RMSprop")}
NESTED = ("model__", "optimizer__")


def dense(features: int, outputs: int, hidden: tuple[int, ...] = (100,)) -> Module:
    """The model of an estimator that was given none."""
    return Sequential(Flatten(), models.mlp((features, *hidden, outputs)))


class _Estimator(base.BaseEstimator):  # type: ignore[misc]
    history_: Any

    # The last name begins like those that it takes, as scikit-learn's checks pass it, too.
    def __init__(
        self, model: Any = None, *, class_weight: Any = None, loss: Any = None,
        optimizer: Any = "Adam", lr: float = 1e-3, epochs: int = 100, batch_size: int = 32,
        early_stopping: bool = False, validation_fraction: float = 0.1, n_iter_no_change: int = 10,
        random_state: Any = None, verbose: bool = False, **model__and_optimizer__: Any,
    ) -> None:  # fmt: skip
        self.model, self.class_weight, self.loss = model, class_weight, loss
        self.optimizer, self.lr, self.epochs, self.batch_size = optimizer, lr, epochs, batch_size
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.n_iter_no_change, self.random_state = n_iter_no_change, random_state
        self.verbose = verbose
        self.set_params(**model__and_optimizer__)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All arguments by name, with those for the model and the optimizer."""
        nested = {name: x for name, x in vars(self).items() if name.startswith(NESTED)}
        return {**super().get_params(deep), **nested}

    def set_params(self, **params: Any) -> Self:
        """Change arguments by name, and return the estimator."""
        for name in [name for name in params if name.startswith(NESTED)]:
            setattr(self, name, params.pop(name))
        return super().set_params(**params)  # type: ignore[no-any-return]

    def _nested(self, prefix: str) -> dict[str, Any]:
        return {x[len(prefix) :]: v for x, v in vars(self).items() if x.startswith(prefix)}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new model, and return the estimator."""
        return self._learn(X, y, sample_weight, partial=False)

    def _learn(self, X: Any, y: Any, weight: Any, partial: bool) -> Self:
        """Train a new model; or, where it is ``partial``, what there is for one epoch more."""
        new, numbers = not (partial and hasattr(self, "model_")), base.is_regressor(self)
        X, y = self._valid(X, y, reset=new, multi_output=numbers, y_numeric=numbers)
        weight = utils.validation._check_sample_weight(weight, X, ensure_non_negative=True)
        target, weight = self._targets(y, weight, new, partial)
        if new:
            self._begin(X.shape)
        if not partial:  # a part alone does not know how much its examples count
            weight = weight / weight[weight > 0].mean() if np.ptp(weight) else np.ones_like(weight)
        kept: Any = slice(None) if weight.all() else weight > 0
        run = self._run(X[kept], target[kept], weight[kept], partial)
        if not partial:
            self.history_ = run
        for epoch in run.epochs if partial else ():
            note(self.history_, {**epoch, "epoch": len(self.history_) + 1}, self.model_)
        self.loss_curve_ = [epoch["loss"] for epoch in self.history_.epochs]
        self.n_iter_ = len(self.loss_curve_)
        return self

    def _valid(self, X: Any, y: Any = "no_validation", **options: Any) -> Any:
        options = {"dtype": (np.float64, np.float32), "allow_nd": True, **options}
        return utils.validation.validate_data(self, X, y, **options)

    def _begin(self, shape: tuple[int, ...]) -> None:
        """Make a model for such data, its optimizer, and a source of random numbers."""
        if self.random_state is None:
            seed = settings.generator().integers(2**31)
        else:
            seed = utils.check_random_state(self.random_state).randint(2**31 - 1)
        self._random, self.history_ = np.random.default_rng(seed), training.History()
        with settings.drawing_from(self._random):
            self.model_: Any = self._made(shape)
        make = self.optimizer
        if isinstance(make, str):
            make = getattr(optim, OPTIMIZERS[checks.one_of(make.lower(), "optimizer", OPTIMIZERS)])
        given = {"lr": self.lr, **self._nested("optimizer__")}
        self.optimizer_ = make(self.model_.parameters(), **given)

    def _made(self, shape: tuple[int, ...]) -> Module:
        """A copy of the model, or what its function makes."""
        model: Any = dense if self.model is None else self.model
        given = self._nested("model__")
        if callable(model) and not isinstance(model, Module):
            model, given = model(**_arguments(model, given, shape, self.n_outputs_)), {}
        if given or not isinstance(model, Module):
            raise DTypeError(
                "model is a Module, or a function that returns one and takes what is given as "
                  "model__: not {kind}", kind=checks.kind(model),
            )  # fmt: skip
        return copy.deepcopy(model)

    def _mean(self, y: Any, given: Any) -> Any:
        """The loss of outputs, given their targets and weights."""
        (target, weight), loss = given, self.loss or self._loss
        n, k = target.shape if target.ndim == 2 else (len(target), self.n_outputs_)
        if y.shape != (n, k):
            raise ShapeError(
                "the model gives {shape}, not ({n}, {k}): one output for each class or target",
                shape=y.shape, n=n, k=k,
            )  # fmt: skip
        target = target.astype(y.dtype) if target.dtype.kind == "f" else target
        if (weight == 1).all():  # any loss will do
            return loss(y, target)
        rows = loss(y, target, reduction="none").reshape(n, -1)
        share = weight / rows.size
        return (rows * share[:, None].astype(rows.dtype)).sum()

    def _run(self, X: Array, target: Array, weight: Array, partial: bool) -> training.History:
        valid, callbacks = None, []
        with settings.drawing_from(self._random):
            if self.early_stopping and not partial:
                X, x, target, t, weight, w = model_selection.train_test_split(
                    X, target, weight, test_size=self.validation_fraction,
                    stratify=target if base.is_classifier(self) else None,
                    random_state=int(self._random.integers(2**31)),
                )  # fmt: skip
                valid = DataLoader((x, (t, w)), self.batch_size)
                patience = checks.whole(self.n_iter_no_change, "n_iter_no_change", 1)
                callbacks.append(lambda history: len(history) - history.best_epoch >= patience)
            history = training.fit(
                self.model_, DataLoader((X, (target, weight)), self.batch_size, shuffle=True),
                valid, loss=self._mean, optimizer=self.optimizer_, callbacks=callbacks,
                epochs=1 if partial else self.epochs, progress=bool(self.verbose),
            )  # fmt: skip
        if valid:
            restore(history, self.model_)
        return history

    def _outputs(self, X: Any) -> Array:
        """What the model gives for data like those of ``fit``, (N, outputs)."""
        utils.validation.check_is_fitted(self)
        X, model, n = self._valid(X, reset=False), self.model_.eval(), self.batch_size
        with no_grad():
            y = [model(X[i : i + n]).data for i in range(0, len(X), n)]
        outputs = np.concatenate(y, dtype=np.float64)
        if np.isnan(outputs).any():
            raise NonFiniteError("the model gives NaN for some of these data: are they too large?")
        return outputs


def _arguments(function: Any, given: dict[str, Any], shape: Any, outputs: int) -> dict[str, Any]:
    """What a function that makes a model is called with, for data of that shape."""
    features = int(np.prod(shape[1:]))
    known: dict[str, Any] = dict.fromkeys(("features", "n_features", "in_features"), features)
    known |= dict.fromkeys(("outputs", "out_features", "classes", "n_classes"), outputs)
    known |= {"channels": shape[1], "size": shape[2]} if len(shape) == 4 else {}
    known["sizes"] = (features, 100, outputs)  # what an mlp asks for
    given = {**getattr(function, "keywords", {}), **given}  # a partial has its own
    asked = {x: p for x, p in inspect.signature(function).parameters.items() if x not in given}
    needed = [x for x, p in asked.items() if p.default is p.empty and str(p)[0] != "*"]
    named = {name: known[name] for name in asked if name in known}
    return {**(named or dict(zip(needed, (features, outputs)))), **given}


class Classifier(base.ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn classifier around a model, whose outputs are logits, one for each class.

    Training is in the dtype of the model's parameters. It draws no number from the library's
    generator but, without ``random_state``, its seed.

    Parameters
    ----------
    model
        A function that makes a model from what is known of the data: ``features`` (``n_features``,
        ``in_features``), ``outputs`` (``classes``, ``n_classes``, ``out_features``) and, of images
        (N, C, H, W), ``channels`` and ``size``. Arguments of other names get features and outputs
        by place. Or a Module, of which a copy is trained. By default, 100 hidden neurons with ReLU.
    class_weight
        How much each class counts: a dict by label, or ``"balanced"``.
    loss
        Takes outputs and targets; where examples are weighted, ``reduction="none"``, too, as
        ``tg.cross_entropy`` does.
    optimizer, lr
        A class, or its name, and its learning rate.
    epochs, batch_size
        How often to walk through the data, and in batches of how many examples.
    early_stopping
        In ``fit``, hold the share ``validation_fraction`` of the examples out, stop after
        ``n_iter_no_change`` epochs that were not the best for them, and go back to the best.
    random_state
        An integer, for the same run each time; a RandomState; None: ``tg.manual_seed`` decides.
    verbose
        Show a line per epoch.
    **model__and_optimizer__
        ``model__hidden=8`` is the function's ``hidden``, ``optimizer__momentum=0.9`` the
        optimizer's ``momentum``.

    Attributes
    ----------
    model_, optimizer_, history_
        What was trained, by what, and its History.
    classes_, n_features_in_, feature_names_in_, n_outputs_, n_iter_, loss_curve_
        As in scikit-learn; of images ``n_features_in_`` counts the channels.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Classifier(lr=0.01, random_state=0).fit(X, ["a", "a", "b", "b"]).predict(X)
    array(['a', 'a', 'b', 'b'], dtype='<U1')
    """

    _loss = staticmethod(ops.cross_entropy)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch; the first call is told all ``classes``."""
        if self.class_weight == "balanced":
            raise ArgumentError("class_weight='balanced' is for fit, which sees all: give a dict")
        utils.multiclass._check_partial_fit_first_call(self, classes)
        return self._learn(X, y, sample_weight, partial=True)

    def _targets(self, y: Array, weight: Array, new: bool, partial: bool) -> tuple[Array, Array]:
        utils.multiclass.check_classification_targets(y)
        if not partial:
            self.classes_ = np.unique(y)
        elif not np.isin(y, self.classes_).all():
            raise ArgumentError(
                "y holds others than the classes {known}: give the first partial_fit all of them, "
                "classes=", known=", ".join(map(str, self.classes_)),
            )  # fmt: skip
        self.n_outputs_, target = len(self.classes_), np.searchsorted(self.classes_, y)
        by_class = utils.compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        if by_class.min() < 0:
            raise ArgumentError("a class has a weight of {value}: give none below 0",
                                value=by_class.min())  # fmt: skip
        return target, weight * by_class[target]

    def predict_proba(self, X: Any) -> Array:
        """The probabilities of the classes, (N, C), in the order of ``classes_``."""
        return ops.softmax(self._outputs(X), 1)  # type: ignore[no-any-return]

    def predict(self, X: Any) -> Array:
        """The most probable classes, (N,)."""
        best = self._outputs(X).argmax(1)
        return self.classes_[best]  # type: ignore[no-any-return]


class Regressor(base.RegressorMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn regressor around a model, for one target (N,) or several (N, K).

    As ``Classifier``, without ``class_weight``, for ``tg.mse_loss`` and an output for each target.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> line = Regressor(tg.nn.Linear, lr=0.1, epochs=200, random_state=0)
    >>> line.fit(X, [1.0, 3.0, 5.0]).predict(X).round(1)
    array([1., 3., 5.])
    """

    _loss = staticmethod(ops.mse_loss)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch."""
        return self._learn(X, y, sample_weight, partial=True)

    def _targets(self, y: Array, weight: Array, new: bool, partial: bool) -> tuple[Array, Array]:
        if self.class_weight is not None:
            raise ArgumentError("class_weight is for a Classifier: give fit a sample_weight")
        target = y.reshape(len(y), -1)
        if new:
            self._shape, self.n_outputs_ = y.shape[1:], target.shape[1]
        return target.astype(np.float64), weight

    def predict(self, X: Any) -> Array:
        """The targets as the model has them, in the shape of those of ``fit``."""
        y = self._outputs(X)
        return y.reshape(len(y), *self._shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
