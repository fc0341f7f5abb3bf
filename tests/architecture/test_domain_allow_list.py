"""A ban list forgets; this is the allow list of what domain code may import."""

import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(folder.parent.name for folder in ROOT.glob("services/*/src/*/domain"))
ALLOWED = {
    "decider",
    "vocabulary",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "math",
    "re",
    "types",
    "typing",
    "uuid",
    "zoneinfo",
}


def foreign_imports(package: str) -> set[str]:
    graph = grimp.build_graph(package, include_external_packages=True, cache_dir=None)
    domain = f"{package}.domain"
    modules = {m for m in graph.modules if m == domain or m.startswith(f"{domain}.")}
    assert modules, f"{domain} was not found"
    imported = set().union(*(graph.find_modules_directly_imported_by(m) for m in modules))
    tops = {name.split(".")[0] for name in imported if not name.startswith(domain)}
    return {name for name in imported if name.startswith(package) and name not in modules} | (
        tops - ALLOWED - {package}
    )


@pytest.mark.parametrize("package", SERVICES)
def test_domain_code_imports_only_what_is_allowed(package: str) -> None:
    assert foreign_imports(package) == set()


@pytest.mark.parametrize("fault", ["import httpx", "import time", "import planted.api"])
def test_a_planted_import_is_found(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = tmp_path / "planted" / "domain"
    domain.mkdir(parents=True)
    (tmp_path / "planted" / "__init__.py").touch()
    (tmp_path / "planted" / "api.py").touch()
    (domain / "__init__.py").write_text(f"{fault}\n")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("planted", None)

    assert foreign_imports("planted") == {fault.removeprefix("import ")}
