"""The agent routes behave as the contract says, where a test tells more than a recording."""

import sqlite3
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

WORKFLOWS = "/api/v1/agents/workflows"
EXECUTIONS = "/api/v1/agents/executions"


def create(client: TestClient, **fields: Any) -> str:
    answer = client.post(WORKFLOWS, json={"name": "w", "steps": {}} | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def add_step(environment: dict[str, str], workflow: str, step: str, order: int, kind: str) -> None:
    """No endpoint makes these rows."""
    now = "2026-01-01 00:00:00.000000"
    values = (step, workflow, order, step, kind, 300, 3, 1, "FULL", "", now, now)
    with sqlite3.connect(environment["DATABASE_URL"].removeprefix("sqlite:///")) as db:
        db.execute(
            "INSERT INTO agent_steps (id, workflow_id, step_order, name, step_type, timeout_seconds,"
            " max_retries, requires_proof, verification_level, depends_on, created_at, updated_at)"
            f" VALUES ({', '.join('?' * len(values))})",
            values,
        )


def run(client: TestClient, workflow: str, **inputs: Any) -> dict[str, Any]:
    """Executes a workflow to its end and returns the last status."""
    body = {"workflow_id": workflow, "inputs": inputs}
    begun = client.post(f"{WORKFLOWS}/{workflow}/execute", json=body).json()
    assert begun["status"] == "running"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = client.get(f"{EXECUTIONS}/{begun['execution_id']}/status").json()
        if status["status"] not in ("pending", "running"):
            return status
    pytest.fail(f"still running: {status}")


def test_every_problem_of_a_request_is_listed_in_one_envelope(client: TestClient) -> None:
    body = {"name": 5, "tags": "a"}
    answer = client.post(WORKFLOWS, json=body, headers={"X-Request-ID": "r1"})
    assert answer.status_code == 422
    assert answer.headers["X-Request-ID"] == "r1"
    assert answer.json()["request_id"] == "r1"
    problems = [(d["field"], d["code"]) for d in answer.json()["error"]["details"]]
    expected = [("body.name", "string_type"), ("body.steps", "missing"), ("body.tags", "list_type")]
    assert problems == expected


def test_a_private_workflow_is_for_its_owner_and_a_public_one_for_reading(client: TestClient) -> None:
    private, public = create(client), create(client, is_public=True)
    bob = {"X-Api-Key": "bob"}
    assert client.get(f"{WORKFLOWS}/{private}", headers=bob).status_code == 403
    assert client.get(f"{WORKFLOWS}/{public}", headers=bob).status_code == 200
    assert client.put(f"{WORKFLOWS}/{public}", headers=bob, json={}).status_code == 403
    assert client.get(f"/v1/agents/workflows/{private}").json()["owner_id"] == "alice"


def test_steps_run_in_the_order_of_their_dependencies_and_feed_each_other(
    client: TestClient, environment: dict[str, str]
) -> None:
    workflow = create(client, dependencies={"first": [], "second": ["first"]})
    add_step(environment, workflow, "second", 0, "CUSTOM")
    add_step(environment, workflow, "first", 1, "DATA_PROCESSING")
    status = run(client, workflow, seed=7)
    assert status["status"] == "completed"
    assert list(status["step_states"]) == ["first", "second"]
    fed = {"seed": 7, "processed_records": 1000, "data_validated": True}
    assert status["step_states"]["second"]["input_data"] == fed
    assert status["step_states"]["second"]["step_proof"]["verified"] is True
    assert status["final_result"]["step_results"] == status["step_states"]


def test_a_dependency_that_nothing_meets_fails_the_execution(
    client: TestClient, environment: dict[str, str]
) -> None:
    workflow = create(client, dependencies={"only": ["unknown"]})
    add_step(environment, workflow, "only", 0, "CUSTOM")
    status = run(client, workflow)
    assert status["status"] == "failed"
    assert status["error_message"] == "Circular dependency detected in workflow"


def test_a_body_over_ten_mebibytes_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post(WORKFLOWS, content=b"{}", headers={"Content-Length": str(2**24)})
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "http_error"
    assert "X-Process-Time" in answer.headers


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/health"), ("GET", "/v1/jobs"), ("GET", "/health"), ("GET", "/")]
)
def test_there_are_routes_that_are_no_agent_routes(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 200


class TestInProduction:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        keys = {"ADMIN_API_KEYS": '["admin-key"]', "CLIENT_API_KEYS": "client-key, other"}
        return environment | keys | {"APP_ENV": "production"}

    @pytest.mark.parametrize(
        ("path", "key", "status"),
        [
            (WORKFLOWS, "admin-key", 200),
            (WORKFLOWS, "client-key", 401),
            (WORKFLOWS, "", 401),
            ("/v1/jobs", "other", 200),
            ("/v1/jobs", "admin-key", 401),
            ("/api/v1/agents/test", "nobody", 200),
        ],
    )
    def test_each_list_of_keys_opens_its_own_routes(
        self, client: TestClient, path: str, key: str, status: int
    ) -> None:
        assert client.get(path, headers={"X-Api-Key": key}).status_code == status

    def test_the_key_is_checked_before_the_request(self, client: TestClient) -> None:
        answer = client.post(WORKFLOWS, json={}, headers={"X-Api-Key": "nobody"})
        assert (answer.status_code, answer.json()) == (401, {"detail": "invalid api key"})
