"""What each service's processes are told."""

import importlib
from functools import cache

import pytest

from service_kit.settings import ProcessSettings

__all__ = ["settings_of"]


@cache
def settings_of(service: str) -> type[ProcessSettings]:
    """What `python -m <service>` reads its environment with."""
    module = importlib.import_module(f"{service}.__main__")
    found: list[type[ProcessSettings]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run", lambda _name, kind, _opener: found.append(kind))
        module.main()
    (kind,) = found
    return kind
