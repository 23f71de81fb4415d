"""Compares a service with the recorded answers of the monolith, and the list of meant differences with the outcome.

    python tests/ledger RECORDINGS SERVICE [SECTIONS]

SECTIONS are comma-separated; none means all, and then the rows that were left are compared as well. Exit status 0 only if
every difference is listed in differences.toml and every listed one is there.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import ledger

HERE = pathlib.Path(__file__).resolve().parent


def lines(path):
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def compared(recordings, folder, kind, sections):
    """The names of what was compared, and of what differs, without any allowance."""
    report = folder / f"{kind}.json"
    compare = [sys.executable, recordings / "compare.py", "--show", "0", "--json", report]
    if kind == "exchange":
        expected, actual, noise = recordings / "expected.jsonl", folder / "actual.jsonl", "noise.json"
        compare += ["--sections", sections] if sections else []
        wanted = sections.split(",") if sections else []
        known = {r["name"] for r in lines(expected) if not wanted or r["section"] in wanted}
    else:
        expected, actual, noise = recordings / "expected-rows.jsonl", folder / "actual-rows.jsonl", "rows-noise.json"
        compare += ["--rows"]
        known = row_names(lines(expected)) | row_names(lines(actual))
    compare += [expected, actual, "--noise", recordings / noise]
    subprocess.run(compare, stdout=subprocess.DEVNULL, check=False)
    if not report.exists():
        sys.exit(f"ledger: nothing to hold the list of {kind}s against: the drive did not go through")
    with report.open(encoding="utf-8") as file:
        return known, {difference["name"] for difference in json.load(file)}


def row_names(rows):
    """The names that the comparison gives to rows."""
    seen, names = {}, set()
    for row in rows:
        table = row["table"]
        seen[table] = seen.get(table, 0) + 1
        names.add(f"{table} row {seen[table]}")
    return names


def main(recordings, service, sections=""):
    recordings = pathlib.Path(recordings).resolve()
    listed = ledger.read(HERE / "differences.toml")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ledger-"))
    try:
        allowed = folder / "allowed.json"
        allowed.write_text(json.dumps(listed["exchange"] | listed["row"]), encoding="utf-8")
        check = [sys.executable, recordings / "check.py", "--service", service, "--keep", folder, "--allowed", allowed]
        status = subprocess.run(check + (["--only", sections] if sections else []), check=False).returncode
        problems = []
        for kind in ledger.KINDS if not sections else ["exchange"]:
            known, found = compared(recordings, folder, kind, sections)
            problems += ledger.judge(listed[kind], known, found)
            problems += [] if sections else ledger.unknown(listed[kind], known)
        for problem in problems:
            print(f"tests/ledger/differences.toml: {problem}")
        return 1 if problems or status else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except ledger.Malformed as error:
        sys.exit(f"ledger: {error}")
