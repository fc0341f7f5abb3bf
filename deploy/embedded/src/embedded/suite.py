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
# These keep no events of their own.
STATELESS = ("gateway", "ops")
TWINS = ("acquirer", "mail", "ca")

# In order of their numbers: PORT is the gateway's, the others follow it.
PORTS = (
    "gateway",
    *(name for name in SERVICES if name != "gateway"),
    *TWINS,
    "smtp",
    "postgres",
    "kafka",
)

DATABASES = (*SERVICES, "bus")

# Clinics that have a shop at the sandbox acquirer.
TENANTS = ("north", "south")


def random_key() -> str:
    """32 random bytes, base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def random_token() -> str:
    return secrets.token_urlsafe(32)


SECRETS = {
    "master_key": random_key,
    "signing_key_encryption_key": random_key,
    "captcha_secret": random_token,
    **{f"{name}_service_secret": random_token for name in SERVICES},
    **{f"{tenant}_shop_secret": random_token for tenant in TENANTS},
}


def processes(machine: Machine) -> Sequence[Process]:
    return (
        twin(
            "acquirer",
            machine,
            environment={"ACQUIRER_SHOPS": json.dumps(shop_list(machine))},
            shows="sandbox acquirer: payments",
        ),
        twin("mail", machine, f"--smtp-port={machine.ports['smtp']}", shows="letters and SMS sent"),
        twin("ca", machine),
        service(
            "identity",
            machine,
            {
                # Named, so that it can be followed by another one; see MasterKeys.from_text.
                "IDENTITY_MASTER_KEY": f"first:{machine.secrets['master_key']}",
                "IDENTITY_SERVICE_SECRETS": json.dumps(
                    {name: machine.secrets[f"{name}_service_secret"] for name in SERVICES}
                ),
            },
        ),
        service("booking", machine, needs=("identity",)),
        service("consultation_room", machine, needs=("identity",)),
        service(
            "conclusions",
            machine,
            {
                "CONCLUSIONS_CERTIFICATE_AUTHORITY_URL": machine.url("ca"),
                "CONCLUSIONS_TIMESTAMP_URL": f"{machine.url('ca')}/tsa",
                "CONCLUSIONS_KEY_ENCRYPTION_KEY": "1:"
                + machine.secrets["signing_key_encryption_key"],
            },
            needs=("identity", "ca"),
        ),
        service(
            "billing",
            machine,
            {
                "BILLING_YOOKASSA_URL": machine.url("acquirer"),
                "BILLING_YOOKASSA_PROFILES": json.dumps(shops(machine)),
                "BILLING_CALLBACK_SOURCES": json.dumps([f"{LOCAL}/32"]),
            },
            needs=("identity", "acquirer"),
        ),
        service(
            "notifications",
            machine,
            {
                "NOTIFICATIONS_SMTP_HOST": LOCAL,
                "NOTIFICATIONS_SMTP_PORT": str(machine.ports["smtp"]),
                "NOTIFICATIONS_SMTP_SECURITY": "none",
                "NOTIFICATIONS_MAIL_FROM": "clinic@kabinet.example",
                "NOTIFICATIONS_MAIL_LOOKUP_URL": machine.url("mail"),
                "NOTIFICATIONS_SMS_URL": machine.url("mail"),
                # The sink's own default.
                "NOTIFICATIONS_SMS_API_ID": "sandbox",
                # Until there is a cabinet, a link opens the card's document in the API.
                "NOTIFICATIONS_CABINET_URL": f"{machine.url('gateway')}/api/v1",
            },
            needs=("identity", "mail"),
        ),
        service(
            "ops",
            machine,
            {
                "OPS_SERVICE_DATABASES": json.dumps(
                    {name: machine.databases[name] for name in SERVICES if name not in STATELESS}
                )
            },
            needs=("identity",),
        ),
        service(
            "gateway",
            machine,
            {
                # On one's own machine whoever asks may have the trace of it.
                "GATEWAY_FOLLOWS_TRACES": "true",
                "GATEWAY_CAPTCHA_SECRET": machine.secrets["captcha_secret"],
                **{
                    f"GATEWAY_{name.upper()}_URL": machine.url(name)
                    for name in SERVICES
                    if name != "gateway"
                },
            },
            needs=tuple(name for name in SERVICES if name != "gateway"),
            bus=False,
            shows="the public API, described under /docs",
        ),
    )


def shops(machine: Machine) -> Mapping[str, Mapping[str, str]]:
    """The acquirer knows a tenant by this shop id and secret."""
    return {
        tenant: {"shop_id": f"shop-{tenant}", "secret": machine.secrets[f"{tenant}_shop_secret"]}
        for tenant in TENANTS
    }


def shop_list(machine: Machine) -> Sequence[str]:
    """Not for a command line: anybody on the machine can list those."""
    callbacks = f"{machine.url('gateway')}/api/v1/callbacks/yookassa"
    return [
        f"{shop['shop_id']}:{shop['secret']}:{callbacks}/{tenant}"
        for tenant, shop in shops(machine).items()
    ]


def service(
    name: str,
    machine: Machine,
    more: Mapping[str, str] | None = None,
    *,
    needs: Sequence[str] = (),
    bus: bool = True,
    shows: str = "",
) -> Process:
    """A service of ours: `python -m <name> all` with the settings that every one has; `bus`: it is on the bus."""
    prefix = name.upper()
    return Process(
        name=name,
        argv=(sys.executable, "-m", name, "all"),
        health=f"{machine.url(name)}/readyz",
        environment={
            f"{prefix}_HOST": LOCAL,
            f"{prefix}_PORT": str(machine.ports[name]),
            f"{prefix}_DATABASE_URL": machine.databases[name],
            **({f"{prefix}_BUS_URL": machine.bus} if bus else {}),
            f"{prefix}_IDENTITY_URL": machine.url("identity"),
            f"{prefix}_SERVICE_SECRET": machine.secrets[f"{name}_service_secret"],
            f"{prefix}_CLOCK_FILE": str(machine.clock_file),
            f"{prefix}_FILES_URL": (machine.data / "files" / name).as_uri(),
            **(more or {}),
        },
        needs=needs,
        shows=shows,
    )


def twin(
    name: str,
    machine: Machine,
    *options: str,
    environment: Mapping[str, str] | None = None,
    shows: str = "",
) -> Process:
    """A stand-in for the outside world: `python -m sandbox <name>`."""
    return Process(
        name=name,
        argv=(
            *(sys.executable, "-m", "sandbox", name),
            f"--host={LOCAL}",
            f"--port={machine.ports[name]}",
            f"--data={machine.data / 'sandbox' / name}",
            f"--clock-file={machine.clock_file}",
            *options,
        ),
        health=f"{machine.url(name)}/livez",
        environment=environment or {},
        shows=shows,
    )


KABINET = Suite(ports=PORTS, databases=DATABASES, secrets=SECRETS, processes=processes)
