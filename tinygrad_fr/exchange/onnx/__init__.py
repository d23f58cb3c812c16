"""Models written as ONNX files, which other programs run (the extra ``onnx``)."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...checks import whole
from ...errors import need

need(onnx="onnx")

import onnx  # noqa: E402
from onnx import helper  # noqa: E402

from ...autograd.modes import switch  # noqa: E402
from ...autograd.operation import registry  # noqa: E402
from ...graph.recorded.arguments import call  # noqa: E402
from ...io.files import as_path, check_place, write  # noqa: E402
from ...messages import _  # noqa: E402
from .calls import Call, File, array  # noqa: E402
from .examples import RECORDED, Examples, compare, order, other_steps  # noqa: E402
from .table import TABLE, WRITTEN_OUT  # noqa: E402

__all__ = ["operations", "to_onnx"]

OPSET = 17  # the first with layer normalisation; what reads ONNX since 2022 reads it


def to_onnx(
    model: Callable[..., Any], example: Any, path: str | os.PathLike[str], *,
    opset: int | None = None, batch_axis: int | None = 0,
    metadata: Mapping[str, str] | None = None,
) -> Any:  # fmt: skip
    """Write a model, as it computes in evaluation, to a file in the format ONNX.

    Parameters
    ----------
    model
        A Module, left as it was, or a function of Tensors; what that closes over is constant, and
        computes in the mode that it has: call ``eval()`` before.
    example
        An input (an array or a Tensor), a tuple of them, or a dict by the names that ``forward``
        gives them; typical numbers, or zeros where any will do.
    path
        The file.
    opset
        The version of ONNX's operations, 17 (the default) or later.
    batch_axis
        Along which the examples lie, in each input that has as many as the first: their number is
        free in the file. None leaves all sizes as they are.
    metadata
        Texts by name, such as the names of the classes.

    Returns
    -------
    onnx.ModelProto
        What the file holds. Parameters and buffers have their paths as names, and nodes begin
        with those of their modules: ``features.3/conv2d``.

    Raises
    ------
    ArgumentError
        If ONNX lacks an operation, with the layer that called it; if a size that is fixed in ONNX
        follows the batch; if the file gives other results than the model for other numbers, since
        forward takes them out of the graph (``.data``, NumPy) or decides by them.

    Notes
    -----
    Before it is written the file is compared with the model, for batches of 5, of 1 if the model
    takes it, and for larger and smaller numbers if it makes finite ones of them: by ONNX Runtime
    where it is installed and has the operations, else by ONNX's own evaluator.

    ONNX Runtime lacks operations of float64, convolutions among them. An array of NumPy that
    ``forward`` makes has this dtype unless told another, and so has all that is computed with it,
    in the model and in the file: give it ``dtype=x.dtype``.

    Examples
    --------
    >>> import os, tempfile, numpy as np, tinygrad_fr as tg
    >>> path = os.path.join(tempfile.mkdtemp(), "mlp.onnx")
    >>> made = to_onnx(tg.nn.models.mlp((3, 4, 2)), np.zeros((1, 3)), path)
    >>> [node.name for node in made.graph.node]
    ['0/linear', '1/relu', '2/linear', 'output']
    """
    newest = onnx.defs.onnx_opset_version()
    opset = whole(OPSET if opset is None else opset, "opset", OPSET, newest)
    target, examples = check_place(as_path(path)), Examples(model, example, batch_axis)
    imported = [helper.make_opsetid("", opset)]
    # Two recordings of one size show what comes from outside of the graph; two sizes, what follows.
    graphs = [_graph(examples, opset, examples.sizes(*sizes)) for sizes in ((2, 2), RECORDED)]
    made = helper.make_model(
        graphs[1], opset_imports=imported, producer_name="tinygrad_fr",
        ir_version=helper.find_min_ir_version_for(imported),  # for older programs, too
    )  # fmt: skip
    helper.set_model_props(made, {name: str(text) for name, text in (metadata or {}).items()})
    compare(made, examples)
    write(target, made.SerializeToString())
    return made


def operations() -> dict[str, str]:
    """How operations are written: the name in ONNX, "composed" of others, or "" for not at all.

    Functions that are composed of operations, such as ``pad``, are recorded, and written, as these.

    Examples
    --------
    >>> how = operations()
    >>> how["conv2d"], how["silu"], how["cholesky"]
    ('Conv', 'composed', '')
    """
    return {
        name: TABLE[name][0] if name in TABLE else "composed" * (name in WRITTEN_OUT)
        for name, operation in sorted(registry.items())
        if not operation.composed
    }


def _graph(examples: Examples, opset: int, batches: tuple[int, ...]) -> Any:
    """The graph of ONNX, from recordings with two sizes of the batch."""
    model = examples.model
    file = File(opset, batches, (next(iter(examples.batched), ""), examples.axis))
    calls = [examples.call(examples.drawn(n, i)) for i, n in enumerate(batches)]
    inputs, outputs = (
        {name: (x, others[name]) for name, x in first.items()}
        for first, others in zip(*calls, strict=True)
    )
    for name, pair in inputs.items():
        file.know(map(array, pair), file.free(name))
    for name, p in itertools.chain(model.named_parameters(), model.named_buffers()):
        file.know([array(p)], file.constant(array(p), name))
    _write_all(file, list(zip(*outputs.values(), strict=True)))
    ends = {}
    for name, (y, other) in outputs.items():
        known = file.names.get(id(y._array), ("",))[0] or file.constant(y._array, name)
        ends[file.node(name, "Identity", [known])] = y, other
    read = {name for node in file.nodes for name in node.input}
    return helper.make_graph(
        file.nodes, type(model).__name__,
        [_described(name, *pair, batches) for name, pair in inputs.items()],
        [_described(name, *pair, batches) for name, pair in ends.items()],
        [constant for constant in file.constants if constant.name in read],
    )  # fmt: skip


def _described(name: str, a: Any, b: Any, batches: tuple[int, ...]) -> Any:
    """A value with its dtype and its shape; the size of the batch has a name, what follows none."""
    sizes = zip(a.shape, b.shape, strict=True)
    shape = [n if n == m else "batch" if (n, m) == batches else None for n, m in sizes]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), shape)


def _write_all(file: File, roots: Sequence[Any]) -> None:
    """Write what some Tensors were computed from, in both recordings."""
    for nodes in itertools.zip_longest(*(order(tensors, file.names) for tensors in roots)):
        if len({getattr(node, "_op", None) for node in nodes}) > 1:
            raise other_steps(*file.batches)
        _write_call(Call(file, nodes))


def _write_call(c: Call) -> None:
    """Write a call: by the table, or as the operations that it is made of."""
    name, operation = None, c.nodes[0]._op
    if registry.get(c.operation) is operation:  # and not the user's own of that name
        kind, rule = TABLE.get(c.operation, ("", None))
        name = rule(c, kind) if rule else None
        if name is None and c.operation in WRITTEN_OUT:
            written = WRITTEN_OUT[c.operation]
            with switch(everything=True, recording=True, module=c.module):
                made = [written(*args, **options) for args, options in map(call, c.nodes)]
                made = [y if y.dtype == c.dtype else y.astype(c.dtype) for y in made]
            _write_all(c.file, [[y] for y in made])
            name = c.file.names[id(made[0]._array)][0]
    if name is None:
        raise c.refusal(
            _("ONNX has no such operation, or not with these arguments. Compute it with others "
              "(tg.exchange.onnx.operations() lists them), or after the model")
        )  # fmt: skip
    c.file.know(c.ys, name)
