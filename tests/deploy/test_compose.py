"""docker-compose.yml against what the processes need: all of them are there, complete, locked up, without a secret."""

import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from embedded.declared import Machine
from embedded.kafka import PRODUCT_OPTIONS as KAFKA_OPTIONS
from embedded.postgres import PRODUCT_OPTIONS as POSTGRES_OPTIONS
from embedded.suite import KABINET, SERVICES, STATELESS, TWINS
from service_kit.settings import ServiceSettings

sys.path.insert(0, str(Path(__file__).parent))

from processes import settings_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: Mapping[str, Any] = yaml.safe_load(FILE.read_text())
CONTAINERS: Mapping[str, Any] = COMPOSE["services"]
CLOCK: Mapping[str, Any] = yaml.safe_load((ROOT / "deploy/compose/clock.yml").read_text())[
    "services"
]
OURS = {name for name, one in CONTAINERS.items() if one["image"].startswith("kabinet:")}
JOBS = {name for name, one in CONTAINERS.items() if one["restart"] == "no"}
# `python -m <service> <role>`: what runs, by the name of its container.
PROCESSES = {
    name: (one["command"][2], one["command"][3])
    for name, one in CONTAINERS.items()
    if name in OURS - JOBS and one["command"][2] in SERVICES
}
# OpenTelemetry's own, which its SDK reads.
ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES"
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])((?:[^{}])*))?\}")


def fields_of(service: str) -> Mapping[str, Any]:
    """The variables that a service reads, each with the type of its value."""
    settings = settings_of(service)
    prefix = settings.model_config.get("env_prefix", "")
    return {
        f"{prefix}{name}".upper(): field.annotation for name, field in settings.model_fields.items()
    }


def environment(container: str) -> Mapping[str, str]:
    return {name: str(value) for name, value in CONTAINERS[container]["environment"].items()}


@cache
def made_up(store: str, folder: Path) -> Mapping[str, str]:
    """What deploy/compose/secrets.sh writes for this store."""
    file = folder / store
    subprocess.run(
        [ROOT / "deploy/compose/secrets.sh"],
        env={"ENV_FILE": str(file), "STORE": store, "PATH": "/usr/bin:/bin"},
        check=True,
    )
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """As Compose fills in ${NAME}, ${NAME-default}, ${NAME:-default} and ${NAME:?}."""

    def value(match: re.Match[str]) -> str:
        name, how, default = match.groups()
        found = values.get(name)
        if how in {":-", ":?"}:
            found = found or None
        assert found is not None or how in {"-", ":-"}, f"{name} is not set"
        return default if found is None else found

    return VARIABLE.sub(value, text)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose")


def test_every_service_runs_as_api_and_as_worker_and_every_twin_is_there() -> None:
    roles = {
        service: {role for one, role in PROCESSES.values() if one == service}
        for service in SERVICES
    }
    assert roles == {
        service: {"all"} if service in STATELESS else {"api", "worker"} for service in SERVICES
    }
    twins = {CONTAINERS[name]["command"][3] for name in OURS - JOBS - PROCESSES.keys()}
    assert twins == set(TWINS)


@pytest.mark.parametrize("store", ["kurrentdb", "postgres"])
@pytest.mark.parametrize("container", PROCESSES)
def test_a_process_finds_every_setting_that_it_needs(
    container: str, store: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, _ = PROCESSES[container]
    for name, value in environment(container).items():
        monkeypatch.setenv(name, filled_in(value, made_up(store, folder)))
    settings = settings_of(service).model_validate({})
    assert settings.port == 8000, "where the image looks for its health"
    assert settings.host == "0.0.0.0"  # noqa: S104 - of its container
    if isinstance(settings, ServiceSettings):
        assert (settings.store_url is None) == (store == "postgres")
        assert settings.bus_url.get_secret_value().startswith("kafka://")


@pytest.mark.parametrize("container", PROCESSES)
def test_a_process_is_given_no_setting_that_it_does_not_know(container: str) -> None:
    service, _ = PROCESSES[container]
    assert environment(container).keys() - {ATTRIBUTES} <= fields_of(service).keys()
    assert CLOCK[container]["environment"].keys() == {f"{service.upper()}_CLOCK_FILE"}


@pytest.mark.parametrize("container", PROCESSES)
def test_a_process_says_of_itself_what_the_operator_says_of_it(container: str) -> None:
    value = environment(container)[ATTRIBUTES]
    assert filled_in(value, {}) == "", "which the SDK takes for nothing"
    assert filled_in(value, {ATTRIBUTES: "deployment.environment.name=north"}).endswith("=north")


def test_what_the_embedded_profile_sets_is_set_here_too() -> None:
    machine = Machine(
        data=Path("/data"),
        ports=dict.fromkeys(KABINET.ports, 1),
        databases=dict.fromkeys(KABINET.databases, "postgresql://one"),
        bus="kafka://one",
        secrets=dict.fromkeys(KABINET.secrets, "one"),
        clock_file=Path("/clock"),
    )
    embedded = {process.name: process for process in KABINET.processes(machine)}
    for container, (service, _) in PROCESSES.items():
        known = embedded[service].environment.keys() & fields_of(service).keys()
        assert known - {f"{service.upper()}_CLOCK_FILE"} <= environment(container).keys()
        on_the_bus = issubclass(settings_of(service), ServiceSettings)
        assert (f"{service.upper()}_BUS_URL" in embedded[service].environment) == on_the_bus
    for twin in TWINS:
        options = {option.partition("=")[0] for option in embedded[twin].argv[4:]}
        assert options <= {option.partition("=")[0] for option in CONTAINERS[twin]["command"]}
        assert embedded[twin].environment.keys() <= CONTAINERS[twin].get("environment", {}).keys()


def test_every_host_that_is_named_is_a_container() -> None:
    named = {
        host
        for one in CONTAINERS.values()
        for value in one.get("environment", {}).values()
        for host in re.findall(r"://(?:[^/@\s\"]*@)?([a-z][a-z-]*)", VARIABLE.sub("x", str(value)))
    }
    # The bucket of S3 stands where a host does; localhost is the reader of a letter's.
    assert named - {"localhost", "kabinet"} <= CONTAINERS.keys()
    assert {"postgres", "kafka", "identity-api", "minio"} <= named


def secret_variables(service: str) -> Iterator[str]:
    for name, kind in fields_of(service).items():
        if holds_secret(kind):
            yield name


def holds_secret(kind: Any) -> bool:
    if get_origin(kind) in {Union, UnionType, dict, tuple}:
        return any(holds_secret(part) for part in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return any(holds_secret(field.annotation) for field in kind.model_fields.values())
    return kind is SecretStr


def test_no_secret_stands_in_the_file() -> None:
    # The twin knows its only customer by this name.
    public = {"NOTIFICATIONS_SMS_API_ID"}
    looked_at = 0
    for container, (service, _) in PROCESSES.items():
        for name in set(secret_variables(service)) & environment(container).keys() - public:
            value = environment(container)[name]
            address = re.fullmatch(r"\w+://[a-z-]+(:\d+)?", value)
            assert ":?}" in value or address or name.endswith("_STORE_URL"), f"{container}: {name}"
            looked_at += 1
    assert looked_at > 3 * len(PROCESSES)
    for container, one in CONTAINERS.items():
        for name, value in one.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|_KEY$|SHOPS|PROFILES", name):
                assert ":?}" in str(value), f"{container}: {name}"


def test_every_image_is_pinned_by_its_version() -> None:
    for name, one in CONTAINERS.items():
        tag = filled_in(one["image"], {}).partition(":")[2]
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}-\d\d-\d\d", tag), f"{name}: {one['image']}"


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_container_may_do_only_what_it_must(container: str) -> None:
    one = CONTAINERS[container]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert not {"privileged", "cap_add", "network_mode", "pid"} & one.keys()
    assert not any("docker.sock" in volume for volume in one.get("volumes", ()))
    if container in OURS:
        assert one["read_only"] is True
        assert one["tmpfs"] == ["/tmp"]  # noqa: S108 - inside the container
        assert "user" not in one, "the image's own is not root"


def test_only_the_gateway_can_be_reached_from_other_machines() -> None:
    for name, one in CONTAINERS.items():
        for port in one.get("ports", ()):
            assert port.startswith("127.0.0.1:") or name == "gateway"


def test_the_image_is_not_root_checks_its_life_and_gets_signals() -> None:
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (.+)$", final, re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert "/livez" in re.findall(r"^HEALTHCHECK (?:.|\\\n)*?CMD (.+)$", final, re.MULTILINE)[-1]
    assert re.search(r"^CMD \[", final, re.MULTILINE), "a shell would keep the signals"
    assert "apt-get" not in final
    assert "secret" not in final


def test_who_waits_for_health_waits_for_somebody_who_tells_it() -> None:
    # The image of KurrentDB checks itself.
    silent = CONTAINERS.keys() - OURS - {"kurrentdb"}
    for name, one in CONTAINERS.items():
        for other, how in dict(
            one.get("depends_on", {}) if isinstance(one.get("depends_on"), dict) else {}
        ).items():
            assert other in CONTAINERS, f"{name} waits for {other}"
            match how["condition"]:
                case "service_healthy":
                    assert other not in silent or "healthcheck" in CONTAINERS[other]
                    assert other not in JOBS
                case "service_completed_successfully":
                    assert other in JOBS
                case condition:
                    pytest.fail(f"{name}: {condition}")


def test_what_is_mounted_is_there() -> None:
    mounted = [
        volume.split(":")[0] for one in CONTAINERS.values() for volume in one.get("volumes", ())
    ]
    for source in mounted:
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
        else:
            assert source in COMPOSE["volumes"]
    assert set(COMPOSE["volumes"]) <= set(mounted)


def test_only_the_gateway_is_believed_and_only_the_acquirer_calls_back() -> None:
    def address(container: str) -> ipaddress.IPv4Network:
        given = CONTAINERS[container]["networks"]["default"]["ipv4_address"]
        return ipaddress.IPv4Network(filled_in(given, {}))

    def believed(container: str, name: str) -> list[ipaddress.IPv4Network]:
        return [
            ipaddress.IPv4Network(network)
            for network in json.loads(filled_in(environment(container)[name], {}))
        ]

    assert believed("identity-api", "IDENTITY_TRUSTED_PROXIES") == [address("gateway")]
    assert believed("billing-api", "BILLING_TRUSTED_PROXIES") == [address("gateway")]
    assert believed("billing-api", "BILLING_CALLBACK_SOURCES") == [address("acquirer")]
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    handed_out = ipaddress.IPv4Network(filled_in(network["ip_range"], {}))
    assert not address("gateway").subnet_of(handed_out)
    assert not address("acquirer").subnet_of(handed_out)


def test_the_database_server_takes_all_connections_and_has_a_database_for_each_service() -> None:
    command = CONTAINERS["postgres"]["command"]
    options = dict(re.findall(r"-c (\w+)=(\S+)", command))
    told = POSTGRES_OPTIONS.keys() - {"fsync", "max_connections"}
    assert {name: options[name] for name in told} == {name: POSTGRES_OPTIONS[name] for name in told}
    pools = sum(
        settings_of(service).model_fields["database_connections"].default
        for service, _ in PROCESSES.values()
    )
    audited = 3 * (len(SERVICES) - len(STATELESS))
    assert pools + audited < int(options["max_connections"])
    script = (ROOT / "deploy/compose/postgres/databases.sh").read_text()
    (services,) = re.findall(r"for service in (.+); do", script)
    assert set(services.split()) == set(SERVICES)


def test_the_broker_keeps_events_as_the_embedded_one_does() -> None:
    text = (ROOT / "deploy/compose/kafka/server.properties").read_text()
    options = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    assert options.items() >= KAFKA_OPTIONS.items()
    assert options["advertised.listeners"] == "CLIENT://kafka:9092"


def test_secrets_are_made_once_kept_and_private(tmp_path: Path) -> None:
    first = dict(made_up("kurrentdb", tmp_path))
    made_up.cache_clear()
    assert made_up("kurrentdb", tmp_path) == first
    assert (tmp_path / "kurrentdb").stat().st_mode & 0o777 == 0o600
    secrets = [value for name, value in first.items() if not name.startswith(("STORE", "COMPOSE"))]
    assert (
        len(set(secrets))
        == len(secrets)
        == len(set(re.findall(r"\$\{(\w+):\?\}", FILE.read_text())))
    )
    assert all(len(value) >= 44 for value in secrets)


def test_a_suite_with_data_is_not_moved_to_an_empty_store(tmp_path: Path) -> None:
    made_up("kurrentdb", tmp_path)
    refused = subprocess.run(
        [ROOT / "deploy/compose/secrets.sh"],
        env={"ENV_FILE": str(tmp_path / "kurrentdb"), "STORE": "postgres", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "kurrentdb" in refused.stderr


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "deploy/offline/Dockerfile"])
def test_dockerfiles_are_lint_free(dockerfile: str) -> None:
    lint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run(
        [lint, dockerfile], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_shell_scripts_are_lint_free() -> None:
    lint = Path(sys.executable).with_name("shellcheck")
    scripts = [*(ROOT / "deploy").glob("*/*.sh"), *(ROOT / "deploy").glob("*/*/*.sh")]
    assert {"secrets.sh", "databases.sh", "up.sh", "down.sh"} <= {script.name for script in scripts}
    found = subprocess.run(
        [lint, "--external-sources", *scripts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_the_offline_run_replaces_every_image_or_leaves_it_out() -> None:
    offline = yaml.safe_load((ROOT / "deploy/offline/compose.yml").read_text())["services"]
    left_out = {name for name, one in offline.items() if "profiles" in one} | {"kurrentdb"}
    assert offline.keys() | {"kurrentdb"} == CONTAINERS.keys()
    assert all(
        one["image"].startswith("kabinet-offline/")
        for name, one in offline.items()
        if name not in left_out
    )
    assert left_out == {"kurrentdb", "grafana", "alertmanager"}
