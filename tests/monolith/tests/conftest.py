"""Starts the application in process, on a database of its own for each test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from coordinator.server import application  # noqa: E402
from coordinator.settings import Settings  # noqa: E402


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the application is started with; a test may add to it before it asks for `client`."""
    return {"DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}"}


@pytest.fixture
def client(environment: dict[str, str]) -> Iterator[TestClient]:
    app = application(Settings.from_env(environment))
    with TestClient(app, headers={"X-Api-Key": "alice"}, raise_server_exceptions=False) as client:
        yield client
