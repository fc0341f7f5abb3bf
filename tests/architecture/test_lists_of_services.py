"""A new service stands in every list, or one of these names the list that it is missing from."""

import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from contracts.topics import TOPICS
from embedded.suite import SERVICES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(marker.parent for marker in ROOT.glob("services/*/src/*/__main__.py"))
WITH_EVENTS = sorted(folder.parent.name for folder in ROOT.glob("services/*/src/*/domain"))


def missing_from_contracts(importlinter: str, package: str, *, keeps_events: bool) -> set[str]:
    """The lists of .importlinter that should name the package and do not."""
    rules = ConfigParser()
    rules.read_string(importlinter)
    wanted = {("importlinter", "root_packages"): package}
    if package != "ops":
        wanted |= {
            ("importlinter:contract:services", "modules"): package,
            ("importlinter:contract:ops", "source_modules"): package,
        }
    wanted[("importlinter:contract:libs", "forbidden_modules")] = package
    if keeps_events:
        wanted |= {
            ("importlinter:contract:layers", "containers"): package,
            ("importlinter:contract:pure-domain", "source_modules"): f"{package}.domain",
            ("importlinter:contract:acyclic-domain", "ancestors"): f"{package}.domain",
        }
    return {
        f"{section} {option}"
        for (section, option), name in wanted.items()
        if name not in rules.get(section, option).split()
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_service_is_in_every_list(package: Path) -> None:
    keeps_events = package.name in WITH_EVENTS
    importlinter = (ROOT / ".importlinter").read_text()
    assert missing_from_contracts(importlinter, package.name, keeps_events=keeps_events) == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folder = package.parents[1].relative_to(ROOT)
    assert f"{folder}/src" in project["tool"]["mypy"]["mypy_path"]
    assert package.name in SERVICES, "embedded/suite.py"
    assert f"`{folder.name}`" in (ROOT / "README.md").read_text(), "README.md"
    assert folder.name in (ROOT / "ARCHITECTURE.md").read_text(), "ARCHITECTURE.md"


def test_a_service_that_keeps_events_has_a_topic() -> None:
    assert sorted(topic.producer for topic in TOPICS) == WITH_EVENTS


def test_a_forgotten_list_is_named() -> None:
    rules = (ROOT / ".importlinter").read_text().replace("\n    billing.domain\n", "\n")
    assert missing_from_contracts(rules, "billing", keeps_events=True) == {
        "importlinter:contract:pure-domain source_modules",
        "importlinter:contract:acyclic-domain ancestors",
    }
