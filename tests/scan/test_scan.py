"""`migrate scan` says of generated monoliths what Python's `ast`, FastAPI and the generator say: nothing missed, nothing invented."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import routed
import stored
from by_ast import Source
from generated import write

MIGRATE = os.environ.get("MIGRATE", "target/debug/migrate")


def scan(folder: Path, *extracted: str) -> dict:
    command = [MIGRATE, "scan", str(folder), "--output", "json", "--extract", *extracted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_crossing_is_the_one_that_ast_finds(tmp_path: Path, seed: int) -> None:
    write(tmp_path, seed)
    report = scan(tmp_path, "mono/deep/**")
    assert report["files"] >= 1000 and not report["unread"] and not report["nowhere"]
    crossings = report["importers"] + report["needs"]
    said = {(one["from"], one["line"], one["to"], tuple(one["names"])) for one in crossings}
    inside = "mono/deep/"
    found = {link for link in Source(tmp_path).links() if link[0].startswith(inside) != link[2].startswith(inside)}
    assert len(found) > 1000
    assert {one["form"] for one in crossings} == {"import", "from", "star", "dynamic", "text"}
    assert said - found == set(), "invented"
    assert found - said == set(), "missed"


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_every_route_is_at_the_path_where_fastapi_serves_it(tmp_path: Path, seed: int) -> None:
    routed.write(tmp_path, seed)
    report = scan(tmp_path, "mono/**")
    assert not report["routes"]["untold"]
    routes = report["routes"]["served"]
    said = {
        (route["file"], route["line"], tuple(sorted(route["methods"])), path["path"]) for route in routes for path in route["paths"]
    }
    found = routed.served(tmp_path)
    assert len(found) > 200
    assert any(not route["paths"] for route in routes), "some routers nobody takes in"
    assert said - found == set(), "invented"
    assert found - said == set(), "missed"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_read_and_write_of_a_table_is_told(tmp_path: Path, seed: int) -> None:
    found = stored.write(tmp_path, seed)
    report = scan(tmp_path, "mono/f*.py")
    said = {
        (one["file"], table["name"], kind, line)
        for table in report["tables"]
        for one in table["extracted"]
        for kind in ("reads", "writes")
        for line in one[kind]
    }
    assert len(found) > 300
    assert said - found == set(), "invented"
    assert found - said == set(), "missed"
