"""The operations, one file per family; each with its gradients beside it."""

import importlib
import pkgutil

from ..autograd.operation import registry

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f".{_family.name}", __name__)

# The type stub beside this file names them for editors and type-checkers.
__all__ = sorted(name for name in registry if not name.startswith("_"))
globals().update({name: registry[name].function for name in __all__})
