"""The command line `kabinet`: for operators of a running suite."""

import sys

from ops.cli.application import app

__all__ = ["main"]


def main() -> None:
    """The entry point: 0 well, 1 something is wrong with the suite, 2 wrong usage or nothing to work on."""
    sys.exit(app())
