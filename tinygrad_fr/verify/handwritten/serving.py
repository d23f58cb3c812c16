"""The other side: somebody's file, loaded, and calls of what is in it answered.

This runs where the library is not: only the files that :mod:`..worker.sandbox` names have come
along, under another name. There is no question here and no reference: whatever the file does to
this process, it can only answer arrays.
"""

import ast
import linecache
import os
import sys
import sysconfig
import threading
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...worker import wire
from ...worker.limits import limit
from .calls import StudentError, attempted, in_words
from .here import Here, subject_of

# Libraries that differentiate: they are not there, and whoever asks for one is told of.
FRAMEWORKS = {
    "aesara", "autograd", "casadi", "chainer", "cupy", "flax", "jax", "jaxlib", "keras",
    "micrograd", "mxnet", "numdifftools", "paddle", "pytensor", "sympy", "tangent", "tensorflow",
    "theano", "tinygrad", "tinygrad_fr", "torch",
}  # fmt: skip
# What draws or shows: copies import it at the top, and need it for nothing that is judged.
SHOWING = {
    "IPython", "google", "ipywidgets", "matplotlib", "mpl_toolkits", "pandas", "PIL", "plotly",
    "seaborn", "skimage", "sklearn", "tqdm",
}  # fmt: skip


# What is no code of the file's: Python, NumPy and what is served by.
_LIBRARIES = (
    sysconfig.get_paths()["stdlib"], str(Path(np.__file__).parent), str(Path(__file__).parents[2]),
    "<frozen ",
)  # fmt: skip


def serve(readable: Sequence[str]) -> None:
    """Answer requests until the other end of standard input is closed."""
    asked, answers = wire.streams()
    told: list[str] = []
    sys.meta_path.insert(0, _Imports(told))
    limit(readable=readable or None, hidden=FRAMEWORKS, told=told)
    served, unpacked, packed, read = Served(), wire.unpacked, wire.packed, wire.read
    requests = {n: getattr(served, n) for n in vars(Served) if n[0] != "_"}  # not to be replaced
    framed = wire.framed
    write, students, arguments_of, failed = os.write, StudentError, ArgumentError, in_words
    while True:
        try:
            nonce, name, arguments, named = unpacked(read(asked))
        except EOFError:
            os._exit(0)
        try:
            kind, value = "given", requests[name](*arguments, **named)
        except students as error:
            kind = "student"
            value = [error.text, error.cause, error.line, type(error.__cause__).__name__]
        except arguments_of as error:
            kind, value = "argument", str(error)
        except BaseException as error:  # SystemExit, what the limits refuse
            kind, value = "failed", [failed(error), type(error).__name__]
        frame = memoryview(framed(packed([nonce, kind, value, told[:20]])))
        while frame:
            frame = frame[write(answers, frame) :]


class Served:
    """What is asked of a file, by the names of the requests."""

    def __init__(self) -> None:
        self._space: dict[str, Any] = {}
        self._subjects: dict[int, Here] = {}
        self._states: list[Any] = []
        self._given: list[Any] = []
        self._before: list[Any] = []
        self._forward: dict[Any, int] = {}

    def load(self, path: str, only_definitions: bool = False) -> list[str]:
        """Run the file, statement by statement: one that fails costs itself; what failed."""
        name = f"the file {Path(path).name}"  # no module is called so
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
        linecache.cache[path] = (len(text), None, StringIO(text).readlines(), path)
        tree = ast.parse(text, path)
        module = types.ModuleType(name)
        module.__file__ = path
        sys.modules[name], self._space = module, vars(module)
        sys.path.append(str(Path(path).parent))  # after Python's own: it may be called copy.py
        sys.argv[:] = [path]
        flags = 0
        failed = []
        for statement in tree.body:
            if only_definitions and not _defines(statement):
                continue
            code = compile(ast.Module([statement], []), path, "exec", flags, True)
            flags |= code.co_flags & _FUTURE
            try:
                exec(code, self._space)
            except BaseException as error:  # exit() at the bottom, too
                failed.append(in_words(error))
        return failed

    def names(self) -> dict[str, str]:
        """What there is: classes, functions and others."""
        return {
            name: "class" if isinstance(x, type) else "function" if callable(x) else "other"
            for name, x in self._space.items() if name[:2] != "__"
        }  # fmt: skip

    def made(
        self, number: int, name: str, arguments: Sequence[Any], x: Any, how: dict[str, Any]
    ) -> None:  # fmt: skip
        """Make a subject: an object of a class, or a function with its backward."""
        thing = self._space[name]
        if isinstance(thing, type):
            thing = attempted(thing, *arguments)
        forward, backward = how.get("forward"), how.get("backward")
        if isinstance(thing, types.FunctionType) and backward:
            thing, forward, backward = (thing, self._space[backward]), None, None
        self._subjects[number] = subject_of(thing, forward, backward, x, fresh=True)

    def called(self, name: str, arguments: Sequence[Any]) -> Any:
        """What a function gives, its arguments afterwards, the most calls of one of the file's."""
        counts: dict[Any, int] = {}
        with _counting(counts):
            result = attempted(self._space[name], *arguments)
        return result, list(arguments), max(counts.values(), default=0)

    def called_given(
        self, name: str, arguments: Sequence[Any], known: Sequence[tuple[str, Any, Any]]
    ) -> Any:  # fmt: skip
        """As :meth:`called`, while the forwards of some classes give known outputs for inputs."""
        undo: list[tuple[Any, str, Any]] = []
        try:
            for kind, x, y in known:
                owner = self._space[kind]
                forward = subject_of(owner).label("forward")
                undo.append((owner, forward, getattr(owner, forward)))
                setattr(owner, forward, _knowing(getattr(owner, forward), x, y))
            return self.called(name, arguments)
        finally:
            for step in reversed(undo):
                setattr(*step)

    def of(
        self, number: int, method: str, arguments: Sequence[Any], named: dict[str, Any],
        puts: Sequence[tuple[Any, Any]] = (), origin: int | None = None,
    ) -> Any:  # fmt: skip
        """What a method of a subject answers; an attribute as it is.

        Before that the subject is made, as a copy of its origin, and arrays are put into it.
        """
        if origin is not None:
            self._subjects[number] = self._subjects[origin].duplicate()
        for slot, array in puts:
            with suppress(LookupError):  # a list that was emptied
                self._subjects[number].put(slot, array)
        found = getattr(self._subjects[number], method)
        if not callable(found):
            return found
        if method == "restore":  # the states of generators stay here
            arguments = [next((self._states[number] for number in arguments[0]), [])]
        answer = found(*arguments, **named)
        if method == "state" and answer:
            self._states.append(answer)
            return [len(self._states) - 1]
        return answer

    def forward(
        self, number: int, name: str, parameters: Sequence[Any], inputs: Sequence[Any]
    ) -> Any:  # fmt: skip
        """One forward of a new object, watched."""
        given = [*parameters, *inputs]
        self.made(number, name, parameters, None, {})
        self._given, self._forward = given, {}
        with _counting(self._forward):
            return self._subjects[number].call("forward", *inputs).result

    def backward(self, number: int, upstream: Any) -> dict[str, Any]:
        """The backward after it, watched.

        ``given``: the parameters, inputs and upstream as they are now; ``calls``: how often the
        forward has called a function, and how often the backward; ``most``: of any; ``result``, or
        ``raised``: the kind of the exception.
        """
        if upstream is not None:
            self._given.append(upstream)
        counts: dict[Any, int] = {}
        result, raised = None, ""
        try:
            with _counting(counts):
                arguments = [] if upstream is None else [upstream]
                result = self._subjects[number].call("backward", *arguments).result
        except (StudentError, ArgumentError) as error:
            raised = type(error.__cause__).__name__
        calls = [[n, counts.get(code, 0)] for code, n in self._forward.items()]
        most = max(counts.values(), default=0)
        return {"result": result, "given": self._given, "calls": calls, "most": most,
                "raised": raised}  # fmt: skip

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget subjects."""
        for number in numbers:
            self._subjects.pop(number, None)


def _knowing(forward: Any, x: Array, y: Array) -> Any:
    """A forward that gives a known output for an input, and its own for others."""

    def known(self: Any, given: Any, *more: Any) -> Any:
        own = forward(self, given, *more)
        return y.copy() if np.shape(given) == x.shape and np.allclose(given, x) else own

    return known


@contextmanager
def _counting(counts: dict[Any, int]) -> Iterator[None]:
    """Count the calls of somebody's functions."""

    def look(frame: types.FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event == "call" and not code.co_filename.startswith(_LIBRARIES):
            counts[code] = counts.get(code, 0) + 1

    sys.setprofile(look)
    threading.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


_FUTURE = sum(getattr(__import__("__future__"), name).compiler_flag
              for name in __import__("__future__").all_feature_names)  # fmt: skip


def _defines(statement: ast.stmt) -> bool:
    """Whether a statement of a file defines something, and does nothing."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        calls = [n.func for n in ast.walk(statement) if isinstance(n, ast.Call)]
        return all(isinstance(f, ast.Attribute) for f in calls)
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return isinstance(statement, kinds)


# --- what can be imported ----------------------------------------------------------------------


class _Imports(Loader):
    """What stands before all other ways to import."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Nothing for frameworks, something empty for what only shows."""
        top = name.partition(".")[0]
        if top in FRAMEWORKS:
            self._told.append(top)
            raise ModuleNotFoundError(f"{top} is not there", name=name)
        return ModuleSpec(name, self, is_package=True) if top in SHOWING else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """A module that has everything, and does nothing."""
        return _Empty(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing to run."""


class _Nothing:
    """What can be called, asked, entered and taken apart, and gives itself."""

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __call__(self, *_args: Any, **_named: Any) -> Any:
        return self

    def __getitem__(self, _key: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter((self, self))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


class _Empty(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__" and name != "__all__":
            raise AttributeError(name)
        return [] if name == "__all__" else _Nothing()
