"""Raw arrays in, raw arrays out: the numerical work that has a layout or a trick to it."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
