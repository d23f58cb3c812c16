"""Images in folders, one folder per class."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..checks import one_of, pair
from ..errors import FileError
from ..io.files import as_path
from ..kernels import Array
from ..kernels.fast import threads
from ..messages import _
from .dataset import Splittable, positions
from .images import pillow, pixels, scaled

T = TypeVar("T")

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


class ImageFolder(Splittable):
    """A dataset of image files, one sub-folder of ``root`` per class.

    The files are looked through at once; those that are broken are named in a warning and left
    out. They are decoded when they are first used.

    Parameters
    ----------
    root
        The folder of the class folders. Folders inside those are not looked into; hidden files
        and folders, and files that do not end like images, are ignored.
    size
        Height and width to resize to; one number for both.
    channels
        3 for colours, 1 for grey.
    cache
        Keep decoded images in memory (one byte per pixel and channel).

    Attributes
    ----------
    classes : tuple of str
        The names of the sub-folders, sorted; a label is a position in it.
    paths : list of Path
        The files.
    labels : ndarray
        (N,), int64.

    Raises
    ------
    FileError
        If a folder is missing or cannot be read, has no class folders, or a class no images.
    MissingExtraError
        If Pillow is not installed.

    Warns
    -----
    UserWarning
        For each broken file, and each class folder that holds further folders.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for name in ("daisy", "rose"):
    ...         (Path(root) / name).mkdir()
    ...         Image.new("RGB", (40, 30)).save(Path(root) / name / "1.png")
    ...     flowers = ImageFolder(root, size=16)
    ...     image, label = flowers[1]
    >>> flowers.classes, image.shape, label.item()
    (('daisy', 'rose'), (3, 16, 16), 1)
    """

    slow = True  # the loader prepares batches in a thread

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int | tuple[int, int],
        channels: int = 3,
        cache: bool = True,
    ) -> None:
        self.size = pair(size, "size", 1)
        self.channels = one_of(channels, "channels", (1, 3))
        self._cache: dict[Path, Array] | None = {} if cache else None
        pillow()
        root = as_path(root)
        if not os.path.isdir(root):  # noqa: PTH112  # Path.is_dir raises if it is too long
            raise FileError("there is no folder {path}: check its name", path=root)
        folders = [entry for entry in _visible(root) if entry.is_dir()]
        if not folders:
            raise FileError(
                "{path} needs one sub-folder of images per class, and has none", path=root
            )
        self.classes = tuple(folder.name for folder in folders)
        files = list(map(_images, folders))
        broken = _broken([path for group in files for path in group])
        self.paths: list[Path] = []
        labels: list[int] = []
        for label, (folder, group) in enumerate(zip(folders, files, strict=True)):
            whole = [path for path in group if path not in broken]
            if not whole:
                raise FileError(
                    "the class folder {path} holds no image: fill it or remove it", path=folder
                )
            self.paths += whole
            labels += [label] * len(whole)
        self.labels: Array = np.array(labels, np.int64)

    def __repr__(self) -> str:
        shape = (len(self), self.channels, *self.size)
        return f"ImageFolder({shape}, classes={', '.join(self.classes)})"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """One image (C, H, W) and its label (an integer), or several (anything else)."""
        if isinstance(index, int | np.integer):
            images, labels = self.batch([index])
            return images[0], labels[0]
        return self.batch(index)

    def batch(self, indices: Any) -> tuple[Array, Array]:
        """Images (N, C, H, W) in [0, 1] and labels (N,), decoded in threads.

        Raises
        ------
        FileError
            If a file has become unreadable.
        """
        chosen = positions(indices, len(self))
        paths = [self.paths[i] for i in chosen]
        known = {} if self._cache is None else self._cache
        missing = [path for path in dict.fromkeys(paths) if path not in known]
        known.update(zip(missing, _in_threads(self._decode, missing), strict=True))
        images = np.empty((len(paths), self.channels, *self.size), np.uint8)
        for image, path in zip(images, paths, strict=True):
            image[...] = known[path]
        return scaled(images), self.labels[chosen]

    def arrays(self) -> tuple[Array, Array]:
        """All images and labels at once."""
        return self.batch(slice(None))

    def subset(self, chosen: Array) -> ImageFolder:
        """The images at these positions, as a dataset that shares the cache."""
        subset = copy.copy(self)
        subset.paths = [self.paths[i] for i in chosen]
        subset.labels = self.labels[chosen]
        return subset

    def _decode(self, path: Path) -> Array:
        return pixels(path, self.size, self.channels)


def _visible(folder: Path) -> list[Path]:
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise FileError(
            "the folder {path} cannot be read ({error}): check who may read it",
            path=folder,
            error=error,
        ) from error
    return sorted(entries, key=lambda entry: entry.name)


def _images(folder: Path) -> list[Path]:
    """The files of a class that end like images."""
    entries = _visible(folder)
    files = [entry for entry in entries if not entry.is_dir()]
    images = [file for file in files if file.suffix.lower() in SUFFIXES and not file.is_fifo()]
    if len(files) == len(entries):
        return images
    if not images:
        raise FileError(
            "the class folder {path} holds folders instead of images: move their images up, "
            "or give {path} itself if those are the classes",
            path=folder,
        )
    warnings.warn(
        _(
            "folders inside the class folder {path} are not looked into: move their images up",
            path=folder,
        ),
        stacklevel=3,
    )
    return images


def _broken(paths: list[Path]) -> set[Path]:
    """The files that cannot be decoded, each named in a warning."""
    from PIL import Image, ImageOps

    def problem(path: Path) -> Exception | None:
        try:
            with Image.open(path) as image:
                image.draft("L", (8, 8))  # JPEG: all bytes are read, few pixels are made
                image.load()
                ImageOps.exif_transpose(image)
        except Exception as error:  # damaged bytes make the decoders raise nearly anything
            return error
        return None

    found = set()
    for path, error in zip(paths, _in_threads(problem, paths), strict=True):
        if error is not None:
            found.add(path)
            warnings.warn(
                _("{path} is left out: it is not a whole image ({error})", path=path, error=error),
                stacklevel=3,
            )
    return found


def _in_threads(function: Callable[[Path], T], paths: list[Path]) -> list[T]:
    """``function`` of each path; decoding lets other threads run."""
    return threads.each(function, paths, os.cpu_count() or 1)
