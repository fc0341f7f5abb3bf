"""The manifests, built by kubectl itself: valid, confined, complete, and open only where the contracts say so."""

import copy
import importlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import promql_parser
import pytest
import yaml
from pydantic import SecretStr

from contracts.topics import TOPICS
from embedded.suite import SERVICES
from file_store.s3 import S3Place
from gateway.routing import load_documents
from messaging.kafka import KafkaAddress
from service_kit.settings import FileSettings, ProcessSettings, ServiceSettings

sys.path.insert(0, str(Path(__file__).parent))

from measured import exported, selectors
from processes import settings_of
from targets import job, missed, relabelled

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
README = (FOLDER / "README.md").read_text()
KUBECTL = Path(sys.executable).with_name("kubectl")
# The oldest that has what is used here, and a new one.
VERSIONS = ("1.30", "1.36")
# Where a clinic's own certificate authorities are in every pod.
AUTHORITIES = "/etc/kabinet/authorities"
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"

Manifest: TypeAlias = dict[str, Any]
Labels: TypeAlias = Mapping[str, str]


@cache
def built(folder: str) -> list[Manifest]:
    done = subprocess.run(
        [KUBECTL, "kustomize", FOLDER / folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=["base", "production"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return copy.deepcopy(built(request.param))


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] in kinds]


def named(manifests: Iterable[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (each for each in of_kind(manifests, kind) if each["metadata"]["name"] == name)
    return found


def pod_of(workload: Manifest) -> Manifest:
    return dict(workload["spec"]["template"]["spec"])


def labels_of(workload: Manifest) -> Labels:
    return dict(workload["spec"]["template"]["metadata"]["labels"])


# The checks: what is wrong with a set of manifests


def invalid(manifests: list[Manifest]) -> list[str]:
    findings = []
    for version in VERSIONS:
        for each in manifests:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as wrong:
                findings.append(
                    f"{version} {each['kind']} {each['metadata']['name']}: {wrong.message}"
                )
    return findings


def invalid_in_booking(manifests: list[Manifest]) -> list[str]:
    return invalid([named(manifests, "Deployment", "booking-api")])


def unconfined(manifests: list[Manifest]) -> list[str]:
    findings = []
    for each in of_kind(manifests, "Deployment", "Job"):
        name, pod = each["metadata"]["name"], pod_of(each)
        context = pod.get("securityContext", {})
        (container,) = pod["containers"]
        own = container.get("securityContext", {})
        rules = {
            "root": context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0,
            "seccomp": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "token": pod.get("automountServiceAccountToken") is False,
            "privileges": own.get("allowPrivilegeEscalation") is False,
            "writable root": own.get("readOnlyRootFilesystem") is True,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "memory": "memory" in container.get("resources", {}).get("limits", {}),
            "requests": {"cpu", "memory"} <= container["resources"].get("requests", {}).keys(),
        }
        findings += [f"{name}: {rule}" for rule, kept in rules.items() if not kept]
    return findings


def unsteady(manifests: list[Manifest]) -> list[str]:
    """What makes a process start, stop, move or grow badly."""
    findings = []
    budgets = of_kind(manifests, "PodDisruptionBudget")
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]
        for each in of_kind(manifests, "HorizontalPodAutoscaler")
    }
    partitions = min(topic.partitions for topic in TOPICS)
    for each in of_kind(manifests, "Deployment"):
        name, labels, pod = each["metadata"]["name"], labels_of(each), pod_of(each)
        (container,) = pod["containers"]
        probes = {
            kind: container.get(f"{kind}Probe", {}).get("httpGet", {}).get("path")
            for kind in ("startup", "liveness", "readiness")
        }
        if probes != {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}:
            findings.append(f"{name}: probes")
        if pod["terminationGracePeriodSeconds"] < stopping_seconds(manifests, each) + 5:
            findings.append(f"{name}: killed before it has stopped")
        budget = [b for b in budgets if selects(b["spec"].get("selector"), labels)]
        scaler = scalers.get(name)
        if len(budget) != 1 or scaler is None or "replicas" in each["spec"]:
            findings.append(f"{name}: needs one budget and an autoscaler that alone says how many")
            continue
        if scaler["minReplicas"] <= budget[0]["spec"]["minAvailable"]:
            findings.append(f"{name}: cannot be moved")
        if labels[COMPONENT] == "worker" and scaler["maxReplicas"] > partitions:
            findings.append(f"{name}: more workers than partitions")
        if len(pod["topologySpreadConstraints"]) < 2:
            findings.append(f"{name}: on one machine")
    return findings


def stopping_seconds(manifests: list[Manifest], deployment: Manifest) -> float:
    (container,) = pod_of(deployment)["containers"]
    config = configuration(manifests, container)
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    # First the server, then the tasks: see service_kit.run.
    return float(pause + 2 * float(config["DRAIN_SECONDS"]))


def configuration(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    config, _ = container["envFrom"]
    return dict(named(manifests, "ConfigMap", config["configMapRef"]["name"])["data"])


def unset(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Processes that would not start, or would be told what they do not know or a secret in the open."""
    findings = []
    for each in of_kind(manifests, "Deployment", "Job"):
        name, labels, (container,) = (
            each["metadata"]["name"],
            labels_of(each),
            pod_of(each)["containers"],
        )
        if labels[COMPONENT] == "topics":
            continue
        service, module = labels[NAME], labels[NAME].replace("-", "_")
        kind, prefix = settings_of(module), module.upper() + "_"
        config, secret = container["envFrom"]
        if container["command"] != ["python", "-m", module] or config["prefix"] != prefix:
            findings.append(f"{name}: another service")
        if secret != {"prefix": prefix, "secretRef": {"name": service}}:
            findings.append(f"{name}: another's secret")
        told = {key.lower(): value for key, value in configuration(manifests, container).items()}
        findings += [
            f"{name}: {key} is no setting" for key in told.keys() - kind.model_fields.keys()
        ]
        for key in told.keys() & kind.model_fields.keys():
            if "SecretStr" in str(kind.model_fields[key].annotation):
                findings.append(f"{name}: {key} is secret")
        sealed = secrets_in_readme()[service]
        with monkeypatch.context() as environment:
            for key, value in told.items():
                environment.setenv(prefix + key.upper(), value)
            for key in sealed:
                environment.setenv(prefix + key.upper(), sample_secret(kind, key))
            try:
                kind.model_validate({})
            except ValueError as wrong:
                findings.append(f"{name}: {wrong}")
    return findings


@cache
def secrets_in_readme() -> dict[str, frozenset[str]]:
    """The keys that each service's secret must have, as deploy/kubernetes/README.md tells its reader."""
    rows = re.findall(r"^\| `([a-z-]+)`(?: but `([a-z-]+)`)? \| (.*) \|$", README, re.MULTILINE)
    shared = [(but, keys) for name, but, keys in rows if name == "each"]
    return {
        name: frozenset(
            key.lower()
            for keys in (own, *(keys for but, keys in shared if but != name))
            for key in re.findall("`([A-Z_]+)`", keys)
        )
        for name, _, own in rows
        if name != "each"
    }


def sample_secret(kind: type[ProcessSettings], key: str) -> str:
    annotation = str(kind.model_fields[key].annotation)
    return "{}" if annotation.startswith("dict") else "secret"


def selects(selector: Manifest | None, labels: Labels) -> bool:
    """Whether a label selector matches; an empty one matches everything, none nothing."""
    if selector is None:
        return False
    for rule in selector.get("matchExpressions", ()):
        if (labels.get(rule["key"]) in rule["values"]) != (rule["operator"] == "In"):
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def lets(
    policies: list[Manifest], way: str, one: Labels, accepts: Callable[[Manifest], bool]
) -> bool:
    """Whether the policies of `one` let through what a rule `accepts`; without any policy everything passes."""
    of_one = [
        policy["spec"]
        for policy in policies
        if way in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], one)
    ]
    rules = [rule for spec in of_one for rule in spec.get(way.lower(), ())]
    return not of_one or any(accepts(rule) for rule in rules)


def between(peers: str, other: Labels) -> Callable[[Manifest], bool]:
    def accepts(rule: Manifest) -> bool:
        return {"protocol": "TCP", "port": "http"} in rule["ports"] and any(
            selects(peer["podSelector"], other)
            for peer in rule[peers]
            if peer.keys() == {"podSelector"}
        )

    return accepts


def reaches(port: int, peer: str) -> Callable[[Manifest], bool]:
    def accepts(rule: Manifest) -> bool:
        ports = {each["port"] for each in rule["ports"]}
        return port in ports and any(peer in each for each in rule["to"])

    return accepts


def calls(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Which service's pods may open a connection to which other's, caller first."""
    policies = of_kind(manifests, "NetworkPolicy")
    pods = [labels_of(each) for each in of_kind(manifests, "Deployment", "Job")]
    return {
        (f"{one[NAME]} {one[COMPONENT]}", f"{other[NAME]} {other[COMPONENT]}")
        for one in pods
        for other in pods
        if lets(policies, "Egress", one, between("to", other))
        and lets(policies, "Ingress", other, between("from", one))
    }


def calls_by_contract(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Every process verifies tokens with identity's keys; the gateway passes on what is described; services call
    where an access table names them.
    """
    pods = [labels_of(each) for each in of_kind(manifests, "Deployment", "Job")]
    found = set()
    for one in pods:
        caller = one[NAME].replace("-", "_")
        called = {"identity"} if one[COMPONENT] != "topics" else set()
        if caller == "gateway" and one[COMPONENT] == "api":
            called |= set(load_documents())
        called |= {
            service
            for service in SERVICES
            if service not in {"gateway", caller} and one[COMPONENT] != "topics"
            for row in importlib.import_module(f"{service}.api.access").ACCESS
            if "service" in row.roles and caller in (row.callers or SERVICES)
        }
        found |= {
            (f"{one[NAME]} {one[COMPONENT]}", f"{service.replace('_', '-')} api")
            for service in called
        }
    return found


def outward(manifests: list[Manifest], port: int, peer: str) -> set[str]:
    policies = of_kind(manifests, "NetworkPolicy")
    return {
        labels[NAME].replace("-", "_")
        for labels in map(labels_of, of_kind(manifests, "Deployment", "Job"))
        if lets(policies, "Egress", labels, reaches(port, peer))
    }


# Green on what there is


def test_the_schemas_of_kubernetes_accept_everything() -> None:
    assert invalid(built("production")) == []  # which has everything that base has


def test_events_of_a_region_have_three_copies_on_the_bus() -> None:
    (container,) = pod_of(named(built("production"), "Job", "topics"))["containers"]
    assert {"name": "OPS_TOPIC_REPLICAS", "value": "3"} in container["env"]


def test_every_service_runs(manifests: list[Manifest]) -> None:
    roles: dict[str, set[str]] = {}
    for each in of_kind(manifests, "Deployment", "Job"):
        (container,) = pod_of(each)["containers"]
        labels = labels_of(each)
        if labels[COMPONENT] != "topics":
            roles.setdefault(labels[NAME].replace("-", "_"), set()).update(container["args"])
        assert container["image"].split(":")[0].endswith("kabinet")
    alone = {"gateway", "ops"}
    assert roles == {
        service: {"all", "migrate"} if service in alone else {"api", "worker", "migrate"}
        for service in SERVICES
    }


def test_nothing_runs_with_more_rights_than_it_needs(manifests: list[Manifest]) -> None:
    assert unconfined(manifests) == []


def test_processes_start_stop_move_and_grow_well(manifests: list[Manifest]) -> None:
    assert unsteady(manifests) == []


def test_every_process_is_told_what_it_must_know_and_no_secret_is_written_down(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_kind(manifests, "Secret") == []
    assert unset(manifests, monkeypatch) == []


def test_every_pod_can_be_given_certificate_authorities(manifests: list[Manifest]) -> None:
    for each in of_kind(manifests, "Deployment", "Job"):
        pod = pod_of(each)
        (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "authorities")
        assert volume["configMap"] == {"name": "authorities", "optional": True}
        (mount,) = (m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "authorities")
        assert mount["readOnly"] is True
        assert mount["mountPath"] == AUTHORITIES


def test_the_readme_names_authorities_as_each_address_takes_them() -> None:
    named = dict(re.findall(r"`([a-z0-9+]+)://[^`]*[?&](\w+)=/etc/kabinet/authorities/", README))
    assert named == {
        "postgresql": "sslrootcert",
        "kafka+tls": "ca",
        "kurrentdb": "tlsCaFile",
        "s3": "ca",
    }
    (bus,) = re.findall(r"`(kafka[^`]+/etc/kabinet/authorities/[^`]+)`", README)
    assert KafkaAddress.parse(bus).ca == Path(AUTHORITIES) / "ca.pem"
    (files,) = re.findall(r"`(s3:[^`]+/etc/kabinet/authorities/[^`]+)`", README)
    assert S3Place.parse(files).ca == f"{AUTHORITIES}/ca.pem"


def test_what_jobs_need_is_rolled_out_with_them(manifests: list[Manifest]) -> None:
    (first,) = re.findall(
        r"^first='app.kubernetes.io/component in \((.*)\)'$", README, re.MULTILINE
    )
    chosen = [
        each
        for each in manifests
        if each["metadata"].get("labels", {}).get(COMPONENT) in first.split(", ")
    ]
    assert of_kind(chosen, "Job") == of_kind(manifests, "Job")
    assert of_kind(chosen, "ConfigMap") == of_kind(manifests, "ConfigMap")
    assert of_kind(chosen, "Namespace") == of_kind(manifests, "Namespace")
    assert of_kind(chosen, "Deployment") == []


def test_services_find_each_other(manifests: list[Manifest]) -> None:
    services = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "Service")}
    pods = [labels_of(each) for each in of_kind(manifests, "Deployment", "Job")]
    for spec in services.values():
        (only,) = (pod for pod in pods if selects({"matchLabels": spec["selector"]}, pod))
        assert only[COMPONENT] == "api"
    addresses = {
        value
        for config in of_kind(manifests, "ConfigMap")
        for value in config["data"].values()
        if value.startswith("http://") and ".monitoring" not in value
    }
    assert addresses == {f"http://{name}:8000" for name in services if name != "gateway-api"}


def test_who_may_call_whom_follows_from_the_contracts(manifests: list[Manifest]) -> None:
    assert calls(manifests) == calls_by_contract(manifests)


def test_only_those_reach_the_bus_whom_the_catalogue_names(manifests: list[Manifest]) -> None:
    operations = json.loads((ROOT / "contracts/asyncapi.json").read_text())["operations"]
    # ops makes the topics.
    told = {name.partition(".")[0] for name in operations} | {"ops"}
    assert outward(manifests, 9092, "namespaceSelector") == told


def test_only_those_reach_databases_and_event_stores_whose_settings_name_them(
    manifests: list[Manifest],
) -> None:
    stores = {service for service in SERVICES if issubclass(settings_of(service), ServiceSettings)}
    assert outward(manifests, 2113, "namespaceSelector") == stores
    assert outward(manifests, 5432, "namespaceSelector") == set(SERVICES)


def test_the_public_process_has_neither_bus_nor_store(manifests: list[Manifest]) -> None:
    assert not {"bus_url", "store_url"} & settings_of("gateway").model_fields.keys()
    assert not {"bus_url", "store_url"} & secrets_in_readme()["gateway"]
    assert {"bus_url", "store_url"} <= secrets_in_readme()["booking"]
    for port in (2113, 9092, 9093):
        assert "gateway" not in outward(manifests, port, "namespaceSelector")


def test_only_those_reach_files_and_providers_whose_settings_name_them(
    manifests: list[Manifest],
) -> None:
    kinds = {service: settings_of(service) for service in SERVICES}
    files = {service for service, kind in kinds.items() if issubclass(kind, FileSettings)}
    assert outward(manifests, 9000, "namespaceSelector") == files
    ours = {f"{service}_url" for service in SERVICES}
    # The cabinet's address is only shown to people.
    common = FileSettings.model_fields.keys() | {"cabinet_url"} | ours
    outside = {
        service
        for service, kind in kinds.items()
        if service != "gateway"
        and any(key.endswith(("_url", "_host")) for key in kind.model_fields.keys() - common)
    }
    assert outward(manifests, 443, "ipBlock") == outside


def scraped(manifests: list[Manifest], phase: str = "Running") -> list[dict[str, str]]:
    """The labels under which Prometheus asks the pods, by what its discovery says of each port of theirs."""
    rules = job("kubernetes.yml")["relabel_configs"]
    found = []
    for each in of_kind(manifests, "Deployment", "Job"):
        pod, labels = pod_of(each), labels_of(each)
        for port in pod["containers"][0].get("ports", ({},)):
            meta = {
                "__meta_kubernetes_namespace": each["metadata"]["namespace"],
                "__meta_kubernetes_pod_name": f"{each['metadata']['name']}-1",
                "__meta_kubernetes_pod_phase": phase,
                "__meta_kubernetes_pod_container_port_name": port.get("name", ""),
            } | {
                f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9_]', '_', name)}": value
                for name, value in labels.items()
            }
            if (target := relabelled(rules, meta)) is not None:
                found.append(target)
    return found


def test_prometheus_asks_every_process_by_its_service_role_and_namespace(
    manifests: list[Manifest],
) -> None:
    assert scraped(manifests) == [
        {
            "service": labels_of(each)[NAME],
            "role": labels_of(each)[COMPONENT],
            "namespace": "kabinet",
            "pod": f"{each['metadata']['name']}-1",
        }
        for each in of_kind(manifests, "Deployment")
    ]
    assert scraped(manifests, "Succeeded") == []


def test_prometheus_finds_only_pods_of_the_suite(manifests: list[Manifest]) -> None:
    (discovery,) = job("kubernetes.yml")["kubernetes_sd_configs"]
    (selector,) = discovery["selectors"]
    name, value = selector["label"].split("=")
    assert all(labels_of(each)[name] == value for each in of_kind(manifests, "Deployment"))


def test_who_is_missed_when_it_is_gone_is_asked(manifests: list[Manifest]) -> None:
    for wanted in missed():
        assert [each for each in scraped(manifests) if wanted.items() <= each.items()], wanted


def test_all_gateways_together_let_a_stranger_do_about_what_one_alone_would() -> None:
    manifests = built("production")
    scaler = named(manifests, "HorizontalPodAutoscaler", "gateway-api")["spec"]
    (container,) = pod_of(named(manifests, "Deployment", "gateway-api"))["containers"]
    told = configuration(manifests, container)
    for name in ("anonymous_writes_per_minute", "anonymous_reads_per_minute"):
        alone = settings_of("gateway").model_fields[name].default
        assert int(told[name.upper()]) == math.ceil(alone / scaler["maxReplicas"])


def test_workers_grow_by_a_metric_that_is_exported(manifests: list[Manifest]) -> None:
    (rule,) = yaml.safe_load((FOLDER / "adapter-rules.yaml").read_text())["externalRules"]
    (series,) = selectors(rule["seriesQuery"])
    query = (
        rule["metricsQuery"].replace("<<.Series>>", series.name).replace("<<.LabelMatchers>>", "")
    )
    promql_parser.parse(query)
    assert "flow" in exported()[series.name]
    for each in of_kind(manifests, "HorizontalPodAutoscaler"):
        (metric,) = each["spec"]["metrics"]
        if each["metadata"]["name"].endswith("-worker"):
            asked = metric["external"]["metric"]
            service = each["metadata"]["name"].removesuffix("-worker")
            assert asked == {"name": series.name, "selector": {"matchLabels": {"service": service}}}


# Red on planted faults


def in_booking(path: str, value: object) -> Callable[[list[Manifest]], None]:
    """Set something of booking's API; None takes it away."""

    def plant(manifests: list[Manifest]) -> None:
        place: Any = named(manifests, "Deployment", "booking-api")["spec"]
        *way, last = path.split(".")
        for step in way:
            place = place[int(step)] if step.isdecimal() else place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return plant


def limit(kind: str, name: str, key: str, value: object) -> Callable[[list[Manifest]], None]:
    def plant(manifests: list[Manifest]) -> None:
        named(manifests, kind, name)["spec"][key] = value

    return plant


CONTAINER = "template.spec.containers.0"


@pytest.mark.parametrize(
    ("plant", "check", "finding"),
    [
        (in_booking("replica", 2), invalid_in_booking, "replica"),
        (
            in_booking(f"{CONTAINER}.ports.0.containerPort", "http"),
            invalid_in_booking,
            "booking-api",
        ),
        (in_booking("template.spec.securityContext.runAsUser", 0), unconfined, "booking-api: root"),
        (
            in_booking(f"{CONTAINER}.securityContext.readOnlyRootFilesystem", None),
            unconfined,
            "booking-api: writable root",
        ),
        (in_booking(f"{CONTAINER}.resources.limits", {}), unconfined, "booking-api: memory"),
        (in_booking(f"{CONTAINER}.readinessProbe", None), unsteady, "booking-api: probes"),
        (
            in_booking("template.spec.terminationGracePeriodSeconds", 49),
            unsteady,
            "booking-api: killed before it has stopped",
        ),
        (
            limit("PodDisruptionBudget", "booking-api", "selector", None),
            unsteady,
            "booking-api: needs one budget",
        ),
        (
            limit("HorizontalPodAutoscaler", "booking-api", "minReplicas", 1),
            unsteady,
            "booking-api: cannot be moved",
        ),
        (
            limit("HorizontalPodAutoscaler", "booking-worker", "maxReplicas", 13),
            unsteady,
            "booking-worker: more workers than partitions",
        ),
    ],
)
def test_a_planted_fault_is_found(
    plant: Callable[[list[Manifest]], None],
    check: Callable[[list[Manifest]], list[str]],
    finding: str,
) -> None:
    manifests = copy.deepcopy(built("base"))
    plant(manifests)
    found = check(manifests)
    assert found
    assert all(finding in each for each in found)


@pytest.mark.parametrize(
    ("key", "value", "finding"),
    [
        ("IDENTITY_URL", None, "identity_url"),
        ("PORT", "many", "port"),
        ("IDENTITY_ADDRESS", "http://identity", "identity_address is no setting"),
        ("SERVICE_SECRET", "Tr0ub4dor", "service_secret is secret"),
    ],
)
def test_a_setting_that_is_missing_wrong_unknown_or_secret_is_found(
    key: str, value: str | None, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = copy.deepcopy(built("base"))
    (container,) = pod_of(named(manifests, "Deployment", "booking-api"))["containers"]
    config, _ = container["envFrom"]
    data = named(manifests, "ConfigMap", config["configMapRef"]["name"])["data"]
    if value is None:
        del data[key]
    else:
        data[key] = value
    found = unset(manifests, monkeypatch)
    assert found
    assert all(finding in each for each in found)


def test_a_policy_that_lets_too_much_through_is_found() -> None:
    manifests = copy.deepcopy(built("base"))
    policy = named(manifests, "NetworkPolicy", "behind-the-gateway")["spec"]
    policy["ingress"][0]["from"] = [{"podSelector": {}}]
    # Nobody but the gateway may go out to them either, so both ends have to be wrong.
    assert calls(manifests) == calls_by_contract(manifests)
    out = named(manifests, "NetworkPolicy", "to-identity")["spec"]
    out["egress"][0]["to"] = [{"podSelector": {}}]
    assert ("booking worker", "billing api") in calls(manifests) - calls_by_contract(manifests)


def test_a_policy_that_is_forgotten_is_found() -> None:
    manifests = [
        each
        for each in built("base")
        if each["metadata"]["name"] not in {"identity", "to-identity"}
    ]
    assert ("booking api", "identity api") in calls_by_contract(manifests) - calls(manifests)


def test_without_a_policy_that_denies_by_default_everything_would_be_open() -> None:
    open_to_all = [
        each
        for each in built("base")
        if each["kind"] != "NetworkPolicy" or each["metadata"]["name"] == "gateway"
    ]
    assert ("booking worker", "billing api") in calls(open_to_all)


def test_a_typing_error_in_a_secret_of_the_readme_would_be_found() -> None:
    for service, keys in secrets_in_readme().items():
        kind = settings_of(service.replace("-", "_"))
        assert keys <= kind.model_fields.keys()
        assert {key for key in keys if kind.model_fields[key].annotation is SecretStr}
