"""The command ``check``: a layer that someone wrote by hand, from its file."""

import ast
import dataclasses
import inspect
import json
import re
from argparse import Namespace
from typing import Any

import numpy as np

from .. import messages, ops, verify
from ..errors import ArgumentError, FileError, TinygradError
from ..messages import _
from ..report import Report, terminal_width
from ..verify.handwritten.calls import StudentError, attempted, in_words, parameters_of
from ..verify.handwritten.files import member_of, module_of
from ..verify.handwritten.parts import Handwritten
from ..verify.handwritten.pytorch import is_of_torch, subject_for
from ..verify.vocabulary import FORWARD, is_prediction, is_target, member
from .apart import run_apart
from .console import complain, say

STATUS = {"correct": 0, "wrong": 1, "inconclusive": 2}


def check(options: Namespace) -> int:
    """Verify a layer; the exit status says whether it is right, wrong, or could not be judged."""
    request = {**vars(options), "run": None, "width": terminal_width()}
    try:
        answer = run_apart(judge, request, options.timeout)
        if not isinstance(answer, dict) or answer.get("verdict") not in (*STATUS,):
            raise FileError("the file has made the verdict unreadable")
    except FileError as error:
        answer = _undecided(str(error))
    text = answer.pop("text", "")
    if options.json:
        messages.say(json.dumps(answer, indent=2, ensure_ascii=False))
    elif text:
        say(text)
    else:
        complain(_("error: {error}", error=answer["reason"]))
    return STATUS[answer["verdict"]]


def judge(request: dict[str, Any]) -> dict[str, Any]:
    """The verdict on a layer and the report, whatever its file raises."""
    options = Namespace(**request)
    try:
        report = _report(options)
        found = {entry.verdict: entry.note for entry in report}
        verdict = next((v for v in ("wrong", "inconclusive", *found) if v in found), "inconclusive")
        return {
            "verdict": "correct" if verdict == "kink" else verdict,
            "reason": found.get("inconclusive", "") if verdict == "inconclusive" else "",
            **report.to_dict(options.hints),
            "text": report.text(options.hints, options.width),
        }
    except TinygradError as error:
        return _undecided(str(error))
    except BaseException as error:  # SystemExit, GeneratorExit and what else ends a program
        return _undecided(
            _("the program ended before there was a verdict: {error}", error=in_words(error))
        )


def _undecided(reason: str) -> dict[str, Any]:
    nothing = {**Report({}).to_dict(), "right": False, "text": ""}
    return {"verdict": "inconclusive", "reason": reason, **nothing}


def _report(options: Namespace) -> Report:
    path, _colon, name = options.layer.rpartition(":")
    if not path:
        raise ArgumentError(
            "give a file and a name in it, such as layers.py:Dense, not {got}", got=options.layer
        )
    module = module_of(path)
    layer = member_of(module, name, path)
    if inspect.isroutine(layer):
        if not options.backward:
            raise ArgumentError(
                "{name} is a function: name that of its gradient, --backward", name=name
            )
        layer, options.backward = (layer, member_of(module, options.backward, path)), None
    try:
        if isinstance(layer, type) and (options.init or not is_of_torch(layer)):
            layer = attempted(layer, *_arguments(options.init))
        x, said = _inputs(layer, options)
    except StudentError as error:
        raise ArgumentError("{name} cannot be made: {error}", name=name, error=error) from error
    reference = None
    if options.reference:
        reference = vars(ops).get(options.reference) if options.reference in ops.__all__ else None
        if reference is None:
            raise ArgumentError("there is no operation {name}", name=options.reference)
    upstream = None
    if options.one_hot:
        subject = Handwritten(subject_for(layer, options.forward, options.backward), x)
        upstream = np.zeros(subject.output(subject.values).shape)
        upstream.flat[int(np.random.default_rng(options.seed).integers(upstream.size))] = -1.5
    report = verify.layer(
        layer, x, steps=options.steps, upstream=upstream,
        forward=options.forward, backward=options.backward,
        parameters=options.parameters.split(",") if options.parameters else None,
        reference=reference, seed=options.seed,
    )  # fmt: skip
    return dataclasses.replace(report, notes=(*said, *report.notes))


def _arguments(text: str | None) -> tuple[Any, ...]:
    """``4608,5`` as the arguments of a constructor."""
    if not text:
        return ()
    try:
        return tuple(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError) as error:
        raise ArgumentError(
            "--init takes values separated by commas, such as 4608,5, not {got}", got=text
        ) from error


def _inputs(layer: Any, options: Namespace) -> tuple[Any, list[str]]:
    """Random inputs of the given shapes, a loss's targets too, and what there is to say of them."""
    rng = np.random.default_rng(options.seed)
    shapes = [_shape(text) for text in options.input]
    if isinstance(layer, tuple):
        forward = layer[0]
    else:
        forward = getattr(layer, options.forward or member(layer, FORWARD, "forward"), None)
    asked = [p.name for p in parameters_of(forward or len) if p.default is inspect.Parameter.empty]
    if len(asked) == 2 and len(shapes) == 1 and any(map(is_target, asked)):
        target = max(asked, key=lambda n: (is_target(n, surely=True), not is_prediction(n)))
        p, y = _prediction_and_target(rng, shapes[0])
        text = _("the target {name} was drawn with the shape of the prediction: a class per row")
        return (y, p) if asked[0] == target else (p, y), [text.format(name=target)]
    arrays = tuple(
        rng.integers(0, int(text.partition(":")[2]), shape) if ":" in text
        else rng.standard_normal(shape)
        for text, shape in zip(options.input, shapes, strict=True)
    )  # fmt: skip
    return arrays if len(arrays) > 1 else arrays[0], []


def _prediction_and_target(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Probabilities and one-hot rows; in rows of one entry, of one class or not."""
    p = rng.uniform(0.1, 0.9, shape)
    if shape[-1] == 1:
        return p, rng.integers(0, 2, shape).astype(float)
    y = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    return p / p.sum(-1, keepdims=True), y


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\s*[1-9]\d*\s*(,\s*([1-9]\d*)?\s*)*(:\s*[1-9]\d*\s*)?", text):
        raise ArgumentError("--input takes a shape, such as 24,24,8, not {got}", got=text)
    return tuple(int(n) for n in text.partition(":")[0].split(",") if n.strip())
