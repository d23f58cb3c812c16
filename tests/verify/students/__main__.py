"""``python -m tests.verify.students``."""

import sys

from . import main

main(int(next((a for a in sys.argv[1:] if a.isdigit()), "1")), "-v" in sys.argv)
