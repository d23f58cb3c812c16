"""Attention layers, and the block of a transformer. Names, shapes and starts are PyTorch's."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import settings
from ..autograd.tensor import Tensor
from ..checks import one_of, share, whole
from ..errors import ArgumentError, ShapeError
from ..kernels import as_array
from ..ops.activations import gelu, relu
from ..ops.attention import attention_weights
from ..ops.dropout import dropout
from ..ops.joining import split
from ..ops.products import linear
from ..ops.shape import expand_dims, squeeze, swapaxes, transpose
from .layers import Linear
from .module import Module, Parameter, initial
from .normalisation import Dropout, LayerNorm

ACTIVATIONS = {"relu": relu, "gelu": gelu}


class MultiheadAttention(Module):
    """Several attentions side by side: (L, N, embed_dim), N first with ``batch_first``.

    Parameters
    ----------
    embed_dim, num_heads
        Of an entry of the sequence; the heads share it in equal parts.
    dropout
        The probability with which a weight becomes 0 in training.
    kdim, vdim
        Of an entry of the keys and of the values, ``embed_dim`` if None.

    Attributes
    ----------
    in_proj_weight : Parameter (3 embed_dim, embed_dim) or None
        Of queries, keys and values, Glorot's at start; ``q_proj_weight``, ``k_proj_weight`` and
        ``v_proj_weight`` where ``kdim`` or ``vdim`` differ.
    in_proj_bias : Parameter (3 embed_dim,) or None
        0 at start.
    out_proj : Linear
        What mixes the heads; its bias is 0 at start.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.2.

    Examples
    --------
    >>> layer = MultiheadAttention(8, 2, batch_first=True)
    >>> x = np.ones((4, 7, 8))
    >>> y, weights = layer(x, x, x, is_causal=True)
    >>> y.shape, weights.shape  # each row of weights sums to 1
    ((4, 7, 8), (4, 7, 7))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, *,
        kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
    ) -> None:  # fmt: skip
        self.embed_dim = whole(embed_dim, "embed_dim", 1)
        self.num_heads = whole(num_heads, "num_heads", 1)
        if embed_dim % num_heads:
            raise ArgumentError(
                "num_heads ({heads}) must divide embed_dim ({n})", heads=num_heads, n=embed_dim
            )
        self.dropout, self.batch_first = share(dropout, "dropout"), bool(batch_first)
        self.kdim = embed_dim if kdim is None else whole(kdim, "kdim", 1)
        self.vdim = embed_dim if vdim is None else whole(vdim, "vdim", 1)
        self.in_proj_weight: Any = None
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = _glorot(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = _glorot(embed_dim, embed_dim)
            self.k_proj_weight = _glorot(embed_dim, self.kdim)
            self.v_proj_weight = _glorot(embed_dim, self.vdim)
        zeros = np.zeros(3 * embed_dim, settings.get_default_dtype())
        self.in_proj_bias = Parameter(zeros) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data = 0 * zeros[:embed_dim]

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None,
        need_weights: bool = True, attn_mask: Any = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Any]:  # fmt: skip
        """Let each query look at the keys.

        Parameters
        ----------
        query, key, value
            (L, N, embed_dim), (S, N, kdim) and (S, N, vdim); all without N for one sequence.
        key_padding_mask
            (N, S): True, or -inf, for keys that are only padding.
        need_weights, average_attn_weights
            Whether to return the weights, and their mean over the heads.
        attn_mask
            (L, S) or (N num_heads, L, S): True, or -inf, where a query may not look.
        is_causal
            Whether a query looks only at keys that do not come after it, whatever else a mask says.

        Returns
        -------
        outputs, weights
            (L, N, embed_dim), and (N, L, S) or, for each head, (N, num_heads, L, S); None if not
            asked for. A query that may look at no key gets weights of 0.

        Notes
        -----
        True in a mask hides, as in PyTorch's module; in ``tg.scaled_dot_product_attention`` it
        shows, as in PyTorch's function.
        """
        alone = len(query.shape) == 2
        self._check(query, key, value, key_padding_mask)
        q, k, v = self._projected(query, key, value)
        if alone:
            q, k, v = (expand_dims(x, 0) for x in (q, k, v))
        elif not self.batch_first:
            q, k, v = (swapaxes(x, 0, 1) for x in (q, k, v))
        n, places = q.shape[:2]
        q, k, v = map(self._parted, (q, k, v))
        masks = [_shown(attn_mask), _shown(key_padding_mask)]
        if masks[0] is not None:
            pairs = places, k.shape[-2]
            if masks[0].shape not in (pairs, (n * self.num_heads, *pairs)):
                raise ShapeError(
                    "attn_mask is (queries, keys), {pairs}, or (N num_heads, queries, keys): not "
                    "{shape}", pairs=pairs, shape=masks[0].shape,
                )  # fmt: skip
            if masks[0].ndim == 3:
                masks[0] = masks[0].reshape(n, self.num_heads, *pairs)
        if key_padding_mask is not None:
            masks[1] = masks[1].reshape(n, 1, 1, -1)
        if is_causal:
            masks.append(np.tri(places, k.shape[-2], dtype=bool))
        weights = attention_weights(q, k, masks)
        if self.dropout:
            weights = dropout(weights, self.dropout, self.training)
        joined = transpose(weights @ v, 0, 2, 1, 3).reshape(n, places, self.embed_dim)
        y = self.out_proj(joined)
        if average_attn_weights and need_weights:
            weights = weights.mean(1)
        if alone:
            y, weights = squeeze(y, 0), squeeze(weights, 0)
        elif not self.batch_first:
            y = swapaxes(y, 0, 1)
        return y, weights if need_weights else None

    def _check(self, query: Any, key: Any, value: Any, padding: Any) -> None:
        """Refuse sequences that do not belong together."""
        sizes = self.embed_dim, self.kdim, self.vdim
        for x, size in zip((query, key, value), sizes, strict=True):
            if len(x.shape) not in (2, 3) or x.shape[-1] != size:
                raise ShapeError(
                    "MultiheadAttention takes (places, N, features), N or not, with {n} features "
                    "on the last axis, not {shape}", n=size, shape=x.shape,
                )  # fmt: skip
        first = int(not self.batch_first)  # the axis of N
        n, others = ((x.shape[first],) if len(x.shape) == 3 else () for x in (query, key))
        if key.shape[:-1] != value.shape[:-1] or n != others:
            raise ShapeError(
                "the queries {q}, the keys {k} and the values {v} are of as many sequences, and "
                "there is a value for each key", q=query.shape, k=key.shape, v=value.shape,
            )  # fmt: skip
        places = key.shape[1 - first] if n else len(key)
        if padding is not None and np.shape(padding) != (*n, places):
            raise ShapeError(
                "key_padding_mask has the shape {shape} here, (N, keys), not {got}",
                shape=(*n, places), got=np.shape(padding),
            )  # fmt: skip

    def _projected(self, query: Any, key: Any, value: Any) -> list[Any]:
        """Queries, keys and values, from the entries of the sequences."""
        bias = self.in_proj_bias
        if self.in_proj_weight is None:
            matrices = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        elif query is key is value:  # one product for all
            return list(split(linear(query, self.in_proj_weight, bias), 3, -1))
        else:
            matrices = split(self.in_proj_weight, 3)
        biases = [None] * 3 if bias is None else split(bias, 3)
        inputs = zip((query, key, value), matrices, biases, strict=True)
        return [linear(x, w, b) for x, w, b in inputs]

    def _parted(self, x: Any) -> Any:
        """(N, L, embed_dim) to (N, num_heads, L, embed_dim / num_heads)."""
        width = self.embed_dim // self.num_heads
        return transpose(x.reshape(*x.shape[:2], self.num_heads, width), 0, 2, 1, 3)


class TransformerEncoderLayer(Module):
    """A block of a transformer: attention, then two dense layers, each beside a way around it.

    Parameters
    ----------
    d_model, nhead, dim_feedforward
        Of an entry of the sequence; the heads of the attention; between the dense layers.
    dropout
        In training, in four places.
    activation
        ``"relu"``, ``"gelu"`` or a function.
    norm_first
        Whether an entry is normalised before a layer (as in GPT) or after its sum.

    Attributes
    ----------
    self_attn : MultiheadAttention
    linear1, linear2 : Linear
    norm1, norm2 : LayerNorm

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.1.

    Examples
    --------
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(np.ones((4, 7, 8)), is_causal=True).shape
    (4, 7, 8)
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu", layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True,
    ) -> None:  # fmt: skip
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.linear1 = Linear(d_model, whole(dim_feedforward, "dim_feedforward", 1), bias)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))
        if not callable(activation):
            activation = ACTIVATIONS[one_of(activation, "activation", ACTIVATIONS)]
        self.activation, self.norm_first = activation, bool(norm_first)

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Apply the block; masks as for :class:`MultiheadAttention`."""

        def attended(x: Any) -> Any:
            y, _weights = self.self_attn(
                x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal
            )
            return self.dropout1(y)

        def dense(x: Any) -> Any:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        if self.norm_first:
            x = src + attended(self.norm1(src))
            return x + dense(self.norm2(x))
        x = self.norm1(src + attended(src))
        return self.norm2(x + dense(x))


def _glorot(rows: int, columns: int) -> Parameter:
    return Parameter(initial(rows, columns, bound=math.sqrt(6 / (rows + columns))))


def _shown(mask: Any) -> Any:
    """A mask of what is hidden as one of what is shown; numbers as they are."""
    if mask is None:
        return None
    mask = mask if isinstance(mask, Tensor) else as_array(mask)
    return ~mask if mask.dtype == bool else mask
