"""What is generated is committed fresh, and the check sees when it is not."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import generate_contracts  # noqa: E402 - a tool, not a package


def run(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["generate_contracts.py", "--check"])
    return generate_contracts.main()


def test_contracts_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) == 0


def test_a_stale_document_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = ROOT / "contracts" / "CATALOGUE.md"
    documents = dict(generate_contracts.documents())
    monkeypatch.setattr(
        generate_contracts,
        "documents",
        {**documents, stale: documents[stale] + "more\n"}.items,
    )
    assert run(monkeypatch) == 1
    assert "stale: contracts/CATALOGUE.md" in capsys.readouterr().out
