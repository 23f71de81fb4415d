"""Compares a service on PostgreSQL with the recorded answers of the monolith on PostgreSQL, and the list of meant differences.

    python tests/ledger/on_postgres.py RECORDINGS SERVICE URL [SECTIONS]

URL is that of an empty database. The recording is of a drive that writes no rows by itself and asks no second, production
service; so this one does neither. Exit status 0 only if every difference is listed in differences.postgres.toml and every listed
one is there.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import ledger

HERE = pathlib.Path(__file__).resolve().parent
LIST = "differences.postgres.toml"
# The service keeps its key beside a file of SQLite. Here it is told one.
KEY = "07" * 32


def started(service, url, folder):
    """The running service and where it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {"APP_ENV": "dev", "APP_HOST": "127.0.0.1", "APP_PORT": port, "DATABASE_URL": url, "RECEIPT_SIGNING_KEY_HEX": KEY}
    with (folder / "service.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([service], env=os.environ | settings, stdout=log, stderr=log, cwd=folder)
    base = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/health", timeout=1).close()
            return process, base
        except OSError:
            time.sleep(0.05)
    process.kill()
    sys.exit(f"{service} does not answer:\n" + (folder / "service.log").read_text(encoding="utf-8")[-2000:])


def main(recordings, service, url, sections=""):
    recordings, service = pathlib.Path(recordings).resolve(), pathlib.Path(service).resolve()
    listed = ledger.read(HERE / LIST)["exchange"]
    only = sections.split(",") if sections else []
    with tempfile.TemporaryDirectory(prefix="ledger-postgres-") as folder:
        folder = pathlib.Path(folder)
        actual, allowed, report = (folder / name for name in ("actual.jsonl", "allowed.json", "report.json"))
        process, base = started(service, url, folder)
        try:
            drive = [sys.executable, recordings / "drive.py", "--base", base, "--out", actual]
            drive += ["--only", sections] if sections else []
            subprocess.run(drive, stdout=subprocess.DEVNULL, check=False)
        finally:
            process.terminate()
            process.wait(timeout=30)
        expected = recordings / "expected.postgres.jsonl"
        allowed.write_text(json.dumps(listed), encoding="utf-8")
        compare = [sys.executable, recordings / "compare.py", expected, actual, "--noise", recordings / "noise.json"]
        compare += ["--sections", sections] if sections else []
        status = subprocess.run([*compare, "--allowed", allowed], check=False).returncode
        subprocess.run([*compare, "--show", "0", "--json", report], stdout=subprocess.DEVNULL, check=False)
        if not report.exists():
            sys.exit("ledger: nothing to hold the list against: the drive did not go through")
        found = {difference["name"] for difference in json.loads(report.read_text(encoding="utf-8"))}
        with expected.open(encoding="utf-8") as file:
            recorded = [json.loads(line) for line in file if line.strip()]
        known = {exchange["name"] for exchange in recorded if not only or exchange["section"] in only}
        problems = ledger.judge(listed, known, found)
        problems += [] if only else ledger.unknown(listed, known)
        for problem in problems:
            print(f"tests/ledger/{LIST}: {problem}")
        return 1 if problems or status else 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except ledger.Malformed as error:
        sys.exit(f"ledger: {error}")
