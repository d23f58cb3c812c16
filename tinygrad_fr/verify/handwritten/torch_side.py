"""What PyTorch is asked for beside its operations: its settings, its graph, arrays of tensors."""

import copy
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from ...errors import ArgumentError, DTypeError
from ...kernels import Array
from ...messages import _
from .calls import parameters_of, positional

# The settings of PyTorch are those of all threads.
_SETTINGS = threading.RLock()


def functions_before(nodes: Iterable[Any]) -> list[Any]:
    """The Functions that somebody wrote in the graph before some nodes."""
    todo, seen = list(nodes), set[Any]()
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo += [before for before, _k in node.next_functions]
    return [node for node in seen if hasattr(node, "_forward_cls")]


def returned_by(function: Any, context: Any, upstream: Iterable[Any]) -> tuple[Any, ...]:
    """What the backward of a Function returns, as a tuple."""
    with sys.modules["torch"].no_grad():
        found = function.backward(context, *upstream)
    return found if isinstance(found, tuple) else (found,)


@contextmanager
def watched(
    function: Any, upstream: Iterable[Any], context: Any, changed: list[str]
) -> Iterator[None]:
    """Add what is changed in place, inside, of what the backward of a Function is given."""
    names = positional(parameters_of(function.backward))[1:]
    given = dict(zip([*names, *(f"argument {k}" for k in range(99))], upstream, strict=False))
    with suppress(RuntimeError, AttributeError):  # the forward has changed them; or none are asked
        saved = context.saved_tensors
        given |= {f"ctx.saved_tensors[{k}]": t for k, t in enumerate(saved)}
        given |= {f"ctx.{name}": x for name, x in vars(context).items()}
    torch = sys.modules["torch"]
    dense = [n for n, t in given.items() if torch.is_tensor(t) and t.layout == torch.strided]
    before = {n: array_of(given[n]).copy() for n in dense}
    yield
    changed += [
        n for n, x in before.items() if not np.array_equal(x, array_of(given[n]), equal_nan=True)
    ]


def watch_upstream(node: Any, changed: list[str]) -> None:
    """Add what the backward of a Function in a graph changes in place of what arrives there."""
    looking = ExitStack()

    def begin(upstream: Any) -> None:
        looking.enter_context(watched(node._forward_cls, upstream, None, changed))

    node.register_prehook(begin)
    node.register_hook(lambda *_gradients: looking.close())


def reduced(g: Any, x: Any) -> Any:
    """A gradient as PyTorch takes it: summed where the argument would be broadcast to its shape."""
    if g is None:
        return None
    if not hasattr(g, "sum_to_size"):
        text = _("the backward returns {kind} for a tensor: return a tensor, or None")
        raise TypeError(text.format(kind=type(g).__name__))
    with suppress(RuntimeError):  # the shape is wrong
        g = g.sum_to_size(x.shape)
    return array_of(g)


def array_of(t: Any) -> Array:
    """The values of a tensor; of the kinds of floats that NumPy has not, in float32."""
    torch = sys.modules["torch"]
    if t.is_meta or t.is_quantized or t.is_nested:
        kind = "meta" if t.is_meta else "quantized" if t.is_quantized else "nested"
        text = _("a {kind} tensor has no array of values: make a usual one of it")
        raise DTypeError(text, kind=kind)
    t = (t if t.layout == torch.strided else t.to_dense()).detach().cpu()
    known = t.dtype in (torch.float16, torch.float32, torch.float64)
    t = t.float() if t.is_floating_point() and not known else t
    return t.resolve_conj().resolve_neg().numpy()  # type: ignore[no-any-return]


def array_given(t: Any) -> Array:
    """The values of a tensor that somebody gives; dense ones only, as gradients are."""
    if t.layout != sys.modules["torch"].strided:
        text = _("a sparse tensor is given where a dense one is needed: x.to_dense()")
        raise DTypeError(text)
    return array_of(t)


def refuse_hidden(module: Any) -> None:
    """Refuse a Module with parameters whose gradients are not what a copy of it would tell."""
    for name, p in module.named_parameters():
        if p.requires_grad and p.is_complex():
            text = _(
                "{name} is complex: only real parameters are judged; keep its real and its "
                "imaginary part as two"
            )
            raise DTypeError(text, name=name)
        if p._backward_hooks or p._post_accumulate_grad_hooks:
            raise ArgumentError("{name} has hooks, which would be lost: remove them", name=name)


def copied(module: Any) -> Any:
    """A copy of a Module; what an earlier call has left on it is no part of a graph any more."""
    parts = [] if module is None else module.modules()
    left = [x for part in parts for x in vars(part).values() if getattr(x, "grad_fn", None)]
    with recorded_again():
        return copy.deepcopy(module, {id(x): x.detach().clone() for x in left})


@contextmanager
def recorded_again() -> Iterator[None]:
    """Inside, PyTorch records its graph, whatever the caller has switched off."""
    torch = sys.modules["torch"]
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextmanager
def promoted(seed: int) -> Iterator[None]:
    """Inside, new tensors are float64, random ones from a seed, and one thread is enough.

    A small convolution waits a hundred times as long for threads as it takes. One call at a time:
    another thread would take the settings in here for the usual ones.
    """
    with _SETTINGS, recorded_again(), _set(seed):
        yield


@contextmanager
def _set(seed: int) -> Iterator[None]:
    torch = sys.modules["torch"]
    dtype, state = torch.get_default_dtype(), torch.get_rng_state()
    threads = torch.get_num_threads()
    torch.default_generator.manual_seed(seed)  # torch.manual_seed notes where it was called
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_rng_state(state)
        torch.set_num_threads(threads)
