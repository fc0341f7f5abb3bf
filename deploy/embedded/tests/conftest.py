"""A place for data that the server's own user can reach."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: every start of pytest closes its parent to other users again."""
    with tempfile.TemporaryDirectory(prefix="kabinet-test-") as made:
        yield Path(made)
