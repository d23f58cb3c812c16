"""``python -m tests.verify.styles``."""

import sys

from . import main

main("-v" in sys.argv)
