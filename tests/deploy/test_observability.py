"""Alerts and dashboards ask only for what is measured, alerts fire at their boundary, and every one says what to do."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from embedded.suite import SERVICES, STATELESS

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).parent)]

import generate_dashboards  # noqa: E402 - a tool, not a package
from measured import exported, unknown  # noqa: E402 - beside this file
from targets import job, missed, relabelled  # noqa: E402 - beside this file

FOLDER = ROOT / "deploy/observability"
ALERTS = FOLDER / "prometheus/alerts.yml"
CASES = Path(__file__).with_name("alerts_test.yml")


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def records() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def panels() -> Iterator[tuple[str, str]]:
    """Title and PromQL of every query of every dashboard."""
    for path in sorted((FOLDER / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                # Grafana writes the reader's choice in place of the variable.
                yield f"{path.stem}: {panel['title']}", target["expr"].replace("$service", ".*")


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_is_measured_and_says_what_to_do(alert: dict[str, Any]) -> None:
    assert unknown(alert["expr"], *records()) == []
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert "for" in alert
    assert alert["annotations"]["summary"]
    assert commands_in(alert["annotations"]["runbook"])


def test_a_record_is_of_what_is_measured() -> None:
    assert [unknown(expression) for expression in records().values()] == [[]]


@pytest.mark.parametrize(("title", "expression"), list(panels()))
def test_a_panel_shows_what_is_measured(title: str, expression: str) -> None:
    assert unknown(expression) == [], title


@pytest.mark.parametrize(
    ("expression", "finding"),
    [
        ("max(kabinet_view_lag_second) > 1", "kabinet_view_lag_second"),
        ("sum(rate(kabinet_events_handled[5m]))", "kabinet_events_handled"),
        ('max(kabinet_view_lag_seconds{name="x"})', "kabinet_view_lag_seconds{name}"),
        ('sum(kabinet_events_recorded_total{type="PaymentFailed.v9"})', "PaymentFailed.v9"),
    ],
)
def test_a_planted_wrong_name_is_found(expression: str, finding: str) -> None:
    assert unknown(expression) == [finding]


def commands_in(runbook: str) -> list[str]:
    """The `kabinet` commands that a runbook names. Raises KeyError for one that does not exist."""
    application = importlib.import_module("ops.cli.application").app
    named = re.findall(r"`kabinet ([a-z ]+)[^`]*`", runbook)
    for words in named:
        command: Any = get_command(application)
        assert isinstance(application, typer.Typer)
        for word in words.split():
            command = command.commands[word]
    return named


def test_a_command_that_does_not_exist_is_found() -> None:
    assert commands_in("`kabinet parked list`, `kabinet timeline --appointment ID`")
    with pytest.raises(KeyError, match="parkt"):
        commands_in("`kabinet parkt list`")


def test_no_label_of_a_metric_of_ours_is_personal_or_without_bound() -> None:
    """Whoever adds a label says here that its values come from code."""
    ours = {
        label
        for name, labels in exported().items()
        if name.startswith(("kabinet_", "http_", "db_"))
        for label in labels
    }
    assert ours <= {
        *("type", "flow", "view", "process", "deadline", "state", "quarantined", "task", "code"),
        *("provider", "error_type", "http_request_method", "http_route", "le"),
        *("http_response_status_code", "db_client_connection_state"),
        "db_client_connection_pool_name",
    }


def test_dashboards_are_as_generated() -> None:
    wanted = dict(generate_dashboards.documents())
    assert set(wanted) == set((FOLDER / "grafana/dashboards").glob("*.json"))
    for path, text in wanted.items():
        assert path.read_text() == text, "run tools/generate_dashboards.py"


def test_dashboards_find_their_data() -> None:
    (source,) = yaml.safe_load(
        (FOLDER / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    for path in (FOLDER / "grafana/dashboards").glob("*.json"):
        board = json.loads(path.read_text())
        asked = {panel["datasource"]["uid"] for panel in board["panels"] if "datasource" in panel}
        assert asked == {source["uid"]}
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)


def test_every_process_of_the_compose_file_is_asked() -> None:
    processes = {
        name
        for name, each in compose().items()
        if "kabinet:" in each.get("image", "") and each.get("restart") != "no"
    } - {"acquirer", "mail", "ca"}
    (names,) = job("prometheus.yml")["dns_sd_configs"]
    assert set(names["names"]) == processes


def test_every_service_is_missed_when_nobody_answers_for_it() -> None:
    wanted = [
        {"service": service.replace("_", "-")} | role
        for service in SERVICES
        for role in ([{}] if service in STATELESS else [{"role": "api"}, {"role": "worker"}])
    ]
    assert sorted(missed(), key=str) == sorted(wanted, key=str)


def test_who_is_missed_is_asked_under_compose() -> None:
    asked = job("prometheus.yml")
    (names,) = asked["dns_sd_configs"]
    targets = [
        relabelled(asked["relabel_configs"], {"__meta_dns_name": name}) or {}
        for name in names["names"]
    ]
    assert {"service": "booking", "role": "worker"} in targets
    for wanted in missed():
        assert [each for each in targets if wanted.items() <= each.items()]
    assert len(missed()) == len(targets)


def test_every_alert_has_a_case_in_which_it_is_silent_and_one_in_which_it_fires() -> None:
    cases = [
        case
        for each in yaml.safe_load(CASES.read_text())["tests"]
        for case in each["alert_rule_test"]
    ]
    for alert in alerts():
        outcomes = {
            bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert["alert"]
        }
        assert outcomes == {True, False}, alert["alert"]


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def alertmanager() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "alertmanager.yml").read_text()))


def wanted_by(matchers: list[str]) -> dict[str, str]:
    pairs = [re.fullmatch(r'(\w+)="(\w+)"', matcher) for matcher in matchers]
    return {pair[1]: pair[2] for pair in pairs if pair}


def test_prometheus_tells_the_alertmanager_of_the_compose_file() -> None:
    configuration = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())
    (manager,) = configuration["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    (mount, _) = compose()["alertmanager"]["volumes"]
    assert mount == (
        "./deploy/observability/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro"
    )


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "ticket")])
def test_a_severity_has_its_receiver_whose_address_is_the_operators(
    severity: str, receiver: str
) -> None:
    route = alertmanager()["route"]
    reached = [
        each["receiver"]
        for each in route["routes"]
        if wanted_by(each["matchers"]) == {"severity": severity}
    ] or [route["receiver"]]
    assert reached == [receiver]
    (found,) = (each for each in alertmanager()["receivers"] if each["name"] == receiver)
    (webhook,) = found["webhook_configs"]
    container = compose()["alertmanager"]
    variable = f"ALERTS_{receiver.upper()}_URL"
    assert container["environment"][variable] == f"${{{variable}-}}"
    (script,) = container["command"]
    assert f'printf %s "$${variable}" > {webhook["url_file"]}\n' in script


def test_an_alert_is_only_held_back_by_one_that_shares_its_labels() -> None:
    labels: dict[str, set[str]] = {}
    for each in yaml.safe_load(CASES.read_text())["tests"]:
        for case in each["alert_rule_test"]:
            for fired in case["exp_alerts"]:
                labels.setdefault(case["alertname"], set()).update(fired["exp_labels"])
    severities = {alert["alert"]: alert["labels"]["severity"] for alert in alerts()}
    for rule in alertmanager()["inhibit_rules"]:
        why = wanted_by(rule["source_matchers"])["alertname"]
        held_back = wanted_by(rule["target_matchers"])["alertname"]
        assert set(rule["equal"]) <= labels[why] & labels[held_back]
        assert severities[why] == "critical", "a page is not held back by a ticket"


def promtool(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.integration
def test_prometheus_takes_its_configuration_and_the_alerts() -> None:
    checked = promtool("check", "config", FOLDER / "prometheus/prometheus.yml", cwd=ROOT)
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


@pytest.mark.integration
def test_alerts_fire_at_their_boundary() -> None:
    tested = promtool("test", "rules", CASES, cwd=CASES.parent)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.integration
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("kabinet_flow_lag_seconds) > 60", "kabinet_flow_lag_seconds) >= 60"),
        ("kabinet_saga_oldest_seconds) > 3600", "kabinet_saga_oldest_seconds) > 3601"),
        ("for: 10m", "for: 9m"),
    ],
)
def test_an_alert_with_another_boundary_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    rules = ALERTS.read_text()
    assert rules.count(right) == 1
    (tmp_path / "alerts.yml").write_text(rules.replace(right, wrong))
    cases = yaml.safe_load(CASES.read_text()) | {"rule_files": ["alerts.yml"]}
    (tmp_path / CASES.name).write_text(yaml.safe_dump(cases))
    tested = promtool("test", "rules", CASES.name, cwd=tmp_path)
    assert tested.returncode != 0
    assert "FAILED" in tested.stdout + tested.stderr
