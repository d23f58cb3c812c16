"""Somebody's file as a module, as if it was run where it stands, and what is named in it."""

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import ArgumentError, FileError
from .calls import in_words


def module_of(path: str) -> ModuleType:
    """The file as a module; it can import from its package, its folder and the current one."""
    file = Path(path)
    if file.suffix == ".ipynb":
        raise FileError("{path} is a notebook: copy the layer to a .py file", path=path)
    if file.is_dir():
        raise FileError("{path} is a folder: give a file in it", path=path)
    if not file.is_file():
        raise FileError("{path}: there is no such file", path=path)
    folder = top = file.parent.resolve()
    names = [re.sub(r"\W", "_", file.stem)]
    while (top / "__init__.py").is_file():
        names, top = [top.name, *names], top.parent
    sys.argv[:] = [path]
    sys.path[:0] = dict.fromkeys(map(str, (top, Path.cwd(), folder)))
    spec = importlib.util.spec_from_file_location(".".join(names), file)
    if spec is None or spec.loader is None:
        raise FileError("{path} is no Python file", path=path)
    try:
        if names[1:]:
            importlib.import_module(".".join(names[:-1]))
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)
        spec.loader.exec_module(module)
    except Exception as error:
        raise FileError("{path} fails: {error}", path=path, error=in_words(error)) from error
    return module


def member_of(module: ModuleType, name: str, path: str) -> Any:
    """What has that name in the file; an error that says what there is."""
    if hasattr(module, name):
        return getattr(module, name)
    own = [
        known for known, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not known.startswith("_")
    ]  # fmt: skip
    raise ArgumentError(
        "{path} has no {name}; there are {known}",
        path=path, name=name, known=", ".join(own) or "-",
    )  # fmt: skip
