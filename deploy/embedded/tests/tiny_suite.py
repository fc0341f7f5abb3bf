"""A suite of three tiny programs, started as a program itself: tiny_suite.py <data> <port>."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from embedded.declared import Machine, Process, Suite
from embedded.settings import inherited
from embedded.supervisor import Supervisor, run_until_signalled

# Answers its environment; writes into the diary when it is asked to stop.
PROGRAM = """
import json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
name, port, mood = sys.argv[1:]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if mood == "sick" else 200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
    def log_message(self, *_):
        pass
def leave(*_):
    if mood != "stubborn":
        with open(os.environ["DIARY"], "a") as diary:
            diary.write(name + "\\n")
        sys.exit(0)
signal.signal(signal.SIGTERM, leave)
sys.stderr.write(name + " was here\\n")
if mood == "broken":
    sys.exit("no such table: patience")
HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


def tiny(*moods: str) -> Suite:
    def processes(machine: Machine) -> Sequence[Process]:
        return tuple(
            Process(
                name=name,
                argv=(sys.executable, "-c", PROGRAM, name, str(machine.ports[name]), mood),
                health=machine.url(name),
                environment={
                    "DIARY": str(machine.data / "diary"),
                    "SECRET": machine.secrets["secret"],
                    "DATABASE_URL": machine.databases["tiny_facts"],
                },
                needs=needs,
                shows=f"the {name}",
            )
            for name, needs, mood in zip(
                ("door", "kitchen", "cellar"),
                (("kitchen",), ("cellar",), ()),
                (*moods, "well", "well", "well"),
                strict=False,
            )
        )

    return Suite(
        ports=("door", "kitchen", "cellar", "postgres"),
        databases=("tiny_facts",),
        secrets={"secret": lambda: "generated"},
        processes=processes,
    )


if __name__ == "__main__":
    asyncio.run(
        run_until_signalled(
            Supervisor(
                tiny(),
                Path(sys.argv[1]),
                lambda line: print(line, flush=True),  # noqa: T201 - this is a program
                first_port=int(sys.argv[2]),
                chosen_ports={},
                environment=inherited(),
            )
        )
    )
