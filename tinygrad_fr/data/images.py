"""One image, from a file to the array that a model takes."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import settings
from ..checks import one_of, pair
from ..errors import DTypeError, FileError, need
from ..kernels import Array
from ..messages import _

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def preprocess(
    image: Picture | str | os.PathLike[str], size: int | tuple[int, int], channels: int = 3
) -> Array:
    """The array that a model is trained on, from an image or its file.

    Turned upright (EXIF), transparency laid on white, converted, resized (bilinear).

    Parameters
    ----------
    image
        A Pillow image, or the path of a file.
    size
        Height and width; one number for both.
    channels
        3 for colours, 1 for grey.

    Returns
    -------
    ndarray
        (C, H, W), values in [0, 1], of the default dtype.

    Raises
    ------
    FileError
        If the file is missing or is not a whole image.

    Examples
    --------
    >>> from PIL import Image
    >>> preprocess(Image.new("RGB", (40, 30), "white"), size=(2, 3), channels=1)
    array([[[1., 1., 1.],
            [1., 1., 1.]]], dtype=float32)
    """
    return scaled(pixels(image, pair(size, "size", 1), one_of(channels, "channels", (1, 3))))


def scaled(pixels: Array) -> Array:
    """Bytes as numbers in [0, 1]."""
    return np.divide(pixels, 255, dtype=settings.get_default_dtype())


def pixels(image: Any, size: tuple[int, int], channels: int) -> Array:
    """The image as (C, H, W) of uint8."""
    Image = pillow()
    if isinstance(image, Image.Image):
        return _converted(image, size, channels)
    if not isinstance(image, str | os.PathLike):
        raise DTypeError(
            "an image is a Pillow image or the path of a file, not {kind}",
            kind=type(image).__name__,
        )
    try:
        if Path(image).is_dir() or Path(image).is_fifo():  # which could be waited for for ever
            raise OSError(_("it is a folder or a device"))
        with Image.open(image) as opened:
            # A JPEG is decoded at a half to an eighth, still 4 times as large as asked for where
            # it is larger: five times as fast for 12 megapixels, and no difference to be seen.
            opened.draft(None, (4 * max(size),) * 2)
            return _converted(opened, size, channels)
    except FileNotFoundError as error:
        raise FileError("there is no image {path}: check its name", path=image) from error
    except Exception as error:  # damaged bytes make the decoders raise nearly anything
        raise FileError(
            "{path} is not an image, or not a whole one ({error}): check the file",
            path=image,
            error=error,
        ) from error


def _converted(image: Any, size: tuple[int, int], channels: int) -> Array:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode[:1] in "IF":  # 16 or 32 bits a number, which convert() would clip at 255
        pixels = np.asarray(image, np.float64).clip(0)
        tops = (65535,) if image.mode.startswith("I;16") else (1, 255, 65535)
        top = next((top for top in tops if pixels.max() <= top), pixels.max())
        image = Image.fromarray((pixels * (255 / top)).astype(np.uint8))
    if image.has_transparency_data:  # convert() would show what lies under it, often black
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    if image.mode == "LAB":  # which Pillow turns into colours only
        image = image.convert("RGB")
    image = image.convert("L" if channels == 1 else "RGB")
    image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(*size, channels).transpose(2, 0, 1)


def pillow() -> ModuleType:
    """Pillow's module Image, imported on demand."""
    need(data="PIL")
    from PIL import Image

    return Image
