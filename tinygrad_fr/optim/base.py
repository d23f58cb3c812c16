"""What all optimizers share: groups of parameters, their options, and the state to save."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.guards.messages import label
from ..autograd.tensor import Tensor
from ..checks import positive, same_shape
from ..errors import ArgumentError, DTypeError
from ..kernels import Array

_NOT_NEGATIVE = {
    "lr", "weight_decay", "momentum", "dampening", "eps", "alpha", "lr_decay",
    "initial_accumulator_value",
}  # fmt: skip


class Optimizer:
    """Base of optimizers.

    Parameters
    ----------
    parameters
        Tensors that require a gradient, or dicts ``{"params": Tensors, option: value}`` for
        groups with options of their own.
    options
        The options of groups that do not set them.

    Attributes
    ----------
    param_groups : list of dict
        The groups with all their options; ``param_groups[0]["lr"] = 0.01`` changes a rate.
    """

    # The names of the arrays that it keeps for each parameter.
    slots: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Any], **options: Any) -> None:
        if not isinstance(parameters, Iterable):
            raise DTypeError(
                "an optimizer takes Tensors, not {kind}: pass model.parameters()",
                kind=type(parameters).__name__,
            )
        given = list(parameters) if not isinstance(parameters, Tensor) else [parameters]
        if not given:
            raise ArgumentError("the optimizer has no parameters: pass model.parameters()")
        groups: list[Any] = given if isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        seen: set[int] = set()
        for group in groups:
            if not isinstance(group, dict) or "params" not in group:
                raise ArgumentError('a group is a dict with "params", and all groups are dicts')
            unknown = group.keys() - options.keys() - {"params"}
            if unknown:
                raise ArgumentError(
                    "{kind} has no option {unknown}: its options are {known}",
                    kind=type(self).__name__,
                    unknown=", ".join(sorted(map(str, unknown))),
                    known=", ".join(options),
                )
            parameters = group["params"]
            parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
            for p in parameters:
                _check_parameter(p, seen)
            merged = {name: _plain(value) for name, value in {**options, **group}.items()}
            self.param_groups.append({**merged, "params": parameters})
            for name in _NOT_NEGATIVE & options.keys():
                positive(self.param_groups[-1][name], name, zero=True)
        self.steps = 0
        self.first_lrs: list[float] | None = None  # before any schedule, once there is one
        # By the Tensor itself, so that a deep copy or a pickle keeps each with its own.
        self._state: dict[Tensor, dict[str, Array]] = {}

    def __repr__(self) -> str:
        options = {k: v for k, v in self.param_groups[0].items() if k != "params"}
        text = ", ".join(f"{name}={value}" for name, value in options.items())
        return f"{type(self).__name__}({len(self._parameters())} Tensors, {text})"

    @property
    def lr(self) -> float:
        """The learning rate of the first group; setting it sets that of all groups."""
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = _plain(value)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        for p in self._parameters():
            p._grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        self.steps += 1
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    self._update(p._array, p._grad._array, self._state.setdefault(p, {}), group)
                    engine.touch(p)

    def _update(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> None:
        """Change ``p`` in place; written by subclasses."""
        raise ArgumentError("{kind} must define _update", kind=type(self).__name__)

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def state_dict(self) -> dict[str, Array]:
        """The arrays that it keeps, by parameter number, its step count and its options."""
        state: dict[str, Array] = {"steps": np.array(self.steps)}
        for i, p in enumerate(self._parameters()):
            for name, array in self._state.get(p, {}).items():
                state[f"{i}.{name}"] = array.copy()
        for i, group in enumerate(self.param_groups):
            for name, value in group.items():
                if name != "params":
                    state[f"group{i}.{name}"] = np.array(value)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from ``state_dict`` of an optimizer of the same kind and model."""
        parameters = self._parameters()
        if "steps" not in state:
            raise ArgumentError("this is not the state of an optimizer: it has no steps")
        arrays: dict[Tensor, dict[str, Array]] = {}
        options: list[dict[str, Any]] = [{} for _group in self.param_groups]
        for key, value in state.items():
            owner, _dot, name = key.partition(".")
            number = int(owner[5:]) if owner[:5] == "group" and owner[5:].isdigit() else -1
            if 0 <= number < len(options) and name in self.param_groups[number]:
                options[number][name] = np.asarray(value)
            elif owner.isdigit() and int(owner) < len(parameters) and name in self.slots:
                p = parameters[int(owner)]
                if name != "step":
                    same_shape(value, p.shape, key)
                like = p._array if name != "step" else None
                arrays.setdefault(p, {})[name] = np.array(value, like=like)
            elif key != "steps":
                raise ArgumentError(
                    "the state of another optimizer: {key!r} is unknown to {kind}",
                    key=key,
                    kind=type(self).__name__,
                )
        self._state = arrays
        self.steps = int(state["steps"])
        for group, values in zip(self.param_groups, options, strict=True):
            for name, value in values.items():
                group[name] = value.item() if value.ndim == 0 else tuple(value.tolist())


def _plain(value: Any) -> Any:
    """A Python number for a NumPy one, which would promote float32 parameters' updates."""
    return value.item() if isinstance(value, np.generic) else value


def _check_parameter(p: Any, seen: set[int]) -> None:
    if not isinstance(p, Tensor):
        raise DTypeError("an optimizer takes Tensors, not {kind}", kind=type(p).__name__)
    if not p.is_leaf or p.dtype.kind != "f":
        raise ArgumentError(
            "{name} cannot be learned: it must be a floating leaf, not a result",
            name=label(p),
        )
    if id(p) in seen:
        raise ArgumentError("{name} is given twice to the optimizer", name=label(p))
    seen.add(id(p))
