"""The table of what runs on one machine: edit this file to add a process, a setting or a secret."""

import base64
import json
import secrets
import sys
from collections.abc import Mapping, Sequence

from embedded.declared import LOCAL, Machine, Process, Suite

SERVICES = (
    *("identity", "booking", "consultation_room", "conclusions"),
    *("billing", "notifications", "gateway", "ops"),
)
TWINS = ("acquirer", "mail", "ca")

# In order of their numbers: PORT is the gateway's, the others follow it.
PORTS = (
    "gateway",
    *(name for name in SERVICES if name != "gateway"),
    *TWINS,
    "smtp",
    "postgres",
)

DATABASES = (*SERVICES, "bus")


def random_key() -> str:
    """32 random bytes, base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def random_token() -> str:
    return secrets.token_urlsafe(32)


SECRETS = {
    "master_key": random_key,
    "signing_key": random_key,
    "acquirer_shop_key": random_token,
    **{f"{name}_client_secret": random_token for name in SERVICES},
}


def processes(machine: Machine) -> Sequence[Process]:
    client_secrets = {name: machine.secrets[f"{name}_client_secret"] for name in SERVICES}
    return (
        twin("acquirer", machine, shows="sandbox acquirer: pay or decline"),
        twin("mail", machine, {"SANDBOX_SMTP_PORT": str(machine.ports["smtp"])}, shows="letters"),
        twin("ca", machine),
        service(
            "identity",
            machine,
            {
                "IDENTITY_MASTER_KEY": machine.secrets["master_key"],
                "IDENTITY_SERVICE_SECRETS": json.dumps(client_secrets),
            },
            needs=("mail",),
        ),
        service("booking", machine, needs=("identity",)),
        service("consultation_room", machine, needs=("identity",)),
        service("conclusions", machine, needs=("identity", "ca")),
        service("billing", machine, needs=("identity", "acquirer")),
        service("notifications", machine, needs=("identity", "mail")),
        service("ops", machine, needs=("identity",)),
        service(
            "gateway",
            machine,
            {f"GATEWAY_{name.upper()}_URL": machine.url(name) for name in SERVICES[:6]},
            needs=("identity", "booking", "consultation_room", "conclusions", "billing"),
            shows="the public API, its pages under /docs",
        ),
    )


def service(
    name: str,
    machine: Machine,
    more: Mapping[str, str] | None = None,
    *,
    needs: Sequence[str] = (),
    shows: str = "",
) -> Process:
    """A service of ours: `python -m <name> all` with the settings that every one has."""
    prefix = name.upper()
    return Process(
        name=name,
        argv=(sys.executable, "-m", name, "all"),
        health=f"{machine.url(name)}/readyz",
        environment={
            f"{prefix}_HOST": LOCAL,
            f"{prefix}_PORT": str(machine.ports[name]),
            f"{prefix}_DATABASE_URL": machine.databases[name],
            f"{prefix}_BUS_URL": machine.databases["bus"],
            f"{prefix}_IDENTITY_URL": machine.url("identity"),
            f"{prefix}_SERVICE_SECRET": machine.secrets[f"{name}_client_secret"],
            f"{prefix}_CLOCK_FILE": str(machine.clock_file),
            f"{prefix}_FILES_DIR": str(machine.data / "files" / name),
            **(more or {}),
        },
        needs=needs,
        shows=shows,
    )


def twin(
    name: str, machine: Machine, more: Mapping[str, str] | None = None, *, shows: str = ""
) -> Process:
    """A stand-in for the outside world: `python -m sandbox <name>`."""
    return Process(
        name=name,
        argv=(sys.executable, "-m", "sandbox", name),
        health=f"{machine.url(name)}/readyz",
        environment={
            "SANDBOX_HOST": LOCAL,
            "SANDBOX_PORT": str(machine.ports[name]),
            "SANDBOX_DATA_DIR": str(machine.data / "sandbox" / name),
            "SANDBOX_CLOCK_FILE": str(machine.clock_file),
            **(more or {}),
        },
        shows=shows,
    )


KABINET = Suite(ports=PORTS, databases=DATABASES, secrets=SECRETS, processes=processes)
