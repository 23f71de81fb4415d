"""Asks a service everything that its own description allows, and much that it does not, by schemathesis.

    python tests/openapi SERVICE [further arguments for schemathesis]

Starts the binary on a fresh SQLite file and a free loopback port, and stops it at the end. Exit status 0 only if no answer was
a failure of the service (5xx), had a status or a type that is not documented, or broke its own schema.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time


CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# The same endpoints stand under three prefixes; one of them is enough.
ALIASES = "^/(v1/|api/v1/agent/)"
# Each operation gets what the description suggests, what lies at its edges, and so many requests that are made up.
EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "15")
# Seconds, for a machine that has much else to do.
START_LIMIT, RUN_LIMIT = 30, 600


def memory_folder():
    """A folder in memory where the system has one: how fast a disk is does not matter here."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return pathlib.Path(tempfile.mkdtemp(prefix="openapi-", dir=memory))


def start(binary, folder):
    """The running service and its address, which its log names."""
    log = folder / "service.log"
    settings = {
        "APP_ENV": "dev",
        "APP_HOST": "127.0.0.1",
        "APP_PORT": "0",
        "DATABASE_URL": f"sqlite:///{folder / 'service.db'}",
        "LOG_FORMAT": "json",
        # Made-up deployments must not reach the units of this machine, nor alerts anybody.
        "UNIT_MANAGER": "none",
        "AITBC_ALERT_WEBHOOK_URL": "",
        # Whoever tries every endpoint waits for the end of each answer.
        "EVENT_STREAM_SECONDS": "1",
    }
    with log.open("w") as out:
        process = subprocess.Popen([binary], env=dict(os.environ, **settings), stdout=out, stderr=out, cwd=folder)
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            fields = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if fields.get("message") == "listening":
                return process, f"http://{fields['address']}"
        time.sleep(0.05)
    stop(process)
    sys.exit(f"openapi: {binary} does not listen:\n{log.read_text()[-2000:]}")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def schemathesis(address, further):
    """What schemathesis is told; a fixed seed, so that what fails today fails tomorrow."""
    return [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        "run", f"{address}/openapi.json",
        "--checks", ",".join(CHECKS),
        "--exclude-path-regex", ALIASES,
        "--header", "X-Api-Key: alice",
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", EXAMPLES,
        "--seed", "1",
        "--request-timeout", "30",
        "--continue-on-failure",
        "--no-shrink",
        "--generation-database", "none",
        "--suppress-health-check", "all",
        "--warnings", "off",
        "--no-color",
        *further,
    ]


def main(binary, *further):
    folder = memory_folder()
    process = None
    try:
        process, address = start(str(pathlib.Path(binary).resolve()), folder)
        run = subprocess.run(schemathesis(address, further), cwd=folder, timeout=RUN_LIMIT, check=False)
        if process.poll() is not None:
            sys.exit(f"openapi: the service stopped:\n{(folder / 'service.log').read_text()[-2000:]}")
        return run.returncode
    except subprocess.TimeoutExpired:
        sys.exit(f"openapi: not done after {RUN_LIMIT} s; set OPENAPI_EXAMPLES to less than {EXAMPLES}")
    finally:
        if process:
            stop(process)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
