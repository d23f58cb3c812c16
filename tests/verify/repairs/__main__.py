"""``python -m tests.verify.repairs``."""

import sys

from . import main

if __name__ == "__main__":
    words = [a for a in sys.argv[1:] if a != "-v"]
    step = next((int(a) for a in words if a.isdigit()), 1)
    main(step, [a for a in words if not a.isdigit()], "-v" in sys.argv)
