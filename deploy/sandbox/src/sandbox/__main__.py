"""`python -m sandbox acquirer|mail|ca|smartcaptcha`: one twin, one process."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import sandbox.acquirer.bootstrap
import sandbox.certificate_authority.bootstrap
import sandbox.mail_sink.bootstrap
import sandbox.smartcaptcha.bootstrap
from sandbox.web import listen, port_number, serve


def _arguments() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--port", type=port_number, required=True, help="HTTP port; 0 takes any")
    shared.add_argument("--host", default="127.0.0.1", help="address to listen on")
    shared.add_argument(
        "--data", metavar="DIR", type=Path, required=True, help="folder that keeps everything"
    )
    shared.add_argument(
        "--clock-file",
        metavar="PATH",
        type=Path,
        help='JSON file {"offset_seconds": N}: how far this twin lives in the future',
    )
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Twins of the outside world."
    )
    twins = parser.add_subparsers(metavar="acquirer|mail|ca|smartcaptcha", required=True)
    for name, summary, twin in (
        ("acquirer", "a payment provider that speaks YooKassa API v3", sandbox.acquirer.bootstrap),
        (
            "mail",
            "an SMTP server and SMS provider that keep all letters",
            sandbox.mail_sink.bootstrap,
        ),
        (
            "ca",
            "a certificate authority with a time-stamp service",
            sandbox.certificate_authority.bootstrap,
        ),
        (
            "smartcaptcha",
            "Yandex SmartCaptcha's check of tokens",
            sandbox.smartcaptcha.bootstrap,
        ),
    ):
        command = twins.add_parser(name, parents=[shared], help=summary, description=summary)
        twin.add_arguments(command)
        command.set_defaults(name=name, start=twin.start)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one twin until it is stopped; 2 for bad arguments, 1 when an address cannot be taken."""
    parser = _arguments()
    options = parser.parse_args(arguments)
    try:
        listener = listen(options.host, options.port)
        with listener:
            serve(options.name, listener, lambda address: options.start(options, address))
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    except OSError as error:
        sys.stderr.write(f"{options.name}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
