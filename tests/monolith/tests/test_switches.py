"""Each switch does what it says, and without switches nothing shows."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from coordinator.switches import Alteration, alter

PATH = "/api/v1/agents/test"


@pytest.fixture
def switched(environment: dict[str, str]) -> None:
    environment["MONOLITH_SWITCHES"] = "{}"


def switch(client: TestClient, **faults: Any) -> None:
    assert client.put("/__switch", json=faults).status_code == 200


def test_without_the_variable_there_is_neither_mark_nor_endpoint(client: TestClient) -> None:
    assert "X-Test-Backend" not in client.get(PATH).headers
    assert client.put("/__switch", json={}).status_code == 404


@pytest.mark.usefixtures("switched")
class TestSwitched:
    def test_every_answer_is_marked(self, client: TestClient) -> None:
        assert client.get(PATH).headers["X-Test-Backend"] == "monolith"

    def test_failing_and_its_end(self, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        switch(client, fail_share=1, fail_status=502, paths="/api/")
        assert client.get(PATH).status_code == 502
        assert client.get("/v1/health").status_code == 200
        assert f"failed with 502: GET {PATH}" in caplog.text
        switch(client)
        assert client.get(PATH).status_code == 200

    def test_delay(self, client: TestClient) -> None:
        switch(client, delay_ms=150)
        began = time.monotonic()
        assert client.get(PATH).status_code == 200
        assert time.monotonic() - began >= 0.15

    def test_a_field_is_altered(self, client: TestClient) -> None:
        switch(client, alter=[{"path": "$.message", "value": "other"}])
        answer = client.get(PATH)
        assert answer.json()["message"] == "other"
        assert int(answer.headers["Content-Length"]) == len(answer.content)

    def test_a_misspelt_switch_is_refused(self, client: TestClient) -> None:
        answer = client.put("/__switch", json={"dealy_ms": 5})
        assert answer.status_code == 422
        assert "dealy_ms" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "do", "before", "after"),
    [
        ("$.a", "set", {"a": 1, "b": 2}, {"a": 0, "b": 2}),
        ("$.c", "set", {"a": 1}, {"a": 1, "c": 0}),
        ("$[*].a", "remove", [{"a": 1}, {"b": 2}], [{}, {"b": 2}]),
        ("$[1]", "remove", [1, 2, 3], [1, 3]),
        ("$.x[*]", "set", {"x": [1, 2]}, {"x": [0, 0]}),
        ("$.missing.a", "set", {"b": 1}, {"b": 1}),
    ],
)
def test_where_an_alteration_lands(path: str, do: str, before: Any, after: Any) -> None:
    change = Alteration.model_validate({"path": path, "do": do, "value": 0})
    assert alter(before, change) == after


def test_as_a_process_it_names_its_port_and_can_reset_a_connection(tmp_path: Path) -> None:
    env = os.environ | {
        "APP_PORT": "0",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}",
        "MONOLITH_SWITCHES": '{"reset_share": 1}',
    }
    command = [sys.executable, str(Path(__file__).parents[1])]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stderr if "listening on" in line)
            port = int(re.search(r":(\d+)$", line.strip()).group(1))
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) in (0, -signal.SIGTERM)
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
