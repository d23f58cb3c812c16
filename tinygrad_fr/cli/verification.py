"""The command ``check``: a layer that someone wrote by hand, from its file."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from .. import ops, verify
from ..errors import ArgumentError, FileError
from ..messages import _, say
from ..verify.handwritten import Handwritten
from ..verify.names import FORWARD, TARGET, member
from ..verify.student import StudentError, attempted, parameters_of, told

RIGHT, WRONG, UNDECIDED = 0, 1, 2


def check(options: Namespace) -> int:
    """Verify a layer; the exit status says whether it is right, wrong, or could not be judged."""
    path, _colon, name = options.layer.rpartition(":")
    if not path:
        raise ArgumentError(
            _("give a file and a name in it, such as layers.py:Dense, not {got}"), got=options.layer
        )
    layer = getattr(_module(path), name, None)
    if layer is None:
        raise ArgumentError(_("{path} has no {name}"), path=path, name=name)
    try:
        if isinstance(layer, type):
            layer = attempted(layer, *_arguments(options.init))
        x = _inputs(layer, options)
    except StudentError as error:
        raise ArgumentError(_("{name} cannot be made: {error}"), name=name, error=error) from error
    reference = None
    if options.reference:
        reference = getattr(ops, options.reference, None)
        if reference is None:
            raise ArgumentError(_("there is no operation {name}"), name=options.reference)
    upstream = None
    if options.one_hot:
        subject = Handwritten(layer, x, options.forward, options.backward, None)
        upstream = np.zeros(subject.output(subject.values).shape)
        upstream.flat[int(np.random.default_rng(options.seed).integers(upstream.size))] = -1.5
    report = verify.layer(
        layer, x, upstream=upstream, forward=options.forward, backward=options.backward,
        parameters=options.parameters.split(",") if options.parameters else None,
        reference=reference, seed=options.seed,
    )  # fmt: skip
    if options.json:
        say(report.to_json(hints=options.hints))
    else:
        report.show(hints=options.hints)
    verdicts = {entry.verdict for entry in report}
    if "wrong" in verdicts:
        return WRONG
    return UNDECIDED if "inconclusive" in verdicts else RIGHT


def _module(path: str) -> Any:
    """The file as a module; its own directory can be imported from, as when it is run."""
    file = Path(path)
    if not file.is_file():
        raise FileError(_("{path}: there is no such file"), path=path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise FileError(_("{path} is no Python file"), path=path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))
    sys.modules.setdefault(file.stem, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise FileError(_("{path} fails: {error}"), path=path, error=told(error)) from error
    finally:
        sys.path.pop(0)
    return module


def _arguments(text: str | None) -> tuple[Any, ...]:
    """``4608,5`` as the arguments of a constructor."""
    if not text:
        return ()
    try:
        return tuple(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError) as error:
        raise ArgumentError(
            _("--init takes values separated by commas, such as 4608,5, not {got}"), got=text
        ) from error


def _inputs(layer: Any, options: Namespace) -> Any:
    """Random inputs of the given shapes: probabilities and labels for a loss, else signed ones."""
    rng = np.random.default_rng(options.seed)
    shapes = [_shape(text) for text in options.input]
    forward = getattr(layer, options.forward or member(layer, FORWARD, "forward"), None)
    asked = [p.name for p in parameters_of(forward or len) if p.default is inspect.Parameter.empty]
    targets = [name for name in asked[:2] if name in TARGET]
    if len(asked) == 2 and targets and len(shapes) == 1:
        shape = shapes[0]
        p = rng.uniform(0.1, 1.0, shape)
        p /= p.sum(-1, keepdims=True)
        y = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        return (y, p) if asked[0] == targets[0] else (p, y)
    arrays = tuple(
        rng.integers(0, int(text.partition(":")[2]), shape) if ":" in text
        else rng.standard_normal(shape)
        for text, shape in zip(options.input, shapes, strict=True)
    )  # fmt: skip
    return arrays if len(arrays) > 1 else arrays[0]


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in text.partition(":")[0].split(",") if n.strip())
        int(text.partition(":")[2] or 1)
    except ValueError as error:
        raise ArgumentError(
            _("--input takes a shape, such as 24,24,8, not {got}"), got=text
        ) from error
    if not shape or min(shape) < 1:
        raise ArgumentError(_("--input takes a shape, such as 24,24,8, not {got}"), got=text)
    return shape
