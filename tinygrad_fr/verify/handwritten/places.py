"""The arrays in what somebody gives or keeps: the way to each, and what it is called."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...kernels import Array
from ...worker.subject import Slot, label
from ..vocabulary import named_like_a_gradient


def name_of(slot: Slot, places: Collection[Slot], taken: Collection[str] = ()) -> str:
    """What an array at a place is called: by its last word, if no other has it.

    What is ``taken`` are the names of arguments.
    """
    ends = [s[-1] for s in places if not named_like_a_gradient(tuple(map(str, s)))]
    wrapped = slot[-1] in ("value", "data")  # of a Parameter: W.value
    alone = isinstance(slot[-1], str) and not wrapped and ends.count(slot[-1]) == 1
    name = str(slot[-1]) if alone else label(slot)
    return f"self.{label(slot)}" if name in taken else name


def last_word(name: str) -> str:
    """The last word of a name: ``W`` of ``layers[0].W`` and of ``grads["W"]``."""
    return re.sub(r".*\W", "", name.rstrip("'\"])"))


def leaves(argument: Any, path: Slot = ()) -> list[tuple[Slot, Array]]:
    """The arrays in dicts and lists, with the way to each; none of an array itself."""
    if isinstance(argument, np.ndarray):
        return [(path, argument)] if path else []
    if isinstance(argument, dict):
        items = list(argument.items())
    elif hasattr(argument, "_asdict"):
        items = list(argument._asdict().items())
    elif isinstance(argument, (list, tuple)) and any(
        isinstance(x, (np.ndarray, dict, list, tuple)) for x in argument
    ):
        items = list(enumerate(argument))
    else:
        return []
    return [leaf for key, x in items for leaf in leaves(x, (*path, key))]


def with_array(container: Any, path: Slot, array: Any) -> Any:
    """A container with another array at a place; the array itself for an empty way."""
    if not path:
        return array
    if hasattr(container, "_asdict"):
        key = container._fields.index(path[0])
        return container._replace(**{path[0]: with_array(container[key], path[1:], array)})
    inner = with_array(container[path[0]], path[1:], array)
    if isinstance(container, tuple):
        return tuple(inner if k == path[0] else x for k, x in enumerate(container))
    container[path[0]] = inner
    return container


def uneven(shape: tuple[int, ...]) -> Array:
    """Amounts between 0.1 and 0.3 to move an array by, no row like another.

    A softmax or a normalisation would not see the same amount everywhere.
    """
    return (0.1 + 0.2 * (0.618034 * np.arange(np.prod(shape)) % 1)).reshape(shape)


def is_plain(argument: Any) -> bool:
    """Whether an argument is made of arrays, numbers and words, and no object of somebody's own."""
    if isinstance(argument, dict):
        return all(map(is_plain, argument.values()))
    if isinstance(argument, (list, tuple)):
        return all(map(is_plain, argument))
    return argument is None or isinstance(
        argument, (np.ndarray, np.generic, int, float, str, Tensor)
    )


def flat(x: Any) -> Iterator[Any]:
    """What is in lists, tuples and dicts."""
    if isinstance(x, (dict, list, tuple)):
        for part in x.values() if isinstance(x, dict) else x:
            yield from flat(part)
    else:
        yield x


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """The same with a function of each."""
    if isinstance(x, dict):
        return {name: mapped(function, part) for name, part in x.items()}
    if not isinstance(x, (list, tuple)):
        return function(x)
    parts = [mapped(function, part) for part in x]
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
