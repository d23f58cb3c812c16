"""Models taken over from PyTorch, with their weights."""

import inspect
from contextlib import suppress
from operator import attrgetter
from typing import Any

from .. import nn
from ..errors import ArgumentError, TinygradError
from ..messages import _

# Where a layer keeps its arguments that are no attributes of their own.
_ELSEWHERE = {
    "axis": "dim", "MultiheadAttention.bias": "in_proj_bias", "add_bias_kv": "bias_k",
    **{"TransformerEncoderLayer." + name: place for name, place in {
        "d_model": "self_attn.embed_dim", "nhead": "self_attn.num_heads", "bias": "linear1.bias",
        "dim_feedforward": "linear1.out_features", "layer_norm_eps": "norm1.eps",
        "batch_first": "self_attn.batch_first", "dropout": "dropout.p",
    }.items()},
}  # fmt: skip

# What PyTorch's modules and parameters have beside their forward.
_HOOKS = "forward", "forward_pre", "backward", "backward_pre", "post_accumulate_grad"


def from_torch(module: Any) -> nn.Module:
    """A model of the same layers, with the weights, dtypes and modes of one of PyTorch.

    ``module`` is a layer that ``nn`` has under the same name, or a ``Sequential`` of such, also
    nested. Of a Module of your own, write the twin under the same names, and load the weights:
    ``twin.load_state_dict(module.state_dict())``.

    Raises
    ------
    ArgumentError
        If a layer, or one of its options, is not known here; it names both.

    Examples
    --------
    >>> from_torch(torch.nn.Sequential(torch.nn.Linear(4, 3)))  # doctest: +SKIP
    """
    model: nn.Module = _twin(module, "", {})
    for path, x in (*module.named_modules(), *module.named_parameters()):
        if getattr(x, "is_meta", False):
            text = _("{name} is on the device meta, where nothing has values: load its weights")
            raise ArgumentError(text, name=path)
        if any(getattr(x, f"_{name}_hooks", None) for name in _HOOKS):
            name = path or type(x).__name__
            raise ArgumentError("{name} has hooks, which would be lost: remove them", name=name)
    own, constants = model.state_dict(), dict(module.named_buffers())
    state = {n: (x.float() if "bfloat16" in str(x.dtype) else x).detach().cpu().numpy().copy()
             for n, x in module.state_dict().items() if n in own or n not in constants}  # fmt: skip
    model.load_state_dict(state)  # all names and shapes fit; now the dtypes, too
    made: dict[int, Any] = {}
    for path, layer in model.named_modules(remove_duplicate=False):
        theirs, before = module.get_submodule(path), f"{path}." if path else ""
        _check_alike(layer, theirs, path)
        layer.training = theirs.training
        for name in layer._buffers:
            setattr(layer, name, state[before + name])
        for name, p in theirs.named_parameters(recurse=False):
            mine = made.setdefault(id(p), getattr(layer, name))  # one for those that are tied
            mine.data, mine.requires_grad = state[before + name], p.requires_grad
            setattr(layer, name, mine)
    return model


def _check_alike(own: nn.Module, theirs: Any, path: str) -> None:
    """Refuse a layer inside another that is not what the other's arguments make of it."""
    kinds = [kind.__name__ for kind in type(theirs).__mro__]
    if type(own).__name__ not in kinds or "forward" in vars(theirs):
        text = _("{path} was replaced by another layer, which would be lost")
        raise ArgumentError(text, path=path)
    for name, value in {} if "Sequential" in kinds else _arguments(theirs, type(own)).items():
        mine = getattr(own, name, value)
        numbers = isinstance(mine, (int, float)) and isinstance(value, (int, float))
        if (numbers or type(mine) is type(value) in (str, tuple)) and mine != value:
            text = _("{path} was given another {name} later, {value!r}, which would be lost")
            raise ArgumentError(text, path=path, name=name, value=value)


def _twin(layer: Any, path: str, made: dict[int, Any]) -> Any:
    """The layer of the same name with the same arguments, made once."""
    if id(layer) in made:
        return made[id(layer)]
    kind = type(layer).__name__
    own, called = getattr(nn, kind, None), f"{path} ({kind})" if path else kind
    theirs = type(layer).__module__.startswith("torch.nn.") and "forward" not in vars(layer)
    if own is None or not theirs or "Module" in kind:
        raise ArgumentError(
            "{layer} is no layer of tg.nn: write a Module with its forward and the same names, "
              "and load its weights, .load_state_dict(module.state_dict())", layer=called,
        )  # fmt: skip
    if kind == "Sequential":
        before = f"{path}." if path else ""
        own = own({n: _twin(x, before + n, made) for n, x in layer._modules.items()})
    else:
        try:
            own = own(**_arguments(layer, own))
        except TinygradError as error:
            raise ArgumentError("{layer}: {error}", layer=called, error=error) from error
    return made.setdefault(id(layer), own)


def _arguments(layer: Any, own: Any) -> dict[str, Any]:
    """What our class takes, read from the layer; an error for an option that it does not take."""
    found, taken = {}, inspect.signature(own).parameters
    for name in taken:
        with suppress(AttributeError):  # it is only ours, or used at the start only
            value = _argument(layer, name)
            value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
            found[name] = getattr(value, "__name__", value)  # of an activation
    lost = {"dim": None} if found.get("axis", 0) is None else {}
    for base in reversed(type(layer).__mro__[:-1]):
        for name, p in inspect.signature(base).parameters.items():
            with suppress(AttributeError):
                value = None if name in {*taken, "dim", "inplace"} else _argument(layer, name)
                if not (p.default is p.empty or value is False or value in (None, p.default)):
                    lost[name] = value
    for name, value in lost.items():
        raise ArgumentError("there is no {name}={value!r} here", name=name, value=value)
    return found


def _argument(layer: Any, name: str) -> Any:
    """What a layer was made with, from where it keeps it."""
    place = _ELSEWHERE.get(f"{type(layer).__name__}.{name}", _ELSEWHERE.get(name, name))
    value = attrgetter(place)(layer)
    return value is not None if "bias" in name and not isinstance(value, bool) else value
