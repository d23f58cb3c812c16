"""Weights on disk: named arrays and a little text, never pickled code."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .autograd.tensor import Tensor
from .errors import ArgumentError, DTypeError, FileError, missing_extra
from .kernels import Array
from .messages import _

METADATA = "__metadata__"  # a name that safetensors reserves; npz files follow


class State(dict[str, Array]):
    """Named arrays, as :func:`load` returns them.

    Attributes
    ----------
    metadata : dict of str to str
        The text that was saved with them.

    Examples
    --------
    >>> State({"w": np.zeros(2)}, {"epoch": "3"}).metadata
    {'epoch': '3'}
    """

    def __init__(
        self, arrays: Mapping[str, Array] | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(arrays or {})
        self.metadata = dict(metadata or {})


def save(
    state: Mapping[str, Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named arrays to a file, all of it or nothing.

    Parameters
    ----------
    state
        Names to arrays or Tensors, such as ``model.state_dict()``.
    path
        Ends in ``.safetensors`` (needs the extra ``io``) or in ``.npz``. An existing file is
        replaced, in one step and only once the new one is complete.
    metadata
        Text to keep with them, ``str`` to ``str``.

    Raises
    ------
    ArgumentError
        If a name is not a non-empty text, or the metadata are not text.
    DTypeError
        If an array does not hold numbers or booleans.
    FileError
        If the file cannot be written there.
    MissingExtraError
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"w": np.arange(3.0)}, f"{folder}/model.npz", {"classes": "daisy,rose"})
    ...     state = load(f"{folder}/model.npz")
    >>> state["w"], state.metadata["classes"]
    (array([0., 1., 2.]), 'daisy,rose')
    """
    target = check_writable(path)
    encode, _decode = _format(target)
    content = encode(_checked_state(state), _checked_metadata(metadata))
    # Beside the target, since only a rename within one file system is atomic; opened as any
    # file is, so that the user's umask holds.
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        raise FileError(
            _("{path} cannot be written: {error}"), path=target, error=error.strerror or error
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> State:
    """Read what :func:`save` wrote; safetensors files from elsewhere, too.

    Parameters
    ----------
    path
        Ends in ``.safetensors`` (needs the extra ``io``) or in ``.npz``.

    Returns
    -------
    State
        A dict of arrays, with ``.metadata``.

    Raises
    ------
    FileError
        If the file is missing, damaged, or of another kind.
    MissingExtraError
        If safetensors is not installed.

    See Also
    --------
    save : with an example.
    """
    source = Path(path)
    _encode, decode = _format(source)
    try:
        content = source.read_bytes()
    except FileNotFoundError as error:
        raise FileError(
            _("there is no file {path}: check its name and folder"), path=source
        ) from error
    except OSError as error:
        raise FileError(
            _("{path} cannot be read: {error}"), path=source, error=error.strerror or error
        ) from error
    try:
        return decode(content)
    except Exception as error:  # damaged bytes make the decoders raise nearly anything
        raise FileError(
            _(
                "{path} is damaged, or not a {suffix} file of plain numbers ({error}): "
                "save or download it again"
            ),
            path=source,
            suffix=source.suffix.lower(),
            error=error,
        ) from error


# --- the two formats -------------------------------------------------------------------------


def check_writable(path: str | os.PathLike[str]) -> Path:
    """The file that ``save`` would write; raises what ``save`` would raise for the path.

    Long work that ends with a file asks here first.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(
            _("save takes the state, then the path; {kind} is no path"), kind=type(path).__name__
        )
    target = Path(path)
    if target.is_dir():
        raise FileError(_("{path} is a folder: give the name of a file in it"), path=target)
    _format(target)
    target = target.resolve()  # through a link, to the file itself
    if not target.parent.is_dir():
        raise FileError(
            _("{path}: there is no folder {folder}; create it first"),
            path=target,
            folder=target.parent,
        )
    if not os.access(target.parent, os.W_OK):
        raise FileError(_("{path} cannot be written: {error}"), path=target, error=target.parent)
    return target


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra("safetensors", "io") from error
    return safetensors.numpy


def _to_safetensors(arrays: dict[str, Array], metadata: dict[str, str]) -> bytes:
    content: bytes = _safetensors().save(arrays, metadata or None)
    return content


def _from_safetensors(content: bytes) -> State:
    try:
        arrays = _safetensors().load(content)
    except KeyError as error:  # a dtype that NumPy lacks
        raise ValueError(
            _("{dtype} arrays have no NumPy dtype: convert them to float32 first").format(
                dtype=error.args[0]
            )
        ) from error
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = header.pop(METADATA, None)
    return State({name: arrays[name] for name in header}, metadata)  # in the file's order


# The members of the archive are written and read one by one: np.savez cannot store an array
# named "file", and np.load takes "a.npy" for "a".


def _to_npz(arrays: dict[str, Array], metadata: dict[str, str]) -> bytes:
    content = io.BytesIO()
    entries = {**arrays, METADATA: np.array(json.dumps(metadata))}
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in entries.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return content.getvalue()


def _from_npz(content: bytes) -> State:
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            member = io.BytesIO(archive.read(name))  # the whole of it: its checksum is tested
            arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    metadata = json.loads(str(arrays.pop(METADATA, "{}")))
    return State(arrays, _checked_metadata(metadata))


_FORMATS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], State]]] = {
    ".safetensors": (_to_safetensors, _from_safetensors),
    ".npz": (_to_npz, _from_npz),
}


def _format(path: Path) -> tuple[Callable[..., bytes], Callable[[bytes], State]]:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise FileError(
            _("{path}: the name must end in one of {known}"), path=path, known=", ".join(_FORMATS)
        )
    if suffix == ".safetensors":
        _safetensors()
    return _FORMATS[suffix]


# --- what may be saved -----------------------------------------------------------------------


def _checked_state(state: Mapping[str, Any]) -> dict[str, Array]:
    if not isinstance(state, Mapping):
        raise ArgumentError(
            _("save takes a dict of names to arrays, such as model.state_dict(), not {kind}"),
            kind=type(state).__name__,
        )
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or not name or "\0" in name or name == METADATA:
            raise ArgumentError(
                _("{name!r} cannot name an array: use a non-empty text other than {reserved}"),
                name=name,
                reserved=METADATA,
            )
        array = np.asarray(value.data if isinstance(value, Tensor) else value)
        if array.dtype.kind not in "biuf" or array.itemsize > 8:
            raise DTypeError(
                _("{name} is of {dtype}: only booleans and numbers of up to 64 bits are saved"),
                name=name,
                dtype=array.dtype,
            )
        # safetensors copies raw memory: strides and foreign byte orders would be lost.
        arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return arrays


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, Mapping) or not all(
        isinstance(text, str) for item in metadata.items() for text in item
    ):
        raise ArgumentError(
            _("metadata maps texts to texts, not {metadata!r}: use json.dumps for the rest"),
            metadata=metadata,
        )
    return dict(metadata)
