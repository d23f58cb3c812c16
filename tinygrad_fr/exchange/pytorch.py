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
    "axis": "dim", "MultiheadAttention.bias": "in_proj_bias",
    **{"TransformerEncoderLayer." + name: place for name, place in {
        "d_model": "self_attn.embed_dim", "nhead": "self_attn.num_heads", "bias": "linear1.bias",
        "dim_feedforward": "linear1.out_features", "layer_norm_eps": "norm1.eps",
        "batch_first": "self_attn.batch_first", "dropout": "dropout.p",
    }.items()},
}  # fmt: skip


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
    model: nn.Module = _twin(module, "")
    own, constants = model.state_dict(), dict(module.named_buffers())
    state = {n: (x.float() if "bfloat16" in str(x.dtype) else x).detach().cpu().numpy().copy()
             for n, x in module.state_dict().items() if n in own or n not in constants}  # fmt: skip
    model.load_state_dict(state)  # all names and shapes fit; now the dtypes, too
    if len([*model.parameters()]) != len([*module.parameters()]):
        raise ArgumentError("layers of the model share parameters: share them here by hand")
    for name, p in model.named_parameters():
        p.data, p.requires_grad = state[name], module.get_parameter(name).requires_grad
    for path, layer in model.named_modules():
        layer.training = module.get_submodule(path).training
        for name in layer._buffers:
            setattr(layer, name, state[f"{path}.{name}".lstrip(".")])
    return model


def _twin(layer: Any, path: str) -> Any:
    """The layer of the same name with the same arguments."""
    kind = type(layer).__name__
    own, called = getattr(nn, kind, None), f"{path} ({kind})" if path else kind
    if own is None or not type(layer).__module__.startswith("torch.nn.") or "Module" in kind:
        text = _(
            "{layer} is no layer of tg.nn: write a Module with its forward and the same names, "
            "and load its weights, .load_state_dict(module.state_dict())"
        )
        raise ArgumentError(text, layer=called)
    if kind == "Sequential":
        inside = layer._modules.items()
        return nn.Sequential({n: _twin(x, f"{path}.{n}".lstrip(".")) for n, x in inside})
    try:
        return own(**_arguments(layer, kind, own))
    except TinygradError as error:
        raise ArgumentError("{layer}: {error}", layer=called, error=error) from error


def _arguments(layer: Any, kind: str, own: Any) -> dict[str, Any]:
    """What our class takes, read from the layer; an error for an option that it does not take."""
    found, taken = {}, inspect.signature(own).parameters
    for name in taken:
        place = _ELSEWHERE.get(f"{kind}.{name}", _ELSEWHERE.get(name, name))
        with suppress(AttributeError):  # it is only ours, or used at the start only
            value = attrgetter(place)(layer)
            if name == "bias" and not isinstance(value, bool):
                value = value is not None
            value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
            found[name] = getattr(value, "__name__", value)  # of an activation
    others = {n: p.default for base in reversed(type(layer).__mro__[:-1])
              for n, p in inspect.signature(base).parameters.items()
              if n not in {*taken, "bias", "dim", "inplace"}}  # fmt: skip
    lost = ["dim"] if found.get("axis", 0) is None else []
    lost += [n for n, default in others.items() if default is not inspect.Parameter.empty
             and getattr(layer, n, False) not in (None, default)
             and getattr(layer, n, False) is not False]  # fmt: skip
    for name in lost:
        value = getattr(layer, name)
        raise ArgumentError("there is no {name}={value!r} here", name=name, value=value)
    return found
