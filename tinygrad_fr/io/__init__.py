"""Weights on disk: named arrays and a little text, never pickled code."""

import io
import json
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError, FileError, need
from ..kernels import Array, to_numpy
from ..messages import _
from . import files

METADATA = "__metadata__"  # a name that safetensors reserves; npz files follow
CHECKSUM = "tinygrad_fr.crc32"  # among the metadata in the file, and there alone
# Ends the checksum: its bytes cannot be torn apart and still be text, so that a file which has
# lost its checksum to damage is not taken for one from elsewhere.
MARK = "\N{EARTH GROUND}"
# In names: NUL, half of a surrogate pair, and the way up for who unpacks an npz file.
FORBIDDEN = r"\0|[\ud800-\udfff]|(^|[/\\])\.\.($|[/\\])"
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # those of np.savez
LARGE = 2**30  # what unpacks to more bytes must do so from at least a hundredth of them


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
        Text to keep with them, ``str`` to ``str``. In the file there is a checksum, too.

    Raises
    ------
    ArgumentError
        If a name is not a non-empty text (without ``..``), or the metadata are not text.
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
    arrays, text = _checked_state(state), _checked_metadata(metadata)
    if CHECKSUM in text:
        raise ArgumentError(
            "{reserved} is the name of the checksum: choose another", reserved=CHECKSUM
        )
    try:
        content = encode(arrays, {**text, CHECKSUM: _checksum(arrays, text)})
    except (UnicodeError, struct.error) as error:  # half a surrogate pair, a name of 70,000 letters
        raise ArgumentError(
            "a name or a text does not fit into the file: {error}", error=error
        ) from error
    files.write(target, content)


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
    source = files.as_path(path)
    _encode, decode = _format(source)
    content = files.read(source)
    try:
        return _without_checksum(decode(content))
    except Exception as error:  # damaged bytes make the decoders raise nearly anything
        raise FileError(
            "{path} is damaged, or not a {suffix} file of plain numbers ({error}): "
            "save or download it again",
            path=source,
            suffix=source.suffix.lower(),
            error=error,
        ) from error


# --- the two formats -------------------------------------------------------------------------


def check_writable(path: str | os.PathLike[str]) -> Path:
    """The file that ``save`` would write; raises what ``save`` would raise for the path.

    Long work that ends with a file asks here first.
    """
    target = files.check_place(files.as_path(path))
    _format(Path(path))
    return target


def _safetensors() -> Any:
    need(io="safetensors")
    import safetensors.numpy

    return safetensors.numpy


def _to_safetensors(arrays: dict[str, Array], metadata: dict[str, str]) -> bytes:
    content: bytes = _safetensors().save(arrays, metadata or None)
    return content


def _from_safetensors(content: bytes) -> State:
    try:
        arrays = _safetensors().load(content)
    except KeyError as error:  # a dtype that NumPy lacks
        raise ValueError(
            _(
                "{dtype} arrays have no NumPy dtype: convert them to float32 first",
                dtype=error.args[0],
            )
        ) from error
    text = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
    header = json.loads(text)
    metadata = header.pop(METADATA, None) or {}
    if MARK in text and CHECKSUM not in metadata:
        raise ValueError(_("its checksum is lost"))
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
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if not _is_sound(content, archive.infolist(), members):
            raise ValueError(_("its members are not as np.savez writes them"))
        arrays = {name: _member(archive, member) for name, member in members.items()}
    metadata = json.loads(str(arrays.pop(METADATA, "{}")))
    return State(arrays, _checked_metadata(metadata))


def _is_sound(content: bytes, members: list[zipfile.ZipInfo], names: Collection[str]) -> bool:
    """Whether an archive holds what it seems to, is whole, and is no bomb."""
    ending = content.rfind(b"PK\5\6")
    count = int.from_bytes(content[ending + 10 : ending + 12], "little")
    return (
        all(name == METADATA or _is_name(name) for name in names)
        and len(names) == len(members)
        and count == min(len(members), 0xFFFF)  # or damage hides the last ones
        and min((member.header_offset for member in members), default=ending) == 0
        and {member.compress_type for member in members} <= COMPRESSIONS
        and sum(member.file_size for member in members) <= max(LARGE, 100 * len(content))
    )


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The array in a member; only numbers, and as many as there are, are unpacked."""
    with archive.open(member) as file:
        old = np.lib.format.read_magic(file) == (1, 0)
        header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, _fortran, dtype = header(file)
        size = file.tell() + math.prod(shape) * dtype.itemsize
    kinds = "U" if member.filename == f"{METADATA}.npy" else "biufcO"  # NumPy refuses objects
    if dtype.kind not in kinds or (size != member.file_size and dtype.kind != "O"):
        raise ValueError(
            _(
                "{name} claims the shape {shape} of {dtype}, in {n} bytes",
                name=member.filename,
                shape=shape,
                dtype=dtype,
                n=member.file_size,
            )
        )
    with archive.open(member) as file:  # all of it is read, so that its CRC is tested
        return np.lib.format.read_array(file, allow_pickle=False)


_FORMATS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], State]]] = {
    ".safetensors": (_to_safetensors, _from_safetensors),
    ".npz": (_to_npz, _from_npz),
}


def _format(path: Path) -> tuple[Callable[..., bytes], Callable[[bytes], State]]:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise FileError(
            "{path}: the name must end in one of {known}", path=path, known=", ".join(_FORMATS)
        )
    if suffix == ".safetensors":
        _safetensors()
    return _FORMATS[suffix]


# --- the checksum ----------------------------------------------------------------------------


def _checksum(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """CRC-32 of all that is saved, whatever the format and the order."""
    kinds = [(name, arrays[name].dtype.name, arrays[name].shape) for name in sorted(arrays)]
    crc = zlib.crc32(json.dumps([kinds, sorted(metadata.items())]).encode())
    for name in sorted(arrays):
        array = arrays[name]
        little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        crc = zlib.crc32(little.data, crc)
    return f"{crc:08x} {MARK}"


def _without_checksum(state: State) -> State:
    """The state without its checksum, which must fit; files from elsewhere have none."""
    known = state.metadata.pop(CHECKSUM, None)
    if known not in (None, _checksum(state, state.metadata)):
        raise ValueError(_("it was changed after it was saved: its checksum does not fit"))
    return state


# --- what may be saved -----------------------------------------------------------------------


def _checked_state(state: Mapping[str, Any]) -> dict[str, Array]:
    if not isinstance(state, Mapping):
        raise ArgumentError(
            "save takes a dict of names to arrays, such as model.state_dict(), not {kind}",
            kind=type(state).__name__,
        )
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or not _is_name(name):
            raise ArgumentError(
                "{name!r} cannot name an array: use a non-empty text other than {reserved}",
                name=name,
                reserved=METADATA,
            )
        array = to_numpy(value.data if isinstance(value, Tensor) else value)
        if array.dtype.kind not in "biuf" or array.itemsize > 8:
            raise DTypeError(
                "{name} is of {dtype}: only booleans and numbers of up to 64 bits are saved",
                name=name,
                dtype=array.dtype,
            )
        # safetensors copies raw memory: strides and foreign byte orders would be lost.
        arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return arrays


def _is_name(name: str) -> bool:
    return name not in ("", METADATA) and not re.search(FORBIDDEN, name)


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, Mapping) or not all(
        isinstance(text, str) for item in metadata.items() for text in item
    ):
        raise ArgumentError(
            "metadata maps texts to texts, not {metadata!r}: use json.dumps for the rest",
            metadata=metadata,
        )
    return dict(metadata)
