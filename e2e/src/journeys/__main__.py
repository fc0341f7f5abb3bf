"""`python -m journeys demo|chaos`."""

import argparse
import asyncio
import sys
from pathlib import Path

from journeys.demo import demo


def main() -> int:
    """0 when the journeys ended well, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m journeys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("demo", help="watch one consultation from booking to conclusion")
    one.add_argument(
        "--port", type=int, help="port of the gateway when the suite has to be started"
    )
    one.add_argument("--data", type=Path, default=Path(".data"), help="data directory of the suite")
    arguments = parser.parse_args()
    try:
        asyncio.run(demo(arguments.data, arguments.port))
    except (RuntimeError, AssertionError) as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
