"""Small data sets: digits that come with scikit-learn, and MNIST from its files."""

import gzip
import math
import os
from pathlib import Path

import numpy as np

from .. import settings
from ..checks import one_of, pair
from ..errors import FileError, need
from ..io.files import as_path
from ..kernels import Array
from ..messages import _
from .images import pillow

SPLITS = {"train": "train", "test": "t10k"}


def load_digits(size: int | tuple[int, int] | None = None) -> tuple[Array, Array]:
    """1,797 handwritten digits, 8 by 8 pixels, from scikit-learn; nothing is downloaded.

    Parameters
    ----------
    size
        Height and width to resize to (bilinear); one number for both. As they are if None.

    Returns
    -------
    images : ndarray
        (1797, 1, 8, 8), or of the size asked for; in [0, 1], of the default dtype.
    labels : ndarray
        (1797,), int64.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed, or Pillow where a size is asked for.

    Examples
    --------
    >>> images, labels = load_digits()
    >>> images.shape, labels[:5]
    ((1797, 1, 8, 8), array([0, 1, 2, 3, 4]))
    """
    need(data="sklearn" + " PIL" * (size is not None))
    from sklearn import datasets  # type: ignore[import-untyped, unused-ignore]

    digits = datasets.load_digits()
    images = digits.images / 16
    if size is not None:
        Image = pillow()
        width_height = pair(size, "size", 1)[::-1]
        pictures = [Image.fromarray(image) for image in images.astype(np.float32)]
        resized = [p.resize(width_height, Image.Resampling.BILINEAR) for p in pictures]
        images = np.stack([np.asarray(picture) for picture in resized]).clip(0, 1)
    return images[:, None].astype(settings.get_default_dtype()), digits.target.astype(np.int64)


def load_mnist(folder: str | os.PathLike[str], split: str | None = None) -> tuple[Array, Array]:
    """MNIST, or a data set in the same files, such as Fashion-MNIST.

    Parameters
    ----------
    folder
        Holds ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or the same with
        ``t10k``; gzipped (``.gz``) or not.
    split
        ``"train"`` or ``"test"`` (the files ``t10k``); None takes the training images, or the
        test images where those are all there is.

    Returns
    -------
    images : ndarray
        (N, 1, 28, 28), in [0, 1], of the default dtype.
    labels : ndarray
        (N,), int64.

    Raises
    ------
    FileError
        If a file is missing or damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     images = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255])
    ...     _ = (folder / "train-images-idx3-ubyte").write_bytes(images)
    ...     labels = bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])
    ...     _ = (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    ...     load_mnist(folder)
    (array([[[[0., 1.]]]], dtype=float32), array([7]))
    """
    one_of(split, "split", (*SPLITS, None))
    folder = as_path(folder)
    names = list(SPLITS.values()) if split is None else [SPLITS[split]]
    for name in names:
        image_file = _find(folder, f"{name}-images-idx3-ubyte")
        label_file = _find(folder, f"{name}-labels-idx1-ubyte")
        if image_file and label_file:
            break
    else:
        raise FileError(
            "{path} has no files NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte (.gz or "
            "not), NAME being {names}: check the folder, or download them",
            path=folder,
            names=" / ".join(names),
        )
    images, labels = _read_idx(image_file, 3), _read_idx(label_file, 1)
    if len(images) != len(labels):
        raise FileError(
            "{path} has {n} images, and {other} {m} labels: they do not belong together",
            path=image_file,
            n=len(images),
            other=label_file,
            m=len(labels),
        )
    scaled = np.divide(images, 255, dtype=settings.get_default_dtype())
    return scaled[:, None], labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _read_idx(path: Path, axes: int) -> Array:
    """The bytes in an idx file: 0, 0, 8 (uint8), the number of axes, their lengths, the data."""
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except Exception as error:  # damaged bytes raise OSError, EOFError or zlib.error
        raise _damaged(path, error) from error
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start].ljust(4 * axes, b"\0"), ">u4").tolist()
    if content[:4] != bytes([0, 0, 8, axes]):
        raise _damaged(path, _("it does not begin as an idx file of {n} axes", n=axes))
    if len(content) - start != math.prod(shape):
        raise _damaged(
            path, _("{n} bytes for the shape {shape}", n=len(content) - start, shape=shape)
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _damaged(path: Path, reason: object) -> FileError:
    return FileError("{path} is damaged ({reason}): download it again", path=path, reason=reason)
