"""What PyTorch's users try, and what it is called here."""

from typing import Any

from ...errors import SpellingError

KEYWORDS = {
    "dim": "axis", "dims": "axis", "keepdim": "keepdims", "unbiased": "ddof", "correction": "ddof",
}  # fmt: skip

_HERE = {
    "x.reshape(shape)": "view view_as reshape_as unflatten",
    "x.expand_dims(axis)": "unsqueeze unsqueeze_",
    "x.transpose(axes)": "permute",
    "x.swapaxes(i, j)": "swapdims transpose_",
    "x.T": "t",
    "x.swapaxes(-1, -2)": "mT adjoint",
    "x.broadcast_to(shape)": "expand expand_as",
    "x.size": "numel nelement",
    "x.ndim": "dim ndimension",
    "x.copy()": "clone",
    "x.astype(dtype)": "to type type_as long int short float double half bool",
    "x.clip(min, max)": "clamp clamp_min clamp_max",
    "x @ y": "mm bmm mv",
    "x + y, x - y, x * y, x / y, x**y": "sub mul div true_divide pow",
    "x == y, x != y, x < y, x <= y, x > y, x >= y": "eq ne lt le gt ge",
    "-x": "neg",
    "tg.concatenate([x, y], axis)": "cat concat",
    "tg.where(mask, value, x)": "masked_fill masked_fill_",
    "x[mask], x[rows, columns]": "masked_select index_select gather select narrow nonzero",
    "list(x)": "unbind",
    "x.split(n, axis)": "chunk",
    "np.argsort(x.data)": "argsort topk",
    "x.requires_grad = True": "requires_grad_",
    "loss.backward(retain_grads=True)": "retain_grad",
    "x.grad = None": "zero_grad",
    "with tg.no_grad(): x += y": "add_ sub_ mul_ div_ copy_ zero_ fill_ clamp_ uniform_ normal_",
    "x": "cuda cpu device is_cuda contiguous",
    "x.detach()": "detach_",
    "tg.Tensor(data)": "tensor as_tensor from_numpy asarray FloatTensor LongTensor",
    "tg.Tensor(np.zeros(shape))": "zeros ones full empty eye arange linspace zeros_like ones_like",
    "tg.Tensor(rng.standard_normal(shape))": "rand randn randint rand_like randn_like",
    "np.float32, np.float64, np.int64": "float32 float64 int32 int64",
}
_OURS = {theirs: ours for ours, names in _HERE.items() for theirs in names.split()}


def unknown(owner: str, name: str) -> AttributeError:
    """The error for an attribute that does not exist, with what PyTorch's is called here."""
    if name not in _OURS:
        return AttributeError(f"{owner} has no attribute {name!r}")
    return SpellingError(
        "{owner} has no {name}; here it is {ours}", owner=owner, name=name, ours=_OURS[name]
    )


class _Elsewhere:
    """What stands on a Tensor for a name of PyTorch: there is no such attribute, and it says why.

    Not ``__getattr__``: with one, CPython looks up the attributes that are there more slowly, too.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, tensor: Any, owner: type) -> Any:
        raise unknown("Tensor", self.name)


class Spellings:
    """The names that PyTorch's users try on a Tensor."""

    __slots__ = ()

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _OURS or hasattr(self, name)]


for _name in _OURS:
    setattr(Spellings, _name, _Elsewhere(_name))
