"""``python -m tinygrad_fr``."""

import sys

from .cli import main

sys.exit(main())
