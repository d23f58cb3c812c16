"""Where somebody's file runs: shut in by bubblewrap where that is there, under limits anyway.

Neither this library nor a framework is there. The files that read and call somebody's object come
along in a folder of their own, under the name ``seen``.
"""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

import numpy as np

from .. import messages
from ..errors import ArgumentError
from ..messages import _

_ROOT = Path(__file__).resolve().parents[1]
# What comes along, and what stands there for the rest.
_TRAVELLING = (
    "errors.py", "messages.py", "kernels/__init__.py", "verify/vocabulary.py",
    *(f"verify/handwritten/{name}.py" for name in ("serving", "here", "inside", "calls")),
    *(f"worker/{name}.py" for name in ("wire", "subject", "limits")),
    "locale/fr/LC_MESSAGES/tinygrad_fr.mo",
)  # fmt: skip
_STANDING_IN = {
    "autograd/tensor.py": "class Tensor:\n    pass\n",
    "verify/handwritten/canvas.py": "class Canvas:\n    pass\n\n\ndef plain(x):\n    return x\n",
}
NAME = "seen"
_START = (
    "import sys; sys.path[:0] = {paths!r}; import numpy; "
    "from seen.verify.handwritten.serving import serve; serve({readable!r})"
)
# Bytes of the folder that it may write to.
_SCRATCH = 64 << 20


@functools.cache
def travelling() -> str:
    """A folder with what comes along, made once."""
    folder = Path(tempfile.mkdtemp(prefix="tinygrad_fr_"))
    # When this process ends, and not one that is forked off it.
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=1)
    package = folder / NAME
    for name in (*_TRAVELLING, *_STANDING_IN):
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name in _STANDING_IN:
            file.write_text(_STANDING_IN[name], "utf-8")
        else:
            shutil.copyfile(_ROOT / name, file)
    for inner in (package, *(p for p in package.rglob("*") if p.is_dir())):
        (inner / "__init__.py").touch()
    return str(folder)


@functools.cache
def can_shut_in() -> bool:
    """Whether bubblewrap is there, and allowed to do what it does."""
    if not shutil.which("bwrap"):
        return False
    with suppress(OSError, subprocess.TimeoutExpired):
        tried = subprocess.run(
            [*_walls(), "--", os.path.realpath(sys.executable), "-I", "-S", "-c", "import numbers"],
            capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        return tried.returncode == 0
    return False


def shuts_in(sandbox: str) -> bool:
    """Whether to use bubblewrap: ``"auto"`` where it is there, ``"require"``, ``"off"``."""
    if sandbox not in ("auto", "require", "off"):
        text = _('sandbox is one of "auto", "require", "off", not {value!r}')
        raise ArgumentError(text, value=sandbox)
    if sandbox == "require" and not can_shut_in():
        raise ArgumentError(
            "bubblewrap is not there, or not allowed to shut anything in: install it "
            '(apt install bubblewrap), or give sandbox="auto"'
        )
    return sandbox != "off" and can_shut_in()


def command(folder: str, shut_in: bool) -> tuple[list[str], dict[str, str]]:
    """The command that serves the files of a folder, and its environment."""
    paths = [travelling(), _packages()]
    python, standard = os.path.realpath(sys.executable), _standard()
    readable = [f"{p.rstrip(os.sep)}{os.sep}" for p in (*paths, *standard, folder)]
    readable += [f"{os.devnull}{os.sep}", f"/usr/share/zoneinfo{os.sep}"]
    code = _START.format(paths=paths, readable=readable)
    start = [python, "-I", "-S", "-B", "-c", code]
    environment = {
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8", "HOME": folder,
        "TINYGRAD_FR_LANG": messages.language, "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin",
        **{name: x for name, x in os.environ.items() if name.upper() == "SYSTEMROOT"},
    }  # fmt: skip
    if not shut_in:
        return start, environment
    given = [x for p in (*paths[:1], folder) for x in ("--ro-bind", p, p)]
    return [*_walls(), *given, "--", *start], environment


def beside_the_library(folder: str, serves: str) -> tuple[list[str], dict[str, str]]:
    """The command that serves a folder by a function of the library, behind walls."""
    module, _colon, name = serves.partition(":")
    paths = [str(_ROOT.parent), _packages()]
    code = f"import sys; sys.path[:0] = {paths!r}; from {module} import {name}; {name}()"
    _start, environment = command(folder, False)
    environment["PYTHONPATH"] = _packages()  # for processes that it starts itself
    given = [x for p in (str(_ROOT), folder) for x in ("--ro-bind", p, p)]
    start = [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", code]
    return [*_walls(), *given, "--", *start], environment


def _walls() -> list[str]:
    """Bubblewrap, with nothing in it but the system's libraries, Python and NumPy."""
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SCRATCH), "--tmpfs", "/tmp"]
    for path in map(Path, ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache")):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            words += ["--ro-bind", str(path), str(path)]
    prefixes = {os.path.realpath(p) for p in (sys.base_prefix, sys.base_exec_prefix)}
    for prefix in sorted(prefixes - {"/usr"}):
        words += ["--ro-bind", prefix, prefix]
    for folder in _others(prefixes | {"/usr", "/usr/local"}):  # what is installed beside Python
        words += ["--tmpfs", folder]
    packages = Path(_packages())
    for part in sorted(packages.glob("numpy*")):
        words += ["--ro-bind", str(part), str(part)]
    return [*words, "--chdir", "/tmp"]


def _others(prefixes: set[str]) -> list[str]:
    found = [
        folder
        for prefix in prefixes
        for pattern in ("lib*/python3*/site-packages", "lib*/python3*/dist-packages")
        for folder in Path(prefix).glob(pattern)
    ]
    return sorted({str(folder) for folder in found if not folder.is_symlink()})


def _packages() -> str:
    """The folder in which NumPy is installed."""
    return str(Path(np.__file__).resolve().parents[1])


def _standard() -> Sequence[str]:
    """The folders of Python's own library."""
    paths = sysconfig.get_paths()
    found = {os.path.realpath(paths[name]) for name in ("stdlib", "platstdlib")}
    return sorted(found | {os.path.realpath(sys.base_prefix)})
