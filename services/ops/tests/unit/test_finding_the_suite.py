"""`kabinet` finds the suite by its file on one machine, by the settings of ops in a container."""

import json
from pathlib import Path

import pytest
import typer

from ops.cli.suite import find_suite

SETTINGS = {
    "OPS_PORT": "8000",
    "OPS_DATABASE_URL": "postgresql://ops@postgres/ops",
    "OPS_BUS_URL": "kafka://kafka:9092",
    "OPS_STORE_URL": "kurrentdb://kurrentdb:2113",
    "OPS_IDENTITY_URL": "http://identity-api:8000",
    "OPS_SERVICE_SECRET": "of-the-container",
    "OPS_SERVICE_DATABASES": '{"booking": "postgresql://booking@postgres/booking"}',
}


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"ops_service_secret": "of-the-machine"}))
    runtime = tmp_path / "runtime.json"
    runtime.write_text(
        json.dumps(
            {
                "databases": {"booking": "postgresql://127.0.0.1/booking"},
                "processes": {"identity": {"url": "http://127.0.0.1:8081"}},
                "secrets_file": str(secrets),
                "clock_file": str(tmp_path / "clock.json"),
            }
        )
    )
    return runtime


def test_the_file_of_this_machine_names_the_suite(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    suite = find_suite(runtime)
    assert suite.urls == {"identity": "http://127.0.0.1:8081"}
    assert suite.secret.get_secret_value() == "of-the-machine"
    assert suite.clock_file == runtime.with_name("clock.json")


def test_without_the_file_the_settings_of_ops_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    suite = find_suite(tmp_path / "runtime.json")
    assert suite.urls == {"identity": "http://identity-api:8000"}
    assert suite.databases == {
        "ops": "postgresql://ops@postgres/ops",
        "booking": "postgresql://booking@postgres/booking",
    }
    assert suite.secret.get_secret_value() == "of-the-container"
    assert suite.store == "kurrentdb://kurrentdb:2113"
    assert suite.clock_file is None


@pytest.mark.parametrize("gone", ["runtime.json", "secrets.json"])
def test_with_neither_it_says_what_is_missing(
    runtime: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime.with_name(gone).unlink()
    with pytest.raises(typer.Exit) as left:
        find_suite(runtime)
    assert left.value.exit_code == 2
    assert gone in capsys.readouterr().err


def test_a_file_that_is_none_is_not_passed_over(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime.write_text("{")
    with pytest.raises(typer.Exit):
        find_suite(runtime)
    assert "cannot be used" in capsys.readouterr().err
