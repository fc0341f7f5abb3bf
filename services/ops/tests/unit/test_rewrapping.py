"""`kabinet keys rewrap` asks identity until nothing is left under an older master key."""

from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import application


class Identity:
    """Has some keys left, and takes so many at a time."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def call(self, service: str, method: str, path: str) -> dict[str, Any]:
        assert (service, method, path) == ("identity", "POST", "/internal/rewrapping")
        done = min(self.left, 500)
        self.left -= done
        return {"rewrapped": done}


@pytest.mark.parametrize("left", [0, 1, 1203])
def test_every_key_is_wrapped_anew(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = Identity(left)
    monkeypatch.setattr(application, "find_suite", lambda _: identity)
    answer = CliRunner().invoke(application.app, ["keys", "rewrap"])
    assert answer.exit_code == 0, answer.output
    assert f"{left} keys were wrapped anew" in answer.output
    assert identity.left == 0
