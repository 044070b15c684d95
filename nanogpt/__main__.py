"""`python -m nanogpt`."""

import sys

from nanogpt.cli import answer_errors, main

if __name__ == "__main__":
    raise SystemExit(answer_errors(main, sys.argv[1:]))
