"""Count what is judged rightly."""

import sys

from . import main

main(verbose="-v" in sys.argv)
