"""`migrate scan` and Python's `ast` say the same of a thousand modules: nothing missed, nothing invented."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from by_ast import Source
from generated import write

MIGRATE = os.environ.get("MIGRATE", "target/debug/migrate")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_crossing_is_the_one_that_ast_finds(tmp_path: Path, seed: int) -> None:
    write(tmp_path, seed)
    command = [MIGRATE, "scan", str(tmp_path), "--output", "json", "--extract", "mono/deep/**"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, done.stderr
    report = json.loads(done.stdout)
    assert report["files"] >= 1000 and not report["unread"] and not report["nowhere"]
    crossings = report["importers"] + report["needs"]
    said = {(one["from"], one["line"], one["to"], tuple(one["names"])) for one in crossings}
    inside = "mono/deep/"
    found = {link for link in Source(tmp_path).links() if link[0].startswith(inside) != link[2].startswith(inside)}
    assert len(found) > 1000
    assert {one["form"] for one in crossings} == {"import", "from", "star", "dynamic", "text"}
    assert said - found == set(), "invented"
    assert found - said == set(), "missed"
