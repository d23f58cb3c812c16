"""``python -m tests.verify.through_time``."""

import sys

from . import main

words = [word for word in sys.argv[1:] if word != "-v"]
steps = [int(word) for word in words if word.isdigit()]
main(steps[0] if steps else 1, [word for word in words if not word.isdigit()], "-v" in sys.argv)
