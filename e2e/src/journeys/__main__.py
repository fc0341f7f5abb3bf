"""`python -m journeys demo|trace|chaos`."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from journeys.chaos import Plan, chaos
from journeys.demo import demo
from journeys.trace import show


def main() -> int:
    """0 when the journeys ended well, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m journeys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("demo", help="watch one consultation from booking to conclusion")
    one.add_argument(
        "--port", type=int, help="port of the gateway when the suite has to be started"
    )
    one.add_argument("--data", type=Path, default=Path(".data"), help="data directory of the suite")
    one.add_argument(
        "--at", type=Path, help="file with the addresses of a suite that runs elsewhere"
    )
    commands.add_parser("trace", help="print the trace of one booking as a tree")
    two = commands.add_parser("chaos", help="kill processes while journeys run, then check it all")
    two.add_argument("--data", type=Path, default=Path(".data-chaos"), help="its own, made anew")
    two.add_argument("--port", type=int, help="first port of its own suite")
    two.add_argument("--report", type=Path, default=Path("build/chaos.json"))
    two.add_argument("--quick", action="store_true", help="20 journeys, under two minutes")
    two.add_argument("--journeys", type=int)
    two.add_argument("--seconds-between-kills", type=float, default=1.0)
    two.add_argument("--at-once", type=int, default=24)
    two.add_argument("--seed", type=int, help="what is random follows from it")
    two.add_argument("--limit-minutes", type=float, default=15.0)
    arguments = parser.parse_args()
    try:
        if arguments.command == "chaos":
            return 0 if asyncio.run(chaos(_plan(arguments))) else 1
        if arguments.command == "trace":
            sys.stdout.write(asyncio.run(show()) + "\n")
            return 0
        asyncio.run(demo(arguments.data, arguments.port, arguments.at))
    except (RuntimeError, AssertionError) as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        data=arguments.data,
        report=arguments.report,
        port=arguments.port,
        journeys=arguments.journeys or (20 if arguments.quick else 200),
        seconds_between_kills=arguments.seconds_between_kills,
        at_once=arguments.at_once,
        seed=random.randrange(10**6) if arguments.seed is None else arguments.seed,  # noqa: S311 - chooses, keeps no secret
        limit_minutes=arguments.limit_minutes,
    )


if __name__ == "__main__":
    sys.exit(main())
