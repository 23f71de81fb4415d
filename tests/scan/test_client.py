"""`migrate client generate` and `migrate cleanup --use-client`: files that stay work on with the real service behind them."""

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from copied import EXTRACTED, MIGRATE, Copy

SERVICE = str(Path(os.environ.get("AGENT_SERVICE", "target/debug/agent-service")).absolute())
CLIENT = "coordinator/clients/agents.py"
KEY = {"X-Api-Key": "ann"}
SAID = """format = 1
[scan]
extracted = {extracted}
[client]
without = ["db"]
[client.arguments]
user = "api_key"
"""
# Part of the monolith that stays and uses what goes, in each form.
DESK = '''"""A desk."""

from typing import Any

from fastapi import APIRouter

from coordinator import executions as runs, others, workflows
from coordinator.context import AdminUser, Database
from coordinator.workflows import stored as keep

router = APIRouter(prefix="/v1/desk")


@router.post("/workflows/{name}")
def put(name: str, db: Database, user: AdminUser) -> dict[str, Any]:
    assert others.router is not None
    return keep(db, user, {"name": name, "steps": {}, "tags": ["desk"]})


@router.get("/workflows/{workflow_id}")
def show(workflow_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    from .workflows import described

    by_module = workflows.described(db, workflow_id, user=user)
    return {"by_module": by_module, "by_name": described(user=user, db=db, workflow_id=workflow_id)}


@router.get("/executions/{execution_id}")
def state(execution_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    return runs.state(db, execution_id, user)


@router.post("/executions/{execution_id}/stop")
async def stop(execution_id: str, db: Database, user: AdminUser) -> dict[str, str]:
    return await runs.stop(db, execution_id, user)
'''
# Functions that others may call, and handlers that hand over to them.
CHANGES = [
    (
        "workflows.py",
        '''@router.post("", response_model=Workflow)
async def create(body: WorkflowCreate, db: Database, user: AdminUser) -> Workflow:
    with failures_as_500():
        return _save(db, Workflow(owner_id=user, **_as_columns(body.model_dump())))
''',
        '''def stored(db: Session, user: str, fields: dict[str, Any]) -> dict[str, Any]:
    return _save(db, Workflow(owner_id=user, **_as_columns(fields))).model_dump(mode="json")


@router.post("")
async def create(body: WorkflowCreate, db: Database, user: AdminUser) -> dict[str, Any]:
    with failures_as_500():
        return stored(db, user, body.model_dump())
''',
    ),
    (
        "workflows.py",
        '''@router.get("/{workflow_id}", response_model=Workflow)
async def show(workflow_id: str, db: Database, user: AdminUser) -> Workflow:
    with failures_as_500():
        return find_readable(db, workflow_id, user)
''',
        '''def described(db: Session, workflow_id: str, user: str) -> dict[str, Any]:
    return find_readable(db, workflow_id, user).model_dump(mode="json")


@router.get("/{workflow_id}")
async def show(workflow_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    with failures_as_500():
        return described(db, workflow_id, user)
''',
    ),
    (
        "executions.py",
        '''@router.get("/executions/{execution_id}/status")
async def status(execution_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
''',
        '''@router.get("/executions/{execution_id}/status")
async def status(execution_id: str, db: Database, user: AdminUser) -> dict[str, Any]:
    return state(db, execution_id, user)


def state(db: Session, execution_id: str, user: str) -> dict[str, Any]:
''',
    ),
    (
        "executions.py",
        '''@router.post("/executions/{execution_id}/cancel")
async def cancel(execution_id: str, db: Database, user: AdminUser) -> dict[str, str]:
''',
        '''@router.post("/executions/{execution_id}/cancel")
async def cancel(execution_id: str, db: Database, user: AdminUser) -> dict[str, str]:
    found = await stop(db, execution_id, user=user)
    return found


async def stop(db: Session, execution_id: str, user: str) -> dict[str, str]:
''',
    ),
    ("server.py", "import errors, executions,", "import desk, errors, executions,"),
    ("server.py", "    app.include_router(others.router)\n", "    app.include_router(others.router)\n    app.include_router(desk.router)\n"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    copy = Copy(tmp_path)
    (copy.folder / "coordinator/desk.py").write_text(DESK)
    for file, old, new in CHANGES:
        path = copy.folder / "coordinator" / file
        assert path.read_text().count(old) == 1, old
        path.write_text(path.read_text().replace(old, new))
    copy.commit("A desk")
    copy.before = copy.tree()
    (tmp_path / "migration.toml").write_text(SAID.format(extracted=json.dumps(EXTRACTED)))
    return copy


@contextmanager
def running(command: list[str], settings: dict[str, str], log: Path) -> Iterator[str]:
    """A program on a free port, which its log names."""
    with log.open("w") as out:
        process = subprocess.Popen(command, env=os.environ | settings, cwd=log.parent, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r'listening on (http://\S+)|"address":"([^"]+)"', log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found[1] or f"http://{found[2]}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def database(tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}", "APP_ENV": "dev", "APP_HOST": "127.0.0.1", "APP_PORT": "0"}


@pytest.fixture
def service(database: dict[str, str], tmp_path: Path) -> Iterator[str]:
    settings = database | {"LOG_FORMAT": "json", "UNIT_MANAGER": "none", "AITBC_ALERT_WEBHOOK_URL": ""}
    with running([SERVICE], settings, tmp_path / "service.log") as address:
        yield address


def monolith(copy: Copy, settings: dict[str, str], log: Path) -> Any:
    return running([sys.executable, str(copy.folder)], settings, log)


def generate(copy: Copy, document: str, *flags: str) -> tuple[int, dict]:
    words = ["--openapi", document, "--out", str(copy.folder / CLIENT), "--only", "/v1/agents/workflows", "/v1/agents/workflows/**", "/v1/agents/executions/**"]
    known = ["--config", str(copy.table.parent / "migration.toml"), *words]
    command = [MIGRATE, "--output", "json", "client", "generate", str(copy.folder), *known, *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def asked(address: str, method: str, path: str) -> Any:
    answer = httpx.request(method, f"{address}/v1/{path}", headers=KEY, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_importers_work_on_with_the_service(copy: Copy, service: str, database: dict[str, str], tmp_path: Path) -> None:
    with monolith(copy, database, tmp_path / "before.log") as address:
        made = asked(address, "POST", "desk/workflows/first")
        shown = asked(address, "GET", f"desk/workflows/{made['id']}")
        body = {"workflow_id": made["id"], "inputs": {}}
        begun = httpx.post(f"{address}/v1/agents/workflows/{made['id']}/execute", json=body, headers=KEY, timeout=30).json()
        until_done(address, begun["execution_id"])
        state = asked(address, "GET", f"desk/executions/{begun['execution_id']}")

    code, refused = copy.cleanup()
    assert (code, refused["result"]) == (3, "refused")
    code, done = generate(copy, f"{service}/openapi.json")
    assert (code, done["result"]) == (0, "written"), done
    assert [one["name"] for one in done["functions"]] == ["state", "stop", "described", "stored"]
    code, again = generate(copy, f"{service}/openapi.json")
    assert (code, again["result"]) == (0, "nothing-to-do")

    code, plan = copy.cleanup("--use-client", CLIENT, "--dry-run")
    assert (code, plan["result"], copy.tree()) == (0, "planned", copy.before), plan
    code, done = copy.cleanup("--use-client", CLIENT)
    assert (code, done["result"]) == (0, "done"), done
    assert copy.is_clean()
    assert done["added"] == ["coordinator/clients/__init__.py", CLIENT]
    changed = copy.git("diff", "--name-only", "--no-renames", "--diff-filter=M", "HEAD^", "HEAD").splitlines()
    assert changed == [f"services/monolith/coordinator/{file}.py" for file in ("desk", "server")]

    environment = {name: value for name, value in copy.environment().items() if not name.startswith("PYTEST")}
    tests = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    own = subprocess.run(tests, cwd=copy.folder, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert own.returncode == 0 and "passed" in own.stdout, own.stdout + own.stderr
    with monolith(copy, database | {"AGENT_SERVICE_URL": service}, tmp_path / "after.log") as address:
        # The monolith itself has these routes no more.
        assert httpx.get(f"{address}/v1/agents/workflows", headers=KEY, timeout=30).status_code == 404
        assert asked(address, "GET", f"desk/workflows/{made['id']}") == shown
        assert asked(address, "GET", f"desk/executions/{begun['execution_id']}") == state
        second = asked(address, "POST", "desk/workflows/first")
        own_values = ("id", "created_at", "updated_at")
        without = [{name: value for name, value in one.items() if name not in own_values} for one in (made, second)]
        assert without[0] == without[1]
        stopped = httpx.post(f"{address}/v1/desk/executions/{begun['execution_id']}/stop", headers=KEY, timeout=30)
        assert stopped.status_code == 500
    # The service was asked, and what has ended can't be stopped.
    assert f'{begun["execution_id"]}/cancel "HTTP/1.1 400' in (tmp_path / "after.log").read_text()

    code, undone = copy.cleanup("--undo")
    assert (code, undone["result"], copy.tree()) == (0, "undone", copy.before)
    assert copy.is_clean()


def until_done(address: str, execution: str) -> None:
    deadline = time.monotonic() + 60
    while asked(address, "GET", f"agents/executions/{execution}/status")["status"] in ("pending", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_patch_and_a_killed_run_take_the_client_along(copy: Copy, service: str, tmp_path: Path) -> None:
    generate(copy, f"{service}/openapi.json")
    client = (copy.folder / CLIENT).read_text()
    patch = tmp_path / "cleanup.patch"
    code, done = copy.cleanup("--use-client", CLIENT, "--patch", str(patch))
    assert (code, done["result"], copy.tree()) == (0, "patched", copy.before)
    assert (copy.folder / CLIENT).read_text() == client
    (copy.folder / CLIENT).unlink()
    copy.git("apply", "--index", str(patch))
    patched = copy.git("write-tree")
    copy.git("reset", "-q", "--hard")

    generate(copy, f"{service}/openapi.json")
    copy.cleanup("--use-client", CLIENT)
    assert copy.tree() == patched and copy.is_clean()
    # The reference is changed and the work tree is not, as if it had been killed; the client lies there as it did before.
    copy.git("read-tree", "--reset", "-u", "HEAD^")
    (copy.folder / CLIENT).parent.mkdir(exist_ok=True)
    (copy.folder / CLIENT).write_text(client)
    code, ended = copy.cleanup("--use-client", CLIENT)
    assert (code, ended["result"]) == (0, "nothing-to-do"), ended
    assert copy.tree() == patched and copy.is_clean()


def test_what_is_not_known_is_refused_with_its_place(copy: Copy, service: str) -> None:
    desk = copy.folder / "coordinator/desk.py"
    desk.write_text(desk.read_text() + "\n\ndef more(db):\n    row = workflows.find_readable(db, 'a', 'ann')\n    return row, workflows.WorkflowCreate\n")
    line = desk.read_text().splitlines().index("    return row, workflows.WorkflowCreate") + 1
    code, refused = generate(copy, f"{service}/openapi.json")
    assert (code, refused["result"]) == (3, "refused")
    places = [(one["file"], one["what"]) for one in refused["against"]]
    assert ("coordinator/workflows.py", "find_readable: gives back what no route answers with") in places
    assert any(one["file"] == "coordinator/desk.py" and one["line"] == line for one in refused["against"]), refused
    assert not (copy.folder / CLIENT).exists()


def test_a_file_that_somebody_has_edited_is_left_alone(copy: Copy, service: str) -> None:
    generate(copy, f"{service}/openapi.json")
    file = copy.folder / CLIENT
    edited = file.read_text().replace("30.0", "31.0")
    file.write_text(edited)
    code, refused = generate(copy, f"{service}/openapi.json")
    assert code == 3 and "was edited" in refused["error"]["message"]
    assert file.read_text() == edited
    code, done = generate(copy, f"{service}/openapi.json", "--replace")
    assert (code, done["result"]) == (0, "written")


@pytest.fixture
def module(service: str, tmp_path: Path) -> ModuleType:
    """A client of every operation."""
    file = tmp_path / "everything.py"
    command = [MIGRATE, "client", "generate", "--openapi", f"{service}/openapi.json", "--out", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    spec = importlib.util.spec_from_file_location("everything", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_python_and_its_tools_find_nothing_wrong(copy: Copy, service: str, module: ModuleType, tmp_path: Path) -> None:
    generate(copy, f"{service}/openapi.json")
    files = [str(copy.folder / CLIENT), module.__file__]
    tools = [
        ["py_compile"],
        ["mypy", "--strict", "--python-version", "3.10", f"--cache-dir={tmp_path / 'mypy'}"],
        ["ruff", "check", "--no-cache", "--isolated", "--target-version", "py310", "--select", "E,F,W,I,B,UP"],
    ]
    for tool in tools:
        for file in files:
            done = subprocess.run([sys.executable, "-m", *tool, file], capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
            assert done.returncode == 0, done.stdout + done.stderr + f"is {tool[0]} there? make setup installs it"


def test_the_client_asks_as_it_should(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "DELETE":
            return httpx.Response(404, json={"detail": "no such"})
        return httpx.Response(200, json=[]) if request.method == "GET" else httpx.Response(200, text="<html>")

    monkeypatch.setenv("AGENT_SERVICE_URL", "http://box/prefix")
    monkeypatch.setenv("AGENT_SERVICE_API_KEY", "from the environment")
    with module.Client(transport=httpx.MockTransport(answer)) as client:
        assert client.get_v1_agents_workflows(tags=["a", "b"], is_public=False) == []
        client.get_v1_agents_workflows_workflow_id("a/../b?c d")
        with pytest.raises(module.ApiError) as no_json:
            client.post_v1_agents_workflows({"name": "w", "steps": {}})
        with pytest.raises(module.ApiError) as missing:
            client.delete_v1_agents_workflows_workflow_id("x")
        for part in ("", ".", ".."):
            with pytest.raises(ValueError, match="part of a path"):
                client.get_v1_agents_workflows_workflow_id(part)
    assert [str(request.url) for request in seen[:2]] == [
        "http://box/prefix/v1/agents/workflows?is_public=false&tags=a&tags=b",
        "http://box/prefix/v1/agents/workflows/a%2F..%2Fb%3Fc%20d",
    ]
    assert seen[0].headers["X-Api-Key"] == "from the environment"
    assert json.loads(seen[2].content) == {"name": "w", "steps": {}}
    assert (no_json.value.status, no_json.value.body) == (200, "<html>")
    assert (missing.value.status, missing.value.body) == (404, {"detail": "no such"})
    monkeypatch.delenv("AGENT_SERVICE_URL")
    with pytest.raises(ValueError, match="AGENT_SERVICE_URL"):
        module.Client()

    async def awaited() -> Any:
        async with module.AsyncClient("http://box", api_key="mine", transport=httpx.MockTransport(answer)) as client:
            return await client.get_v1_agents_workflows()

    assert asyncio.run(awaited()) == []
    assert seen[-1].headers["X-Api-Key"] == "mine"
