"""The rendered units on a machine that booted: installed, running, killed, hanging, updated, taken away.

The monolith in it (`monolith.py`) answers with a listing of its folder: only its being there counts.
"""

import json
import os
import pathlib
import shlex

import pytest
from machine import Machine

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(os.environ["PROGRAMS"]).resolve()
UNITS = ("agent-service", "strangler-proxy")
DATABASE = "sqlite:////var/lib/agent-service/coordinator.db"
TABLE = """format = 1
[listen]
http = "127.0.0.1:8080"
admin = "127.0.0.1:9090"
[proxies]
admin = ["http://127.0.0.1:9090"]
[limits]
shutdown_timeout = "60s"
[backends.monolith]
targets = ["http://127.0.0.1:8011"]
health = "/"
[backends.agent-service]
targets = ["http://127.0.0.1:8012"]
health = "/health"
[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
[[routes]]
name = "health"
path = "/health"
stage = "STAGE"
"""


@pytest.fixture(scope="module")
def machine():
    machine = Machine(PROGRAMS)
    try:
        for script in ("monolith.py", "clients.py"):
            machine.write(f"/srv/{script}", (HERE / script).read_text())
        machine.run("systemd-run", "--unit=monolith", "python3", "/srv/monolith.py")
        machine.write("/srv/routes.toml", TABLE.replace("STAGE", "monolith"))
        migrate(machine, "deploy render --to /srv/deployment --database", DATABASE)
        yield machine
    finally:
        machine.stop()


def migrate(machine, words, *more, fails=False):
    line = ["/opt/programs/migrate", "--routes", "/srv/routes.toml", *shlex.split(words), *more]
    return machine.run(*line, fails=fails)


def install(machine, *more, fails=False):
    return migrate(machine, "deploy install --from /srv/deployment --programs /opt/programs", *more, fails=fails)


def files(machine):
    """What an installation could leave, with a checksum of each file."""
    find = "find /etc /usr/local/bin /var/lib -xdev -path /var/lib/private -prune -o -type f -not -path '/var/lib/systemd/*' -exec cksum {} +"
    return set(machine.run("bash", "-c", find).stdout.splitlines())


def answer(machine, path="/health", port=8080):
    asked = machine.run("curl", "-s", "--max-time", "5", f"http://127.0.0.1:{port}{path}", fails=True)
    return asked.stdout


def make_database(machine):
    machine.run("install", "-d", "-o", "agent-service", "-g", "agent-service", "/var/lib/agent-service")
    empty = "import sqlite3; sqlite3.connect('/var/lib/agent-service/coordinator.db').execute('VACUUM')"
    machine.run("python3", "-c", empty)
    migrate(machine, "--yes schema apply --database", DATABASE)
    machine.run("chown", "-R", "agent-service:", "/var/lib/agent-service")


def test_a_service_that_does_not_start_leaves_nothing_behind(machine):
    before = files(machine)
    planned = install(machine, "--dry-run")
    assert "would be done" in planned.stdout and files(machine) == before
    # No secret is there yet, and no database.
    refused = install(machine, fails=True)
    assert refused.returncode == 1, refused
    assert "systemctl start agent-service" in refused.stderr and "put back as it was" in refused.stderr, refused.stderr
    assert "ADMIN_API_KEYS is not set" in refused.stderr, refused.stderr
    # Users stay, as everywhere; so do their folders.
    users = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
    left = {line for line in files(machine) - before if not any(name in line for name in users)}
    assert left == set()
    assert all(machine.property(unit, "LoadState") == "not-found" for unit in UNITS)


def test_it_runs_and_both_are_ready_when_the_command_returns(machine):
    machine.write("/etc/strangler/secrets/agent-service.env", """ADMIN_API_KEYS='["an-admin-key-of-32-characters-00"]'\n""")
    machine.run("chmod", "-R", "go-rwx", "/etc/strangler/secrets")
    make_database(machine)
    print(install(machine).stdout)
    for unit in UNITS:
        assert machine.property(unit, "ActiveState") == "active"
        assert machine.property(unit, "UnitFileState") == "enabled"
    # The monolith answers the route; the service itself is there, too.
    assert "Directory listing" in answer(machine, "/")
    assert json.loads(answer(machine, port=8012))["status"]
    again = install(machine)
    assert "restart" not in again.stdout
    checked = migrate(machine, "deploy check --output json", fails=True)
    bad = [check for check in json.loads(checked.stdout)["checks"] if check["verdict"] == "fails"]
    assert bad == []
    looked = [check["found"] for check in json.loads(checked.stdout)["checks"] if "security" in check["what"]]
    print("\n".join(looked))


def test_operators_flip_the_table_of_the_installed_proxy(machine):
    flip = ["/opt/programs/migrate", "--routes", "/var/lib/strangler/routes.toml", "--yes"]
    moved = machine.run(*flip, "cutover", "health", "--to", "service", "--force", "--reason", "test")
    assert "service" in moved.stdout
    assert json.loads(answer(machine))["status"]
    # Nobody takes the service away from under its clients.
    refused = migrate(machine, "--yes deploy uninstall", fails=True)
    assert refused.returncode == 3 and "answered by the service: health" in refused.stderr, refused


def programs(machine, name, proxy):
    """A folder with the programs, and a proxy of its own that a script makes."""
    machine.run("mkdir", f"/opt/{name}")
    for program in ("agent-service", "migrate"):
        machine.run("ln", "-s", f"/opt/programs/{program}", f"/opt/{name}/{program}")
    machine.run("bash", "-c", f"cd /opt/{name} && {{ {proxy}; }} > strangler-proxy")
    return f"/opt/{name}"


def main_process(machine, unit="strangler-proxy"):
    return machine.property(unit, "MainPID")


def update(machine, folder, fails=False):
    return migrate(machine, f"deploy install --from /srv/deployment --programs {folder}", fails=fails)


def test_a_new_proxy_takes_over_and_no_client_notices(machine):
    out = "--property=StandardOutput=file:/srv/clients.json"
    machine.run("systemd-run", "--unit=clients", out, "python3", "/srv/clients.py")
    machine.wait_for(lambda: machine.run("test", "-e", "/srv/begun", fails=True).returncode == 0)
    first, service = main_process(machine), main_process(machine, "agent-service")

    # The same program for whoever runs it, another one for whoever compares files.
    newer = programs(machine, "newer", "cat /opt/programs/strangler-proxy; echo newer")
    updated = update(machine, newer)
    assert "hand over" in updated.stdout and "restart" not in updated.stdout, updated.stdout
    second = main_process(machine)
    assert second != first and main_process(machine, "agent-service") == service

    processes = [second]
    for _ in range(2):
        machine.run("systemctl", "reload", "strangler-proxy")

        def has_taken_over():
            """another process is the main one"""
            return main_process(machine) not in processes

        machine.wait_for(has_taken_over)
        processes.append(main_process(machine))

    broken = programs(machine, "worse", "echo '#!/bin/sh'; echo 'echo this proxy is broken >&2; exit 1'")
    refused = update(machine, broken, fails=True)
    assert refused.returncode == 1 and "the old one serves on" in refused.stderr, refused.stderr
    assert "this proxy is broken" in refused.stderr and "put back as it was" in refused.stderr, refused.stderr
    assert main_process(machine) == processes[-1]
    assert machine.property("strangler-proxy", "ActiveState") == "active"

    machine.run("touch", "/srv/stop")
    machine.wait_for(lambda: machine.property("clients", "ActiveState") != "active")
    found = json.loads(machine.run("cat", "/srv/clients.json").stdout)
    print(found)
    assert found["failures"] == [] and found["kept"] > 100 and found["fresh"] > 100 and found["events"] > 20, found

    def is_alone():
        """the processes before have ended"""
        group = machine.property("strangler-proxy", "ControlGroup")
        return machine.run("cat", f"/sys/fs/cgroup{group}/cgroup.procs").stdout.split() == [processes[-1]]

    machine.wait_for(is_alone)
    machine.taken_over = processes[-1]
    assert machine.property("strangler-proxy", "NRestarts") == "0"


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_service_that_is_killed_or_hangs_is_started_again(machine, signal):
    unit = "agent-service"
    killed = machine.property(unit, "MainPID")
    machine.run("kill", f"-{signal}", killed)

    def is_new():
        """another process is ready"""
        now = machine.property(unit, "MainPID")
        return now not in ("0", killed) and machine.property(unit, "ActiveState") == "active"

    # WatchdogSec=30, and RestartSec=10.
    machine.wait_for(is_new, 90)
    assert json.loads(answer(machine, port=8012))["status"]


def test_the_watchdog_hears_the_process_that_took_over(machine):
    # WatchdogSec=30, and it has been longer since.
    assert main_process(machine) == machine.taken_over
    assert machine.property("strangler-proxy", "NRestarts") == "0"


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_proxy_that_is_killed_or_hangs_is_started_again(machine, signal):
    unit = "strangler-proxy"
    killed = machine.property(unit, "MainPID")
    machine.run("kill", f"-{signal}", killed)

    def answers():
        """another process answers"""
        return machine.property(unit, "MainPID") not in ("0", killed) and answer(machine) != ""

    machine.wait_for(answers, 90)


def test_an_update_that_does_not_start_leaves_the_old_version_running(machine):
    machine.run("mkdir", "/opt/broken")
    machine.run("ln", "-s", "/opt/programs/strangler-proxy", "/opt/programs/migrate", "/opt/broken")
    machine.write("/opt/broken/agent-service", "#!/bin/sh\necho 'this build is broken' >&2\nexit 1\n")
    line = "deploy install --from /srv/deployment --programs /opt/broken"
    refused = migrate(machine, line, fails=True)
    assert refused.returncode == 1 and "this build is broken" in refused.stderr, refused.stderr
    assert all(machine.property(unit, "ActiveState") == "active" for unit in UNITS)
    assert json.loads(answer(machine))["status"]


def test_a_port_below_1024_is_taken_by_a_proxy_that_is_not_root(machine):
    for table in ("/srv/routes.toml", "/var/lib/strangler/routes.toml"):
        machine.run("sed", "-i", "s/127.0.0.1:8080/127.0.0.1:80/", table)
    migrate(machine, "deploy render --replace --to /srv/deployment --database", DATABASE)
    assert "restart" in install(machine).stdout
    assert json.loads(answer(machine, port=80))["status"]
    assert machine.property("strangler-proxy", "User") == "strangler"
    first = main_process(machine)
    machine.run("systemctl", "reload", "strangler-proxy")

    def has_taken_over():
        """another process is the main one"""
        return main_process(machine) != first

    machine.wait_for(has_taken_over)
    assert json.loads(answer(machine, port=80))["status"]


def test_everything_goes_away_again(machine):
    flip = ["/opt/programs/migrate", "--routes", "/var/lib/strangler/routes.toml", "--yes"]
    machine.run(*flip, "rollback", "health")
    gone = migrate(machine, "--yes deploy uninstall")
    assert "strangler-proxy" in gone.stdout
    assert all(machine.property(unit, "LoadState") == "not-found" for unit in UNITS)
    left = [path for path in (line.split(" ", 2)[2] for line in files(machine)) if "strangler" in path or "agent-service" in path]
    # What was written since, by operators and by the programs.
    kept = ("/var/lib/strangler/", "/var/lib/agent-service/", "/etc/strangler/secrets/")
    assert all(path.startswith(kept) for path in left), left
    assert "nothing is installed" in migrate(machine, "--yes deploy uninstall").stdout
